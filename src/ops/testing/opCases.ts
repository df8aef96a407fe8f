/**
 * Every op with a gradient as data: how to call it, on inputs of which shapes. The gradient check, the comparison of engines and
 * the leak test run over these tables, so that an op is under all three from its row on.
 */
import * as tf from '@tensorflow/tfjs';
import { Random } from '../../data/random.js';
import { type Activation, adaptedLinear, adaptedLinearActivation, attention, attentionSublayer, classCrossEntropy, type DropoutSpec, dropout, embeddingSum, feedForward, feedForwardSublayer, gatherRows, layerNorm, linear, linearActivation, meanSquaredError, mlmCrossEntropy, qkvLinear, residualLayerNorm } from '../index.js';

export interface OpCase {
  readonly name: string;
  /** Of the differentiable inputs. */
  readonly shapes: readonly (readonly number[])[];
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor;
  /** Standard deviation of the inputs; default 1. */
  readonly spread?: number;
  /**
   * Rounds the inputs to multiples of 1/8, whose products and sums are exact in every precision: for an op with a step in it,
   * which rounding would take to the other side now and then.
   */
  readonly eighths?: boolean;
  /** The op has no gradient. */
  readonly forwardOnly?: boolean;
}

// The rank of each input stands in the case's `shapes`, beside the call.
const matrix = (x: tf.Tensor | undefined): tf.Tensor2D => x as tf.Tensor2D;
const vector = (x: tf.Tensor | undefined): tf.Tensor1D => x as tf.Tensor1D;
const describeDropout = (spec: DropoutSpec | undefined): string => (spec === undefined ? '' : ` dropout ${spec.rate}`);
const third: DropoutSpec = { rate: 1 / 3, key: 0x9abcdef1 };
const tenth: DropoutSpec = { rate: 0.1, key: 7 };

function integers(count: number, limit: number): Int32Array {
  const random = new Random(count, limit);
  return Int32Array.from({ length: count }, () => random.integer(limit));
}

export function linearCase(m: number, k: number, n: number): OpCase {
  return { name: `linear ${m}x${k}x${n}`, shapes: [[m, k], [n, k], [n]], run: (x, w, b) => linear(matrix(x), matrix(w), vector(b)) };
}

export function linearWithoutBiasCase(m: number, k: number, n: number): OpCase {
  return { name: `linear without bias ${m}x${k}x${n}`, shapes: [[m, k], [n, k]], run: (x, w) => linear(matrix(x), matrix(w), null) };
}

export function linearActivationCase(m: number, k: number, n: number, activation: Activation): OpCase {
  return { name: `linearActivation ${activation} ${m}x${k}x${n}`, shapes: [[m, k], [n, k], [n]], run: (x, w, b) => linearActivation(matrix(x), matrix(w), vector(b), activation) };
}

export function feedForwardCase(t: number, h: number, f: number, activation: Activation): OpCase {
  const shapes = [[t, h], [f, h], [f], [h, f], [h]];
  return { name: `feedForward ${activation} ${t}x${h}x${f}`, shapes, run: (x, w1, b1, w2, b2) => feedForward(matrix(x), matrix(w1), vector(b1), matrix(w2), vector(b2), activation) };
}

/** Constant weights: only the input, and with a rank the update's matrices, have a gradient. */
export function adaptedLinearCase(m: number, k: number, n: number, rank?: number, activation?: Activation, spec?: DropoutSpec): OpCase {
  const constant = (count: number): Float32Array => Float32Array.from(integers(count, 200), (value) => value / 100 - 1);
  return {
    name: `adaptedLinear ${activation ?? ''} ${m}x${k}x${n}${rank === undefined ? '' : ` rank ${rank}`}${describeDropout(spec)}`,
    shapes: [[m, k], ...(rank === undefined ? [] : [[rank, k], [n, rank]])],
    run: (x, down, up) => {
      const [weight, bias] = [tf.tensor2d(constant(n * k), [n, k]), tf.tensor1d(constant(n))];
      const update = rank === undefined ? undefined : { down: matrix(down), up: matrix(up), scaling: 0.5, dropout: spec };
      return activation === undefined ? adaptedLinear(matrix(x), weight, bias, update) : adaptedLinearActivation(matrix(x), weight, bias, activation, update);
    },
  };
}

