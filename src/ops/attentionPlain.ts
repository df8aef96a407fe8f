/**
 * Attention and its gradient in plain tfjs, for engines without a kernel for packed sequences: pads to the longest sequence,
 * multiplies all sequences and heads at once, and packs the result again.
 * B sequences of at most L tokens, A heads of size D, H = A x D, T tokens in all.
 */
import * as tf from '@tensorflow/tfjs';
import { type DropoutSpec, dropThreshold, keepElement, rowKey } from './dropoutGenerator.js';

export interface AttentionSettings {
  readonly cuSeqlens: Int32Array;
  readonly numHeads: number;
  readonly dropout: DropoutSpec | undefined;
}

/** Score of a padding key: far below any score, and finite, so that no NaN arises. */
const maskedScore = -1e9;

interface Sequence {
  /** Row of its first token in the packed tensor. */
  readonly start: number;
  readonly length: number;
}

function sequencesOf(cuSeqlens: Int32Array): Sequence[] {
  return Array.from(cuSeqlens.subarray(1), (end, b) => ({ start: cuSeqlens[b] as number, length: end - (cuSeqlens[b] as number) }));
}

function longest(sequences: readonly Sequence[]): number {
  return sequences.reduce((length, sequence) => Math.max(length, sequence.length), 0);
}

/** [T, C] -> [B * L, C] with zero rows. Slices and one concat: on wasm a gather costs more than the attention itself. */
function padRows(x: tf.Tensor2D, sequences: readonly Sequence[], length: number): tf.Tensor2D {
  const [tokens, width] = x.shape;
  if (tokens === sequences.length * length) return x;
  const parts = sequences.flatMap((sequence) => {
    const rows = tf.slice(x, [sequence.start, 0], [sequence.length, width]);
    return sequence.length === length ? [rows] : [rows, tf.zeros<tf.Rank.R2>([length - sequence.length, width])];
  });
  return tf.concat2d(parts, 0);
}

/** [B * L, C] -> [T, C]. */
function packRows(x: tf.Tensor2D, sequences: readonly Sequence[], length: number): tf.Tensor2D {
  if (sequences.every((sequence) => sequence.length === length)) return x;
  const width = x.shape[1];
  return tf.concat2d(sequences.map((sequence, b) => tf.slice(x, [b * length, 0], [sequence.length, width])), 0);
}

/** [B * L, n * D] -> [B, n, L, D]. A transpose of four axes has a fast kernel on wasm, one of five has not. */
function splitHeads(x: tf.Tensor2D, batch: number, length: number, headDim: number): tf.Tensor4D {
  return tf.transpose(tf.reshape(x, [batch, length, x.shape[1] / headDim, headDim]), [0, 2, 1, 3]) as tf.Tensor4D;
}

/** [B, n, L, D] -> [B * L, n * D]. */
function mergeHeads(x: tf.Tensor4D): tf.Tensor2D {
  const [batch, heads, length, headDim] = x.shape;
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch * length, heads * headDim]);
}

/** [B, 3A, L, D] -> query, key and value, each [B, A, L, D]. */
function splitProjections(heads: tf.Tensor4D, numHeads: number): [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D] {
  const [batch, , length, headDim] = heads.shape;
  const part = (i: number): tf.Tensor4D => tf.slice(heads, [0, i * numHeads, 0, 0], [batch, numHeads, length, headDim]);
  return [part(0), part(1), part(2)];
}

/** 0 for real key positions, `maskedScore` for padding: [B, 1, 1, L]; undefined where nothing is padded. */
function paddingBias(sequences: readonly Sequence[], length: number): tf.Tensor4D | undefined {
  if (sequences.every((sequence) => sequence.length === length)) return undefined;
  const bias = new Float32Array(sequences.length * length);
  sequences.forEach((sequence, b) => { bias.fill(maskedScore, b * length + sequence.length, (b + 1) * length); });
  return tf.tensor4d(bias, [sequences.length, 1, 1, length]);
}

