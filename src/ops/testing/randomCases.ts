/**
 * Every op on shapes drawn at random: mostly small and odd, with 1 and, where an op takes them, 0 rows, and now and then one
 * extent past all tiles and blocks of the kernels. A pure function of seed, op and number, so that a worker draws the same.
 */
import * as tf from '@tensorflow/tfjs';
import { Random } from '../../data/random.js';
import { type Activation, type AdamWStep, adamwUpdate, type DropoutSpec, scatterAddRows, sumOfSquares } from '../index.js';
import {
  attentionCase, attentionSublayerCase, classCrossEntropyCase, dropoutCase, embeddingSumCase, feedForwardCase, feedForwardSublayerCase, gatherRowsCase, layerNormCase, linearActivationCase, linearCase, linearWithoutBiasCase,
  meanSquaredErrorCase, mlmCrossEntropyCase, type OpCase, qkvLinearCase, randomInputs, residualLayerNormCase,
} from './opCases.js';

export interface RandomOp {
  readonly name: string;
  /** Whether it multiplies matrices, whose precision can be chosen. */
  readonly products?: boolean;
  /** Draws case number `index`; the first few are the extremes. */
  readonly draw: (random: Random, index: number) => OpCase;
}

/** The first numbers of each op: no rows, and a single element. */
const zeroRows = 0;
const singleElement = 1;

const longest = 1500;
const mostUsual = 48;

/** 1 to `most`, rather small than large. */
function extent(random: Random, most = mostUsual): number {
  const kind = random.uniform();
  if (kind < 0.1) return 1;
  return 1 + random.integer(kind < 0.7 ? Math.min(20, most) : most);
}

/** `rank` extents; in one case of ten a long one beside short ones. */
function extents(random: Random, index: number, rank: number): number[] {
  if (index === singleElement) return new Array<number>(rank).fill(1);
  const long = random.uniform() < 0.1 ? random.integer(rank) : undefined;
  const drawn = Array.from({ length: rank }, (_, i) => (long === undefined ? extent(random) : i === long ? 300 + random.integer(longest - 300) : extent(random, 9)));
  return index === zeroRows ? [0, ...drawn.slice(1)] : drawn;
}

function dropoutSpec(random: Random): DropoutSpec {
  return { rate: [0.1, 1 / 3, 0.5, 0.9][random.integer(4)] as number, key: random.uint32() };
}

function maybeDropout(random: Random): DropoutSpec | undefined {
  return random.uniform() < 0.5 ? dropoutSpec(random) : undefined;
}

function linearLike(make: (m: number, k: number, n: number) => OpCase): RandomOp['draw'] {
  return (random, index) => {
    const [m, k, n] = extents(random, index, 3) as [number, number, number];
    return make(m, k, n);
  };
}

/** A few elements may lie so close together that what is left of them is the rounding of the inputs; the larger epsilon bounds its growth. */
const epsilonOf = (cols: number): number => (cols < 5 ? 1 : 1e-12);

/** For ops of several products: what survives a high rate is scaled up, and its rounding with it. */
function mildDropout(random: Random): DropoutSpec | undefined {
  const spec = maybeDropout(random);
  return spec === undefined ? undefined : { ...spec, rate: Math.min(spec.rate, 0.3) };
}

type AttentionCase = (lengths: readonly number[], heads: number, headDim: number, spec?: DropoutSpec) => OpCase;

/** Some tokens of the sequences, none or all at times. */
function someTokens(random: Random, lengths: readonly number[]): number[] {
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const share = [0, 0.15, 0.5, 1][random.integer(4)] as number;
  return Array.from({ length: tokens }, (_, i) => i).filter(() => random.uniform() < share);
}

/** Sequences of a batch, empty ones among them; one case of twenty is a longer one, one of a hundred has more than 700 tokens. */
function drawAttention(random: Random, index: number, spec: DropoutSpec | undefined, makeCase: AttentionCase = attentionCase): OpCase {
  if (index === zeroRows) return makeCase([0, 0], 2, 3, spec);
  if (index === singleElement) return makeCase([1], 1, 1, spec);
  if (index % 100 === 2) return makeCase([701 + random.integer(40), random.integer(3)], 1, 1 + random.integer(5), spec);
  if (index % 20 === 3) return makeCase([80 + random.integer(80)], 1, extent(random, 70), spec);
  const lengths = Array.from({ length: 1 + random.integer(4) }, (): number => (random.uniform() < 0.1 ? 0 : extent(random, 20)));
  if (Math.max(...lengths) === 0) lengths.push(extent(random, 20));
  return makeCase(lengths, 1 + random.integer(4), extent(random, 33), spec);
}

