/** Attention and its gradient as plain float64 loops, the oracle of the C++ kernels. For test files only. */
import { type DropoutSpec, dropThreshold, keepElement, rowKey } from '../../ops/dropoutGenerator.js';

/** A packed problem: T = tokens of all sequences, H = heads * headDim. */
export interface AttentionProblem {
  readonly cuSeqlens: Int32Array;
  readonly heads: number;
  readonly headDim: number;
  readonly dropout: DropoutSpec | undefined;
}

type Numbers = ArrayLike<number>;

interface Row {
  readonly token: number;
  readonly head: number;
  /** First token of the sequence, and the keys in it. */
  readonly start: number;
  readonly keys: number;
}

function forEachRow({ cuSeqlens, heads }: AttentionProblem, visit: (row: Row) => void): void {
  for (let b = 0; b + 1 < cuSeqlens.length; b++) {
    const start = cuSeqlens[b] as number;
    const keys = (cuSeqlens[b + 1] as number) - start;
    for (let token = start; token < start + keys; token++) {
      for (let head = 0; head < heads; head++) visit({ token, head, start, keys });
    }
  }
}

/** The factors of the row's probabilities: 1 / (1 - rate) or 0. */
function maskOf(problem: AttentionProblem, row: Row): Float64Array {
  const mask = new Float64Array(row.keys).fill(1);
  const { dropout } = problem;
  if (dropout === undefined) return mask;
  const key = rowKey(dropout.key, row.token * problem.heads + row.head);
  const threshold = dropThreshold(dropout.rate);
  return mask.map((_, column) => (keepElement(key, column, threshold) ? 1 / (1 - dropout.rate) : 0));
}

/** Index in qkv [T, 3H] of the head's query (0), key (1) or value (2) of a token. */
function at({ heads, headDim }: AttentionProblem, token: number, part: number, head: number): number {
  return (token * 3 + part) * heads * headDim + head * headDim;
}

function probabilitiesOf(problem: AttentionProblem, qkv: Numbers, row: Row): { readonly probabilities: Float64Array; readonly logSumExp: number } {
  const { headDim } = problem;
  const scores = new Float64Array(row.keys);
  const query = at(problem, row.token, 0, row.head);
  for (let j = 0; j < row.keys; j++) {
    const key = at(problem, row.start + j, 1, row.head);
    let sum = 0;
    for (let d = 0; d < headDim; d++) sum += (qkv[query + d] as number) * (qkv[key + d] as number);
    scores[j] = sum / Math.sqrt(headDim);
  }
  const top = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const logSumExp = top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
  return { probabilities: scores.map((s) => Math.exp(s - logSumExp)), logSumExp };
}

/** @param qkv [T, 3H] @returns out [T, H] and lse [T, heads] */
export function plainAttention(problem: AttentionProblem, qkv: Numbers): { readonly out: Float64Array; readonly lse: Float64Array } {
  const { heads, headDim } = problem;
  const out = new Float64Array(qkv.length / 3);
  const lse = new Float64Array(qkv.length / 3 / headDim);
  forEachRow(problem, (row) => {
    const { probabilities, logSumExp } = probabilitiesOf(problem, qkv, row);
    const mask = maskOf(problem, row);
    lse[row.token * heads + row.head] = logSumExp;
    for (let j = 0; j < row.keys; j++) {
      const weight = (probabilities[j] as number) * (mask[j] as number);
      const value = at(problem, row.start + j, 2, row.head);
      const target = (row.token * heads + row.head) * headDim;
      for (let d = 0; d < headDim; d++) out[target + d] = (out[target + d] as number) + weight * (qkv[value + d] as number);
    }
  });
  return { out, lse };
}

/** @param dout [T, H] @param qkv [T, 3H] @returns dqkv [T, 3H] */
export function plainAttentionGradient(problem: AttentionProblem, dout: Numbers, qkv: Numbers): Float64Array {
  const { heads, headDim } = problem;
  const dqkv = new Float64Array(qkv.length);
  const add = (index: number, value: number) => {
    dqkv[index] = (dqkv[index] as number) + value;
  };
  forEachRow(problem, (row) => {
    const { probabilities } = probabilitiesOf(problem, qkv, row);
    const mask = maskOf(problem, row);
    const source = (row.token * heads + row.head) * headDim;
    // Gradient of the probabilities, and from it that of the scores through the softmax.
    const dprobabilities = mask.map((factor, j) => {
      const value = at(problem, row.start + j, 2, row.head);
      let sum = 0;
      for (let d = 0; d < headDim; d++) {
        sum += (dout[source + d] as number) * (qkv[value + d] as number);
        add(value + d, (probabilities[j] as number) * factor * (dout[source + d] as number));
      }
      return sum * factor;
    });
    const mean = dprobabilities.reduce((sum, dp, j) => sum + dp * (probabilities[j] as number), 0);
    const query = at(problem, row.token, 0, row.head);
    for (let j = 0; j < row.keys; j++) {
      const dscore = ((probabilities[j] as number) * ((dprobabilities[j] as number) - mean)) / Math.sqrt(headDim);
      const key = at(problem, row.start + j, 1, row.head);
      for (let d = 0; d < headDim; d++) {
        add(query + d, dscore * (qkv[key + d] as number));
        add(key + d, dscore * (qkv[query + d] as number));
      }
    }
  });
  return dqkv;
}