export function qkvLinearCase(t: number, h: number): OpCase {
  const shapes = [[t, h], [h, h], [h], [h, h], [h], [h, h], [h]];
  return { name: `qkvLinear ${t}x${h}`, shapes, run: (x, wq, bq, wk, bk, wv, bv) => qkvLinear(matrix(x), matrix(wq), vector(bq), matrix(wk), vector(bk), matrix(wv), vector(bv)) };
}

function starts(lengths: readonly number[]): Int32Array {
  const cuSeqlens = new Int32Array(lengths.length + 1);
  lengths.forEach((length, b) => { cuSeqlens[b + 1] = (cuSeqlens[b] as number) + length; });
  return cuSeqlens;
}

export function attentionCase(lengths: readonly number[], heads: number, headDim: number, spec?: DropoutSpec): OpCase {
  const cuSeqlens = starts(lengths);
  const tokens = cuSeqlens.at(-1) as number;
  return {
    name: `attention lengths ${lengths.join(' ')}, ${heads} heads of ${headDim}${describeDropout(spec)}`,
    shapes: [[tokens, 3 * heads * headDim]],
    run: (qkv) => attention(matrix(qkv), cuSeqlens, heads, spec),
  };
}

/** Epsilon is large, for rows of few columns that are nearly even: a small one would let rounding grow. */
export function feedForwardSublayerCase(t: number, h: number, f: number, activation: Activation, spec?: DropoutSpec): OpCase {
  return {
    name: `feedForwardSublayer ${activation} ${t}x${h}x${f}${describeDropout(spec)}`,
    shapes: [[t, h], [f, h], [f], [h, f], [h], [h], [h]],
    run: (x, w1, b1, w2, b2, gamma, beta) =>
      feedForwardSublayer(
        matrix(x), { intermediate: { weight: matrix(w1), bias: vector(b1) }, output: { weight: matrix(w2), bias: vector(b2) } }, activation,
        { weight: vector(gamma), bias: vector(beta), epsilon: 1, dropout: spec },
      ),
  };
}

/** Without the key's bias: it adds the same to a whole row of scores, so its gradient is 0. */
export function attentionSublayerCase(lengths: readonly number[], heads: number, headDim: number, spec?: DropoutSpec, rows?: readonly number[]): OpCase {
  const cuSeqlens = starts(lengths);
  const h = heads * headDim;
  const pair = [[h, h], [h]];
  return {
    name: `attentionSublayer lengths ${lengths.join(' ')}, ${heads} heads of ${headDim}${describeDropout(spec)}${rows === undefined ? '' : `, tokens ${rows.join(' ')}`}`,
    shapes: [[cuSeqlens.at(-1) as number, h], ...pair, [h, h], ...pair, ...pair, [h], [h]],
    spread: h ** -0.25,
    run: (x, wq, bq, wk, wv, bv, wo, bo, gamma, beta) =>
      attentionSublayer(
        matrix(x),
        {
          query: { weight: matrix(wq), bias: vector(bq) }, key: { weight: matrix(wk), bias: tf.zeros([h]) },
          value: { weight: matrix(wv), bias: vector(bv) }, output: { weight: matrix(wo), bias: vector(bo) },
        },
        { cuSeqlens, numHeads: heads, dropout: spec === undefined ? undefined : { ...spec, key: spec.key + 1 } },
        { weight: vector(gamma), bias: vector(beta), epsilon: 1, dropout: spec },
        rows === undefined ? undefined : Int32Array.from(rows),
      ),
  };
}

export function layerNormCase(t: number, h: number, epsilon = 1e-12): OpCase {
  return { name: `layerNorm ${t}x${h}`, shapes: [[t, h], [h], [h]], run: (x, gamma, beta) => layerNorm(matrix(x), vector(gamma), vector(beta), epsilon) };
}

