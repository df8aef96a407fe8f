/** The linear layer y = x W^T + b, W as checkpoints hold it: [out, in]. */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { withGradient } from './withGradient.js';

/** Plain tfjs form of `linear`, differentiable by tfjs itself. */
export function linearReference(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D | null): tf.Tensor2D {
  const product = tf.matMul(x, weight, false, true);
  return bias === null ? (product as tf.Tensor2D) : product.add(bias);
}

/**
 * y = x W^T + b.
 * @param x [M, K] @param weight [N, K] @param bias [N] or null @returns [M, N]
 */
export function linear(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D | null): tf.Tensor2D {
  if (!nativeActive()) return tf.tidy(() => linearReference(x, weight, bias));
  const [m, k] = x.shape;
  const n = weight.shape[0];
  return withGradient(
    bias === null ? [x, weight] : [x, weight, bias],
    (save) => {
      const y = allocate([m, n]);
      addon().linearForward(valuesOf(x), valuesOf(weight), bias === null ? null : valuesOf(bias), y.values, m, n, k);
      save([x, weight]);
      return y.tensor;
    },
    (dy, [savedX, savedWeight]) => {
      const dx = allocate([m, k]);
      const dweight = allocate([n, k]);
      const dbias = bias === null ? undefined : allocate([n]);
      addon().linearBackward(valuesOf(dy), valuesOf(savedX as tf.Tensor), valuesOf(savedWeight as tf.Tensor), dx.values, dweight.values, dbias?.values ?? null, m, n, k);
      return dbias === undefined ? [dx.tensor, dweight.tensor] : [dx.tensor, dweight.tensor, dbias.tensor];
    },
  ) as tf.Tensor2D;
}