/** Three steps of one or two parameters, and all that they change, side by side. */
function adamwCase(random: Random, sizes: readonly number[]): OpCase {
  const between = (low: number, high: number): number => low + (high - low) * random.uniform();
  const step: Omit<AdamWStep, 'correction1' | 'correction2'> = {
    weightDecay: Float32Array.from(sizes, () => Math.fround(random.integer(2) * between(0, 0.1))),
    lrScale: Float32Array.from(sizes, () => Math.fround(between(0.3, 1))),
    learningRate: between(1e-4, 0.1), beta1: between(0.5, 0.95), beta2: between(0.9, 0.999), epsilon: between(1e-3, 1e-2), gradScale: between(0.1, 1),
  };
  const corrected = random.integer(2) === 1;
  return {
    name: `adamwUpdate of ${sizes.join(' and ')}${corrected ? '' : ' without bias correction'}`,
    shapes: [...sizes, ...sizes].map((size) => [size]),
    forwardOnly: true,
    run: (...inputs) => {
      // Not of the inputs themselves: the native engine updates the buffer in place.
      const parameters = inputs.slice(0, sizes.length).map((input) => tf.variable(input.mul(1)));
      const [ms, vs] = [parameters, parameters].map((list) => list.map((parameter) => tf.variable(tf.zerosLike(parameter)))) as [tf.Variable[], tf.Variable[]];
      const all = [...parameters, ...ms, ...vs];
      for (let t = 1; t <= 3; t++) {
        const gradients = inputs.slice(sizes.length).map((input) => input.mul(t === 2 ? -0.5 : t));
        adamwUpdate(parameters, gradients, ms, vs, { ...step, correction1: corrected ? 1 - step.beta1 ** t : 1, correction2: corrected ? 1 - step.beta2 ** t : 1 });
      }
      const result = tf.concat(all.map((variable) => variable.flatten()));
      tf.dispose(all);
      return result;
    },
  };
}

function sumOfSquaresCase(sizes: readonly number[]): OpCase {
  return { name: `sumOfSquares of ${sizes.join(' and ')}`, shapes: sizes.map((size) => [size]), forwardOnly: true, run: (...inputs) => tf.scalar(sumOfSquares(inputs)) };
}

function scatterAddRowsCase(random: Random, count: number, hidden: number, rows: number): OpCase {
  const targets = Int32Array.from({ length: count }, () => random.integer(rows));
  return { name: `scatterAddRows ${count}x${hidden} into ${rows}`, shapes: [[count, hidden]], forwardOnly: true, run: (values) => scatterAddRows(values as tf.Tensor2D, targets, rows) };
}

/** Sizes of one or two arrays; native kernels cut long ones into pieces for the threads. */
function arraySizes(random: Random, index: number): number[] {
  if (index === singleElement) return [1];
  return Array.from({ length: 1 + random.integer(2) }, () => (random.uniform() < 0.02 ? 20_000 + random.integer(50_000) : extent(random, 400)));
}

