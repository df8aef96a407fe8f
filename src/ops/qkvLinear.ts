/** Query, key and value projections side by side: one packed [tokens, 3 x hidden] tensor from three weights that stay apart. */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { linearReference } from './linear.js';
import { withGradient } from './withGradient.js';

type Weights = readonly [queryWeight: tf.Tensor2D, queryBias: tf.Tensor1D, keyWeight: tf.Tensor2D, keyBias: tf.Tensor1D, valueWeight: tf.Tensor2D, valueBias: tf.Tensor1D];

/** Plain tfjs form of `qkvLinear`, differentiable by tfjs itself. */
export function qkvLinearReference(x: tf.Tensor2D, ...[wq, bq, wk, bk, wv, bv]: Weights): tf.Tensor2D {
  return tf.concat2d([linearReference(x, wq, bq), linearReference(x, wk, bk), linearReference(x, wv, bv)], 1);
}

/**
 * [x Wq^T + bq | x Wk^T + bk | x Wv^T + bv].
 * @param x [T, H]; each weight [H, H], each bias [H] @returns [T, 3H]
 */
export function qkvLinear(x: tf.Tensor2D, ...weights: Weights): tf.Tensor2D {
  if (!nativeActive()) return tf.tidy(() => qkvLinearReference(x, ...weights));
  const [tokens, hidden] = x.shape;
  return withGradient(
    [x, ...weights],
    (save) => {
      const qkv = allocate([tokens, 3 * hidden]);
      const [wq, bq, wk, bk, wv, bv] = weights;
      addon().qkvForward(valuesOf(x), valuesOf(wq), valuesOf(bq), valuesOf(wk), valuesOf(bk), valuesOf(wv), valuesOf(bv), qkv.values, tokens, hidden);
      save([x, wq, wk, wv]);
      return qkv.tensor;
    },
    (dqkv, saved) => {
      const [savedX, wq, wk, wv] = saved.map(valuesOf) as [Float32Array, Float32Array, Float32Array, Float32Array];
      const dx = allocate([tokens, hidden]);
      const gradients = [0, 1, 2].map(() => ({ weight: allocate([hidden, hidden]), bias: allocate([hidden]) }));
      const [q, k, v] = gradients as [(typeof gradients)[0], (typeof gradients)[0], (typeof gradients)[0]];
      addon().qkvBackward(
        valuesOf(dqkv), savedX, wq, wk, wv, dx.values,
        q.weight.values, q.bias.values, k.weight.values, k.bias.values, v.weight.values, v.bias.values, tokens, hidden,
      );
      return [dx.tensor, ...gradients.flatMap(({ weight, bias }) => [weight.tensor, bias.tensor])];
    },
  ) as tf.Tensor2D;
}