export function residualLayerNormCase(t: number, h: number, spec?: DropoutSpec, epsilon = 1e-12): OpCase {
  return {
    name: `residualLayerNorm ${t}x${h}${describeDropout(spec)}`,
    shapes: [[t, h], [t, h], [h], [h]],
    run: (x, residual, gamma, beta) => residualLayerNorm(matrix(x), matrix(residual), vector(gamma), vector(beta), epsilon, spec),
  };
}

export function dropoutCase(t: number, h: number, spec: DropoutSpec): OpCase {
  return { name: `dropout ${t}x${h}${describeDropout(spec)}`, shapes: [[t, h]], run: (x) => dropout(matrix(x), spec) };
}

export function embeddingSumCase(t: number, h: number, v: number, p: number): OpCase {
  const [ids, positions, types] = [integers(t, v), integers(t, p), integers(t, 2)];
  return {
    name: `embeddingSum ${t}x${h} from ${v} and ${p}`,
    shapes: [[v, h], [p, h], [2, h]],
    run: (word, position, tokenType) => embeddingSum(matrix(word), matrix(position), matrix(tokenType), ids, positions, types),
  };
}

export function gatherRowsCase(t: number, h: number, m: number): OpCase {
  const rows = integers(m, t);
  return { name: `gatherRows ${m} of ${t}x${h}`, shapes: [[t, h]], run: (x) => gatherRows(matrix(x), rows) };
}

export function mlmCrossEntropyCase(m: number, h: number, v: number, scale?: number): OpCase {
  const labels = integers(m, v);
  return {
    name: `mlmCrossEntropy ${m}x${h}x${v}${scale === undefined ? '' : ` scale ${scale}`}`,
    shapes: [[m, h], [v, h], [v]],
    run: (hidden, table, bias) => mlmCrossEntropy(matrix(hidden), matrix(table), vector(bias), labels, { scale }).slice([0], [1]),
  };
}

export function classCrossEntropyCase(b: number, c: number, labelSmoothing?: number): OpCase {
  const labels = integers(b, c);
  return { name: `classCrossEntropy ${b}x${c} smoothing ${labelSmoothing ?? 0}`, shapes: [[b, c]], run: (logits) => classCrossEntropy(matrix(logits), labels, { labelSmoothing }) };
}

export function meanSquaredErrorCase(b: number): OpCase {
  const targets = Float32Array.from(integers(b, 6));
  return { name: `meanSquaredError ${b}`, shapes: [[b]], run: (predictions) => meanSquaredError(vector(predictions), targets, {}) };
}

/** A few elements an op: unequal odd sizes and the smallest that there are. */
export const smallCases: readonly OpCase[] = [
  linearCase(5, 7, 3),
  linearCase(1, 1, 1),
  linearWithoutBiasCase(3, 2, 5),
  linearActivationCase(5, 7, 3, 'gelu'),
  linearActivationCase(5, 7, 3, 'gelu_new'),
  linearActivationCase(5, 7, 3, 'relu'),
  linearActivationCase(5, 7, 3, 'tanh'),
  linearActivationCase(1, 1, 1, 'gelu'),
  feedForwardCase(5, 3, 7, 'gelu'),
  feedForwardCase(5, 3, 7, 'gelu_new'),
  feedForwardCase(5, 3, 7, 'relu'),
  feedForwardCase(5, 3, 7, 'tanh'),
  feedForwardCase(1, 1, 1, 'gelu'),
  adaptedLinearCase(5, 7, 3),
  adaptedLinearCase(5, 7, 3, 2),
  adaptedLinearCase(5, 7, 3, 2, undefined, third),
  adaptedLinearCase(5, 7, 3, undefined, 'gelu'),
  adaptedLinearCase(5, 7, 3, 2, 'gelu_new', third),
  adaptedLinearCase(1, 1, 1, 1, 'tanh'),
  qkvLinearCase(5, 6),
  qkvLinearCase(1, 1),
  attentionCase([3, 1, 5], 2, 3),
  attentionCase([3, 1, 5], 2, 3, third),
  attentionCase([4, 4], 3, 5, tenth),
  attentionCase([2], 1, 1),
  feedForwardSublayerCase(5, 3, 7, 'gelu'),
  feedForwardSublayerCase(5, 3, 7, 'tanh', third),
  attentionSublayerCase([3, 1, 5], 2, 3),
  attentionSublayerCase([3, 1, 5], 2, 3, third),
  attentionSublayerCase([3, 1, 5], 2, 3, third, [0, 2, 5, 8]),
  layerNormCase(5, 7),
  layerNormCase(1, 2),
  residualLayerNormCase(5, 7),
  residualLayerNormCase(5, 7, third),
  dropoutCase(3, 11, third),
  embeddingSumCase(9, 3, 5, 4),
  embeddingSumCase(1, 1, 1, 1),
  gatherRowsCase(5, 3, 8),
  gatherRowsCase(7, 2, 1),
  mlmCrossEntropyCase(5, 3, 11),
  mlmCrossEntropyCase(1, 1, 2, 0.7),
  classCrossEntropyCase(5, 3),
  classCrossEntropyCase(3, 2, 0.1),
  meanSquaredErrorCase(5),
];

