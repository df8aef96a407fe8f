/** The most that this machine computes, against which the utilisation of a run is told. */
import * as tf from '@tensorflow/tfjs';
import { type EngineName, engineInfo, type MatmulPrecision } from '../engine/index.js';
import { addon } from '../native/tensors.js';

/** A measured rate of multiply-adds, two floating-point operations each, of all the engine's threads together. */
export interface PeakFlops {
  readonly gflops: number;
  /** `registers`: on registers alone, the bound of every product; `product`: the best of some large matrix products. */
  readonly measuredOn: 'registers' | 'product';
}

interface TimedProduct {
  /** Of the square matrices. */
  readonly size: number;
  /** Of which the best counts. */
  readonly runs: number;
}

/** Large enough for each engine to come near its best, and together well below a second. */
const products: Readonly<Partial<Record<EngineName, TimedProduct>>> = { gpu: { size: 4096, runs: 5 }, wasm: { size: 256, runs: 5 }, cpu: { size: 96, runs: 2 } };
const usualProduct: TimedProduct = { size: 768, runs: 5 };

/** As a part of a line: `measured peak 236 GFLOPS`. */
export function peakText({ gflops }: PeakFlops): string {
  return `measured peak ${gflops < 10 ? gflops.toFixed(1) : Math.round(gflops)} GFLOPS`;
}

const measured = new Map<string, PeakFlops>();

/**
 * Measures with the engine, the threads and the instruction set in use, once in a process: a suite's runs are told against one peak.
 * Whatever else runs on the machine at that moment makes it lower.
 */
export function measurePeakFlops(precision: MatmulPrecision): PeakFlops {
  const { engine, isa, threads } = engineInfo();
  const key = [engine, isa, threads, precision].join(' ');
  const peak = measured.get(key) ?? measure(precision);
  measured.set(key, peak);
  return peak;
}

function measure(precision: MatmulPrecision): PeakFlops {
  const { engine, isa, hasBf16 } = engineInfo();
  // float32 products beside those of bfloat16 are AVX-512's.
  if (isa !== undefined) return { gflops: addon().measurePeakGflops(hasBf16 && precision === 'highest' ? 'avx512' : isa), measuredOn: 'registers' };
  return { gflops: bestProductGflops(products[engine] ?? usualProduct), measuredOn: 'product' };
}

function bestProductGflops({ size, runs }: TimedProduct): number {
  let best = 0;
  tf.tidy(() => {
    const [a, b] = [tf.randomUniform([size, size]), tf.randomUniform([size, size])];
    // The first run also starts threads and compiles.
    for (let run = 0; run <= runs; run++) {
      const start = performance.now();
      tf.matMul(a, b).dataSync();
      if (run > 0) best = Math.max(best, (2 * size ** 3) / (performance.now() - start) / 1e6);
    }
  });
  return best;
}
