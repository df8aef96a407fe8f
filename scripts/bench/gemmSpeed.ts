/**
 * Speed of the matrix products at the shapes of BERT's layers and at small and odd ones: GFLOPS and the share of the measured peak,
 * best of several calls. NT is the forward product, NN the gradient of the inputs, TN the gradient of the weights.
 */
import { presets } from '../../src/config/index.js';
import type { NativeAddon } from '../../src/native/addon.js';

export const productKinds = ['NN', 'NT', 'TN'] as const;
export type ProductKind = (typeof productKinds)[number];

/** Of one product; `layer` and `modelConfig` of those that a model has. */
export interface GemmResult {
  readonly set: 'layers' | 'small';
  readonly modelConfig?: string;
  readonly layer?: string;
  readonly engine: 'native';
  readonly isa: string;
  readonly precision: 'highest' | 'bf16';
  readonly kind: ProductKind;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly gflops: number;
  /** 0 to 1. */
  readonly shareOfPeak: number;
  readonly bestMs: number;
}

/** Below so much arithmetic the cost of a call decides, above it a low share is a cliff. */
const cliffFlops = 1e6;
export const summarySets = ['layers', 'small', 'small, from 1 MFLOP'] as const;

/** Over the shapes of one set and kind. */
export interface GemmSummary {
  readonly isa: string;
  readonly precision: 'highest' | 'bf16';
  readonly peakGflops: number;
  readonly set: (typeof summarySets)[number];
  readonly kind: ProductKind;
  readonly geometricMean: number;
  readonly worst: number;
  readonly worstShape: string;
}

export interface GemmOptions {
  readonly models: readonly (keyof typeof presets)[];
  readonly isa: string;
  readonly precision: 'highest' | 'bf16';
  /** Processor time instead of wall time: on one thread the right one where other processes take turns. */
  readonly clock: 'wall' | 'cpu';
}

/** Sequences of 128 tokens as in a step; half as many for wide models. */
function tokensOf(hiddenSize: number): number {
  return (hiddenSize < 768 ? 32 : 16) * 128;
}

/** Outputs and inputs of the layers' weights. */
function layersOf(model: keyof typeof presets): readonly (readonly [layer: string, out: number, into: number])[] {
  const { hiddenSize, intermediateSize } = presets[model];
  return [
    ['attention', hiddenSize, hiddenSize],
    ['feed-forward in', intermediateSize, hiddenSize],
    ['feed-forward out', hiddenSize, intermediateSize],
  ];
}

/** Cubes, then skinny and fat ones: [m, n, k]. */
export const smallShapes: readonly (readonly [number, number, number])[] = [
  ...[1, 2, 3, 7, 17, 31, 33, 63, 100, 129, 257, 1000].map((size) => [size, size, size] as const),
  [1, 768, 768],
  [32, 384, 384],
  [32, 2, 384],
  [4096, 1, 384],
  [4096, 3, 384],
  [3, 4096, 384],
  [4096, 384, 3],
  [17, 30522, 31],
  [614, 1000, 384],
  [5, 7, 4096],
  [1000, 33, 1000],
  [33, 1000, 7],
];

const millisecondsEach = { layers: 250, small: 30 };
/** A sample has so many calls that reading the clock does not count; processor time comes in microseconds. */
const sampleNanoseconds = { wall: 50_000, cpu: 1_000_000 };

function nanoseconds(clock: GemmOptions['clock'], call: () => void): number {
  if (clock === 'cpu') {
    const start = process.cpuUsage();
    call();
    const { user, system } = process.cpuUsage(start);
    return (user + system) * 1e3;
  }
  const start = process.hrtime.bigint();
  call();
  return Number(process.hrtime.bigint() - start);
}

/** Nanoseconds of the best call. */
function bestTime(addon: NativeAddon, kind: ProductKind, [m, n, k]: readonly [number, number, number], set: 'layers' | 'small', clock: GemmOptions['clock']): number {
  const a = new Float32Array(m * k).fill(0.5);
  const b = new Float32Array(n * k).fill(0.25);
  const out = new Float32Array(m * n);
  const call = (): void => addon.gemm(kind === 'TN', kind === 'NT', m, n, k, a, b, out, false);
  call();
  const calls = Math.max(1, Math.ceil(sampleNanoseconds[clock] / Math.max(1, nanoseconds('wall', call))));
  const until = performance.now() + millisecondsEach[set];
  let best = Infinity;
  for (let samples = 0; samples < 3 || performance.now() < until; samples++) {
    best = Math.min(best, nanoseconds(clock, () => { for (let i = 0; i < calls; i++) call(); }) / calls);
  }
  return best;
}

/** All shapes with one instruction set and precision. The addon is left as it was found. */
export function measureGemm(addon: NativeAddon, { models, isa, precision, clock }: GemmOptions): { readonly peakGflops: number; readonly results: readonly GemmResult[]; readonly summary: readonly GemmSummary[] } {
  const { isa: before, withBf16 } = addon.info();
  addon.setIsa(isa);
  addon.setMatmulPrecision(precision);
  try {
    // f32 products beside those of bfloat16 are AVX-512's.
    const peakGflops = addon.measurePeakGflops(withBf16.includes(isa) && precision === 'highest' ? 'avx512' : isa);
    const measured = (set: 'layers' | 'small', kind: ProductKind, shape: readonly [number, number, number], names: Pick<GemmResult, 'modelConfig' | 'layer'>): GemmResult => {
      const [m, n, k] = shape;
      const best = bestTime(addon, kind, shape, set, clock);
      const gflops = (2 * m * n * k) / best;
      return { set, ...names, engine: 'native', isa, precision, kind, m, n, k, gflops, shareOfPeak: gflops / peakGflops, bestMs: best / 1e6 };
    };
    const results: GemmResult[] = [];
    for (const modelConfig of models) {
      const tokens = tokensOf(presets[modelConfig].hiddenSize);
      for (const [layer, out, into] of layersOf(modelConfig)) {
        const shapes = { NN: [tokens, into, out], NT: [tokens, out, into], TN: [out, into, tokens] } as const;
        for (const kind of productKinds) results.push(measured('layers', kind, shapes[kind], { modelConfig, layer }));
      }
    }
    for (const shape of smallShapes) for (const kind of productKinds) results.push(measured('small', kind, shape, {}));
    const inSet = (set: GemmSummary['set'], { set: own, m, n, k }: GemmResult): boolean => (set === 'small, from 1 MFLOP' ? own === 'small' && 2 * m * n * k >= cliffFlops : own === set);
    const summary = summarySets.flatMap((set) =>
      productKinds.map((kind): GemmSummary => ({ isa, precision, peakGflops, set, kind, ...summarize(results.filter((result) => result.kind === kind && inSet(set, result))) })),
    );
    return { peakGflops, results, summary };
  } finally {
    addon.setMatmulPrecision('highest');
    addon.setIsa(before);
  }
}

/** Geometric mean of the shares of the peak, and the worst one with its shape. */
export function summarize(results: readonly GemmResult[]): Pick<GemmSummary, 'geometricMean' | 'worst' | 'worstShape'> {
  const logarithms = results.reduce((sum, { shareOfPeak }) => sum + Math.log(shareOfPeak), 0);
  const [worst] = [...results].sort((a, b) => a.shareOfPeak - b.shareOfPeak);
  return { geometricMean: Math.exp(logarithms / results.length), worst: worst?.shareOfPeak ?? 0, worstShape: worst === undefined ? '' : `${worst.m} x ${worst.n} x ${worst.k}` };
}