/** Odd sizes past the tiles and vector widths of native kernels. */
export const largeCases: readonly OpCase[] = [
  linearCase(131, 67, 45),
  linearWithoutBiasCase(33, 129, 17),
  linearActivationCase(67, 45, 131, 'gelu'),
  linearActivationCase(67, 45, 131, 'gelu_new'),
  linearActivationCase(67, 45, 131, 'relu'),
  linearActivationCase(67, 45, 131, 'tanh'),
  feedForwardCase(67, 45, 131, 'gelu'),
  feedForwardCase(67, 45, 131, 'gelu_new'),
  adaptedLinearCase(67, 45, 131),
  adaptedLinearCase(67, 45, 131, 8, undefined, tenth),
  adaptedLinearCase(67, 45, 131, 8, 'gelu', tenth),
  adaptedLinearCase(67, 45, 131, undefined, 'tanh'),
  qkvLinearCase(71, 37),
  attentionCase([33, 1, 70, 17], 3, 17),
  attentionCase([33, 1, 70, 17], 3, 17, tenth),
  attentionCase([150], 2, 32, third),
  feedForwardSublayerCase(67, 45, 131, 'gelu', tenth),
  attentionSublayerCase([33, 1, 70, 17], 3, 17, tenth),
  attentionSublayerCase([33, 1, 70, 17], 3, 17, tenth, [0, 1, 32, 33, 50, 103]),
  layerNormCase(67, 131),
  residualLayerNormCase(67, 131, tenth),
  dropoutCase(67, 131, tenth),
  embeddingSumCase(203, 37, 101, 70),
  gatherRowsCase(151, 37, 67),
  mlmCrossEntropyCase(67, 37, 1013),
  classCrossEntropyCase(67, 3, 0.1),
  meanSquaredErrorCase(67),
];

/** Normal deviates for each input of a case, the same at every call, on every engine and in float64. */
export function randomInputs(opCase: OpCase, seed = 1): Float32Array[] {
  return opCase.shapes.map((shape, i) => {
    const random = new Random(seed, i);
    const { spread = 1 } = opCase;
    const round = opCase.eighths === true ? (x: number): number => Math.round(8 * x) / 8 : Math.fround;
    return Float32Array.from({ length: shape.reduce((size, extent) => size * extent, 1) }, () => round(spread * random.normal()));
  });
}

/** The inputs of a case as tensors of the active engine. */
export function inputTensors(opCase: OpCase, values: readonly Float32Array[]): tf.Tensor[] {
  return values.map((value, i) => tf.tensor(value.slice(), [...(opCase.shapes[i] as readonly number[])], 'float32'));
}

const weightStream = new Random(99);
const weights: number[] = [];

/** Fixed weights for the elements of an output, so that its weighted sum has a gradient everywhere. */
export function outputWeights(shape: readonly number[]): tf.Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  while (weights.length < size) weights.push(Math.fround(weightStream.normal()));
  return tf.tensor(Float32Array.from(weights.slice(0, size)), [...shape], 'float32');
}
