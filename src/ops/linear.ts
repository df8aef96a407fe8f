/** The linear layer y = x W^T + b, W as checkpoints hold it: [out, in]. */
import type * as tf from '@tensorflow/tfjs';
import { matMul } from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { columnSum, timesTransposed, transposedTimes } from './matrixProducts.js';
import { withGradient } from './withGradient.js';

/** Plain tfjs form of `linear`. */
export function linearReference(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D | null): tf.Tensor2D {
  return timesTransposed(x, weight, bias);
}

/** Plain tfjs gradients of `linear`: dx = dy W, dW = dy^T x, db = column sum of dy. */
export function linearGradients(dy: tf.Tensor2D, x: tf.Tensor2D, weight: tf.Tensor2D): [dx: tf.Tensor2D, dweight: tf.Tensor2D, dbias: tf.Tensor1D] {
  return [matMul(dy, weight), transposedTimes(dy, x), columnSum(dy)];
}

/**
 * y = x W^T + b.
 * @param x [M, K] @param weight [N, K] @param bias [N] or null @returns [M, N]
 */
export function linear(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D | null): tf.Tensor2D {
  const native = nativeActive();
  const [m, k] = x.shape;
  const n = weight.shape[0];
  return withGradient<tf.Tensor2D>(
    bias === null ? [x, weight] : [x, weight, bias],
    (save) => {
      save([x, weight]);
      if (!native) return linearReference(x, weight, bias);
      const y = allocate([m, n]);
      addon().linearForward(valuesOf(x), valuesOf(weight), bias === null ? null : valuesOf(bias), y.values, m, n, k);
      return y.tensor as tf.Tensor2D;
    },
    (dy, saved) => {
      const [savedX, savedWeight] = saved as [tf.Tensor2D, tf.Tensor2D];
      if (!native) return linearGradients(dy, savedX, savedWeight).slice(0, bias === null ? 2 : 3);
      const dx = allocate([m, k]);
      const dweight = allocate([n, k]);
      const dbias = bias === null ? undefined : allocate([n]);
      addon().linearBackward(valuesOf(dy), valuesOf(savedX), valuesOf(savedWeight), dx.values, dweight.values, dbias?.values ?? null, m, n, k);
      return dbias === undefined ? [dx.tensor, dweight.tensor] : [dx.tensor, dweight.tensor, dbias.tensor];
    },
  );
}