export const randomOps: readonly RandomOp[] = [
  { name: 'linear', products: true, draw: linearLike(linearCase) },
  { name: 'linear without bias', products: true, draw: linearLike(linearWithoutBiasCase) },
  ...(['gelu', 'gelu_new', 'tanh'] as const).map((activation) => ({
    name: `linearActivation ${activation}`,
    products: true,
    // So that x W^T + b stays where the activation is curved.
    draw: linearLike((m, k, n) => ({ ...linearActivationCase(m, k, n, activation), spread: k ** -0.25 })),
  })),
  { name: 'linearActivation relu', products: true, draw: linearLike((m, k, n) => ({ ...linearActivationCase(m, k, n, 'relu'), eighths: true })) },
  {
    name: 'feedForward',
    products: true,
    draw: (random, index) => {
      const [t, h, f] = extents(random, index, 3) as [number, number, number];
      const activation = (['gelu', 'gelu_new', 'tanh', 'relu'] as const)[random.integer(4)] as Activation;
      const opCase = feedForwardCase(t, h, f, activation);
      return activation === 'relu' ? { ...opCase, eighths: true } : { ...opCase, spread: Math.max(h, f) ** -0.25 };
    },
  },
  {
    name: 'qkvLinear',
    products: true,
    draw: (random, index) => {
      const [t, h] = extents(random, index, 2) as [number, number];
      return qkvLinearCase(t, Math.min(h, 130));
    },
  },
  { name: 'attention', products: true, draw: (random, index) => drawAttention(random, index, undefined) },
  { name: 'attention with dropout', products: true, draw: (random, index) => drawAttention(random, index, dropoutSpec(random)) },
  { name: 'attentionSublayer', products: true, draw: (random, index) => drawAttention(random, index, mildDropout(random), attentionSublayerCase) },
  {
    name: 'attentionSublayer at some tokens', products: true,
    draw: (random, index) =>
      drawAttention(random, index, mildDropout(random), (lengths, heads, headDim, spec) => attentionSublayerCase(lengths, heads, headDim, spec, someTokens(random, lengths))),
  },
  {
    name: 'feedForwardSublayer',
    products: true,
    draw: (random, index) => {
      const [t, h, f] = extents(random, index, 3) as [number, number, number];
      // The normalisation of one column is constant.
      return { ...feedForwardSublayerCase(t, Math.max(2, h), f, (['gelu', 'gelu_new', 'tanh'] as const)[random.integer(3)] as Activation, mildDropout(random)), spread: Math.max(h, f) ** -0.25 };
    },
  },
  {
    name: 'layerNorm',
    draw: (random, index) => {
      const [t, h] = extents(random, index, 2) as [number, number];
      return layerNormCase(t, h, epsilonOf(h));
    },
  },
  {
    name: 'residualLayerNorm',
    draw: (random, index) => {
      const [t, h] = extents(random, index, 2) as [number, number];
      return residualLayerNormCase(t, h, maybeDropout(random), epsilonOf(h));
    },
  },
  {
    name: 'dropout',
    draw: (random, index) => {
      const [t, h] = extents(random, index, 2) as [number, number];
      return dropoutCase(t, h, dropoutSpec(random));
    },
  },
  {
    name: 'embeddingSum',
    draw: (random, index) => {
      const [t, h, v, p] = extents(random, index, 4) as [number, number, number, number];
      return embeddingSumCase(t, h, v, p);
    },
  },
  {
    name: 'gatherRows',
    draw: (random, index) => {
      const [m, h, t] = extents(random, index, 3) as [number, number, number];
      return gatherRowsCase(t, h, m);
    },
  },
  {
    name: 'scatterAddRows',
    draw: (random, index) => {
      const [count, hidden, rows] = extents(random, index, 3) as [number, number, number];
      return scatterAddRowsCase(random, count, hidden, rows);
    },
  },
  {
    name: 'mlmCrossEntropy',
    products: true,
    draw: (random, index) => {
      const [m, h, v] = extents(random, index, 3) as [number, number, number];
      return { ...mlmCrossEntropyCase(m, h, v, random.integer(2) === 1 ? 0.1 + random.uniform() : undefined), spread: h ** -0.25 };
    },
  },
  {
    name: 'classCrossEntropy',
    draw: (random, index) => {
      const [b, c] = extents(random, index, 2) as [number, number];
      return classCrossEntropyCase(Math.max(1, b), c, random.integer(2) * 0.1);
    },
  },
  { name: 'meanSquaredError', draw: (random, index) => meanSquaredErrorCase(Math.max(1, extents(random, index, 1)[0] as number)) },
  { name: 'adamwUpdate', draw: (random, index) => adamwCase(random, arraySizes(random, index)) },
  { name: 'sumOfSquares', draw: (random, index) => sumOfSquaresCase(arraySizes(random, index)) },
];

/** Case number `index` of an op and values for it; the same for the same seed everywhere. */
export function randomCase(op: RandomOp, seed: number, index: number): { readonly opCase: OpCase; readonly inputs: Float32Array[] } {
  const opCase = op.draw(new Random(seed, randomOps.indexOf(op), index), index);
  return { opCase, inputs: randomInputs(opCase, seed + index) };
}