/** Dropout mask of the probabilities, [B, A, L, L]: row = token * heads + head, column = key position in the sequence. */
function probabilityMask(spec: DropoutSpec, sequences: readonly Sequence[], length: number, numHeads: number): tf.Tensor4D {
  const threshold = dropThreshold(spec.rate);
  const scale = 1 / (1 - spec.rate);
  const mask = new Float32Array(sequences.length * numHeads * length * length);
  sequences.forEach((sequence, b) => {
    for (let head = 0; head < numHeads; head++) {
      for (let query = 0; query < sequence.length; query++) {
        const key = rowKey(spec.key, (sequence.start + query) * numHeads + head);
        const offset = ((b * numHeads + head) * length + query) * length;
        for (let column = 0; column < sequence.length; column++) mask[offset + column] = keepElement(key, column, threshold) ? scale : 0;
      }
    }
  });
  return tf.tensor4d(mask, [sequences.length, numHeads, length, length]);
}

/** The product of the last two axes; tfjs' own type forgets the rank. */
function product(a: tf.Tensor4D, b: tf.Tensor4D, { transposeA = false, transposeB = false } = {}): tf.Tensor4D {
  return tf.matMul(a, b, transposeA, transposeB) as tf.Tensor4D;
}

function dropProbabilities(x: tf.Tensor4D, { cuSeqlens, numHeads, dropout }: AttentionSettings): tf.Tensor4D {
  return dropout === undefined ? x : tf.mul(x, probabilityMask(dropout, sequencesOf(cuSeqlens), x.shape[3], numHeads));
}

/**
 * @param qkv [T, 3H]
 * @returns context [T, H], and what the gradient needs: query, key and value heads [B, 3A, L, D], probabilities before dropout [B, A, L, L]
 */
export function paddedAttention(qkv: tf.Tensor2D, settings: AttentionSettings): { context: tf.Tensor2D; heads: tf.Tensor4D; probabilities: tf.Tensor4D } {
  const { cuSeqlens, numHeads } = settings;
  const sequences = sequencesOf(cuSeqlens);
  const length = longest(sequences);
  const headDim = qkv.shape[1] / 3 / numHeads;
  const heads = splitHeads(padRows(qkv, sequences, length), sequences.length, length, headDim);
  const [query, key, value] = splitProjections(heads, numHeads);
  const scores = product(query.mul<tf.Tensor4D>(1 / Math.sqrt(headDim)), key, { transposeB: true });
  const bias = paddingBias(sequences, length);
  const probabilities = tf.softmax(bias === undefined ? scores : tf.add<tf.Tensor4D>(scores, bias));
  const context = product(dropProbabilities(probabilities, settings), value);
  return { context: packRows(mergeHeads(context), sequences, length), heads, probabilities };
}

/** Gradient of `paddedAttention` for dcontext [T, H]: dqkv [T, 3H]. */
export function paddedAttentionGradient(dcontext: tf.Tensor2D, [heads, probabilities]: readonly [tf.Tensor4D, tf.Tensor4D], settings: AttentionSettings): tf.Tensor2D {
  const { cuSeqlens, numHeads } = settings;
  const sequences = sequencesOf(cuSeqlens);
  const [batch, , length, headDim] = heads.shape;
  const [query, key, value] = splitProjections(heads, numHeads);
  const dout = splitHeads(padRows(dcontext, sequences, length), batch, length, headDim);
  const dvalue = product(dropProbabilities(probabilities, settings), dout, { transposeA: true });
  const dprobabilities = dropProbabilities(product(dout, value, { transposeB: true }), settings);
  // Softmax: ds = p (dp - sum(dp p)), with the scale of the scores taken in.
  const weighted = tf.mul<tf.Tensor4D>(dprobabilities, probabilities);
  const dscores = weighted.sub(probabilities.mul(tf.sum(weighted, -1, true))).mul<tf.Tensor4D>(1 / Math.sqrt(headDim));
  const dquery = product(dscores, key);
  const dkey = product(dscores, query, { transposeA: true });
  return packRows(mergeHeads(tf.concat4d([dquery, dkey, dvalue], 1)), sequences, length);
}
