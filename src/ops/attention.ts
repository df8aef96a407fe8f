/** Multi-head self-attention within each packed sequence (Vaswani et al., 2017, section 3.2, https://arxiv.org/abs/1706.03762). */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { type DropoutSpec, dropThreshold, keepElement, rowKey } from './dropoutGenerator.js';
import { withGradient } from './withGradient.js';

/** Rows of a packed tensor in padded order, and back. B sequences of at most L tokens. */
interface PaddingMap {
  readonly batch: number;
  readonly length: number;
  /** Packed row of each padded position, [B * L]; T (one past the end: a zero row) where there is padding. */
  readonly toPadded: Int32Array;
  /** Padded position of each packed row, [T]. */
  readonly toPacked: Int32Array;
}

function paddingMap(cuSeqlens: Int32Array): PaddingMap {
  const batch = cuSeqlens.length - 1;
  const tokens = cuSeqlens[batch] ?? 0;
  let length = 0;
  for (let b = 0; b < batch; b++) length = Math.max(length, (cuSeqlens[b + 1] as number) - (cuSeqlens[b] as number));
  const toPadded = new Int32Array(batch * length).fill(tokens);
  const toPacked = new Int32Array(tokens);
  for (let b = 0; b < batch; b++) {
    for (let row = cuSeqlens[b] as number; row < (cuSeqlens[b + 1] as number); row++) {
      const position = b * length + row - (cuSeqlens[b] as number);
      toPadded[position] = row;
      toPacked[row] = position;
    }
  }
  return { batch, length, toPadded, toPacked };
}

/** Gathers rows of [N, C], its gradient gathering back by the inverse map: both directions are permutations but for padding. */
function permuteRows(x: tf.Tensor2D, forwardRows: Int32Array, backwardRows: Int32Array, padded: boolean): tf.Tensor2D {
  const width = x.shape[1];
  const gather = (from: tf.Tensor, rows: Int32Array, withZeroRow: boolean): tf.Tensor => {
    const source = withZeroRow ? tf.concat([from, tf.zeros([1, width])], 0) : from;
    return tf.gather(source, tf.tensor1d(rows, 'int32'));
  };
  return withGradient(
    [x],
    () => tf.tidy(() => gather(x, forwardRows, padded)),
    (dy) => [tf.tidy(() => gather(dy, backwardRows, !padded))],
  ) as tf.Tensor2D;
}

/** 0 for real key positions, -1e9 for padding: [B, 1, 1, L]. */
function paddingBias(map: PaddingMap, tokens: number): tf.Tensor4D {
  return tf.tensor4d(Float32Array.from(map.toPadded, (row) => (row === tokens ? -1e9 : 0)), [map.batch, 1, 1, map.length]);
}

/** Dropout mask of the probabilities, [B, A, L, L]: row = token * heads + head, column = key position in the sequence. */
function probabilityMask(spec: DropoutSpec, map: PaddingMap, tokens: number, heads: number): tf.Tensor4D {
  const { batch, length, toPadded } = map;
  const threshold = dropThreshold(spec.rate);
  const scale = 1 / (1 - spec.rate);
  const mask = new Float32Array(batch * heads * length * length);
  for (let b = 0; b < batch; b++) {
    for (let query = 0; query < length; query++) {
      const token = toPadded[b * length + query] as number;
      if (token === tokens) continue;
      for (let head = 0; head < heads; head++) {
        const key = rowKey(spec.key, token * heads + head);
        const start = ((b * heads + head) * length + query) * length;
        for (let column = 0; column < length; column++) mask[start + column] = keepElement(key, column, threshold) ? scale : 0;
      }
    }
  }
  return tf.tensor4d(mask, [batch, heads, length, length]);
}

/** Plain tfjs form of `attention`, differentiable by tfjs itself; pads inside. */
export function attentionReference(qkv: tf.Tensor2D, cuSeqlens: Int32Array, numHeads: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  const [tokens, width] = qkv.shape;
  const hidden = width / 3;
  const headDim = hidden / numHeads;
  const map = paddingMap(cuSeqlens);
  const { batch, length } = map;
  // [T, 3H] -> [B * L, 3H] -> [B, L, 3, A, D] -> [3, B, A, L, D]
  const padded = permuteRows(qkv, map.toPadded, map.toPacked, true);
  const split = padded.reshape([batch, length, 3, numHeads, headDim]).transpose([2, 0, 3, 1, 4]);
  const [query, key, value] = tf.unstack(split) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  // Scores [B, A, L, L]; padding keys get no weight.
  const scores = tf.matMul(query.mul(1 / Math.sqrt(headDim)), key, false, true).add(paddingBias(map, tokens));
  const probabilities = tf.softmax(scores as tf.Tensor4D);
  const kept = dropout === undefined ? probabilities : probabilities.mul(probabilityMask(dropout, map, tokens, numHeads));
  // [B, A, L, D] -> [B * L, H] -> [T, H]
  const context = tf.matMul(kept as tf.Tensor4D, value).transpose([0, 2, 1, 3]).reshape([batch * length, hidden]) as tf.Tensor2D;
  return permuteRows(context, map.toPacked, map.toPadded, false);
}

/**
 * softmax(Q K^T / sqrt(D)) V for each sequence and head, without padding.
 * @param qkv [T, 3H], query, key and value side by side @param cuSeqlens cumulative lengths [B + 1]
 * @param dropout of the probabilities @returns context [T, H]
 */
export function attention(qkv: tf.Tensor2D, cuSeqlens: Int32Array, numHeads: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  if (!nativeActive()) return tf.tidy(() => attentionReference(qkv, cuSeqlens, numHeads, dropout));
  const [tokens, width] = qkv.shape;
  const hidden = width / 3;
  const headDim = hidden / numHeads;
  const { rate, key } = dropout ?? { rate: 0, key: 0 };
  return withGradient(
    [qkv],
    (save) => {
      const out = allocate([tokens, hidden]);
      const logSumExp = allocate([tokens, numHeads]);
      addon().attentionForward(valuesOf(qkv), cuSeqlens, out.values, logSumExp.values, tokens, numHeads, headDim, rate, key);
      save([qkv, out.tensor, logSumExp.tensor]);
      logSumExp.tensor.dispose();
      return out.tensor;
    },
    (dout, saved) => {
      const [savedQkv, out, logSumExp] = saved.map(valuesOf) as [Float32Array, Float32Array, Float32Array];
      const dqkv = allocate([tokens, width]);
      addon().attentionBackward(valuesOf(dout), savedQkv, out, logSumExp, cuSeqlens, dqkv.values, tokens, numHeads, headDim, rate, key);
      return [dqkv.tensor];
    },
  ) as tf.Tensor2D;
}
