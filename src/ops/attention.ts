/** Multi-head self-attention within each packed sequence (Vaswani et al., 2017, section 3.2, https://arxiv.org/abs/1706.03762). */
import type * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { type AttentionSettings, paddedAttention, paddedAttentionGradient } from './attentionPlain.js';
import type { DropoutSpec } from './dropoutGenerator.js';
import { withGradient } from './withGradient.js';

/** Plain tfjs form of `attention`; pads inside. */
export function attentionReference(qkv: tf.Tensor2D, cuSeqlens: Int32Array, numHeads: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  return paddedAttention(qkv, { cuSeqlens, numHeads, dropout }).context;
}

/**
 * softmax(Q K^T / sqrt(D)) V for each sequence and head, without padding.
 * @param qkv [T, 3H], query, key and value side by side
 * @param cuSeqlens where each sequence starts, and T at the end, [B + 1]; every sequence has a token
 * @param dropout of the probabilities
 * @returns context [T, H]
 */
export function attention(qkv: tf.Tensor2D, cuSeqlens: Int32Array, numHeads: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  checkAttention(qkv.shape, cuSeqlens, numHeads);
  return nativeActive() ? nativeAttention(qkv, cuSeqlens, numHeads, dropout) : plainAttention(qkv, { cuSeqlens, numHeads, dropout });
}

/** A RangeError where qkv of shape [tokens, width] does not divide into heads, or the sequences are not those of its tokens. */
export function checkAttention([tokens, width]: readonly [number, number], cuSeqlens: Int32Array, numHeads: number): void {
  if (width % (3 * numHeads) !== 0) throw new RangeError(`attention: qkv [${tokens}, ${width}] does not divide into 3 x ${numHeads} heads`);
  const last = cuSeqlens.at(-1);
  if (cuSeqlens[0] !== 0 || last !== tokens) throw new RangeError(`attention: cuSeqlens run from ${cuSeqlens[0]} to ${last}; expected 0 to the ${tokens} tokens of qkv`);
}

function plainAttention(qkv: tf.Tensor2D, settings: AttentionSettings): tf.Tensor2D {
  return withGradient<tf.Tensor2D>(
    [qkv],
    (save) => {
      const { context, heads, probabilities } = paddedAttention(qkv, settings);
      save([heads, probabilities]);
      return context;
    },
    (dout, saved) => [paddedAttentionGradient(dout, saved as [tf.Tensor4D, tf.Tensor4D], settings)],
  );
}

function nativeAttention(qkv: tf.Tensor2D, cuSeqlens: Int32Array, numHeads: number, dropout: DropoutSpec | undefined): tf.Tensor2D {
  const [tokens, width] = qkv.shape;
  const hidden = width / 3;
  const headDim = hidden / numHeads;
  const { rate, key } = dropout ?? { rate: 0, key: 0 };
  return withGradient<tf.Tensor2D>(
    [qkv],
    (save) => {
      const out = allocate([tokens, hidden]);
      const logSumExp = allocate([tokens, numHeads]);
      addon().attentionForward(valuesOf(qkv), cuSeqlens, out.values, logSumExp.values, tokens, numHeads, headDim, rate, key);
      save([qkv, out.tensor, logSumExp.tensor]);
      return out.tensor as tf.Tensor2D;
    },
    (dout, saved) => {
      const [savedQkv, out, logSumExp] = saved.map(valuesOf) as [Float32Array, Float32Array, Float32Array];
      const dqkv = allocate([tokens, width]);
      addon().attentionBackward(valuesOf(dout), savedQkv, out, logSumExp, cuSeqlens, dqkv.values, tokens, numHeads, headDim, rate, key);
      return [dqkv.tensor];
    },
  );
}
