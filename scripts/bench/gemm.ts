/**
 * Speed of the matrix products at the shapes of BERT's layers, 4,096 tokens: GFLOPS and the share of the measured peak, best
 * of several calls. NT is the forward product, NN the gradient of the inputs, TN the gradient of the weights.
 *
 *   npm run build && node dist/scripts/bench/gemm.js [--threads N] [--isa NAME] [--clock cpu]
 *
 * `--clock cpu` counts processor time instead of wall time: on one thread the right one where other processes take turns.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { chooseThreads } from '../../src/engine/threads.js';
import type { NativeAddon } from '../../src/native/addon.js';
import { loadAddon } from '../../src/native/loadAddon.js';

const { values: flags } = parseArgs({ options: { threads: { type: 'string' }, isa: { type: 'string' }, clock: { type: 'string' } } });
const result = await loadAddon();
if (result.addon === undefined) throw new Error(`no addon to measure: ${result.why}. ${result.hint}`);
const addon: NativeAddon = result.addon;
addon.setThreads(chooseThreads(flags.threads === undefined ? undefined : Number(flags.threads)).threads);
const { threads, compiler, available } = addon.info();

const tokens = 4096;
/** Columns out and in of the layers' weights. */
const layers: readonly [model: string, layer: string, out: number, into: number][] = [
  ['tiny', 'attention', 128, 128],
  ['tiny', 'feed-forward in', 512, 128],
  ['mini', 'attention', 256, 256],
  ['minilm-l6', 'attention', 384, 384],
  ['minilm-l6', 'feed-forward in', 1536, 384],
  ['minilm-l6', 'feed-forward out', 384, 1536],
  ['base', 'attention', 768, 768],
  ['base', 'feed-forward in', 3072, 768],
  ['base', 'feed-forward out', 768, 3072],
];
const millisecondsEach = 250;

function nanoseconds(call: () => void): number {
  if (flags.clock === 'cpu') {
    const start = process.cpuUsage();
    call();
    const { user, system } = process.cpuUsage(start);
    return (user + system) * 1e3;
  }
  const start = process.hrtime.bigint();
  call();
  return Number(process.hrtime.bigint() - start);
}

/** GFLOPS of the best call. */
function measure(transA: boolean, transB: boolean, m: number, n: number, k: number): number {
  const a = new Float32Array(m * k).fill(0.5);
  const b = new Float32Array(n * k).fill(0.25);
  const out = new Float32Array(m * n);
  const until = performance.now() + millisecondsEach;
  let best = Infinity;
  for (let calls = 0; calls < 3 || performance.now() < until; calls++) {
    best = Math.min(best, nanoseconds(() => addon.gemm(transA, transB, m, n, k, a, b, out, false)));
  }
  return (2 * m * n * k) / best;
}

function measureIsa(isa: string): void {
  addon.setIsa(isa);
  addon.setMatmulPrecision(isa === 'avx512bf16' ? 'bf16' : 'highest');
  const peak = addon.measurePeakGflops(isa);
  console.log(`${isa}${isa === 'avx512bf16' ? ' (operands in bfloat16)' : ''}: peak ${peak.toFixed(0)} GFLOPS`);
  for (const [model, layer, out, into] of layers) {
    const products = [
      ['NT', measure(false, true, tokens, out, into)],
      ['NN', measure(false, false, tokens, into, out)],
      ['TN', measure(true, false, out, into, tokens)],
    ] as const;
    const cells = products.map(([kind, speed]) => `${kind} ${speed.toFixed(0).padStart(5)} (${((100 * speed) / peak).toFixed(0)}%)`);
    console.log(`  ${model.padEnd(10)} ${layer.padEnd(17)} ${`${into} to ${out}`.padEnd(13)} ${cells.join('  ')}`);
  }
}

console.log(`${os.cpus()[0]?.model ?? 'unknown processor'}, ${threads} threads, ${compiler}, Node ${process.version}`);
for (const isa of flags.isa === undefined ? available : [flags.isa]) measureIsa(isa);
