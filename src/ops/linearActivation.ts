/** A linear layer with its activation: y = act(x W^T + b), the first half of the feed-forward block, the pooler and the MLM transform. */
import type * as tf from '@tensorflow/tfjs';
import { tidy } from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { type Activation, activationCodes, activationReference } from './activation.js';
import { linearReference } from './linear.js';
import { recordingGradient, withGradient } from './withGradient.js';

/** Plain tfjs form of `linearActivation`, differentiable by tfjs itself. */
export function linearActivationReference(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D, activation: Activation): tf.Tensor2D {
  return activationReference(linearReference(x, weight, bias), activation);
}

/**
 * y = act(x W^T + b); the pre-activation is kept for backward only while a gradient is recorded.
 * @param x [M, K] @param weight [N, K] @param bias [N] @returns [M, N]
 */
export function linearActivation(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D, activation: Activation): tf.Tensor2D {
  if (!nativeActive()) return tidy(() => linearActivationReference(x, weight, bias, activation));
  const [m, k] = x.shape;
  const n = weight.shape[0];
  const code = activationCodes[activation];
  const recording = recordingGradient();
  return withGradient(
    [x, weight, bias],
    (save) => {
      const y = allocate([m, n]);
      const pre = recording ? allocate([m, n]) : undefined;
      addon().linearActivationForward(valuesOf(x), valuesOf(weight), valuesOf(bias), pre?.values ?? null, y.values, m, n, k, code);
      if (pre !== undefined) {
        save([pre.tensor, x, weight]);
        pre.tensor.dispose();
      }
      return y.tensor;
    },
    (dy, [pre, savedX, savedWeight]) => {
      const dx = allocate([m, k]);
      const dweight = allocate([n, k]);
      const dbias = allocate([n]);
      addon().linearActivationBackward(
        valuesOf(dy), valuesOf(pre as tf.Tensor), valuesOf(savedX as tf.Tensor), valuesOf(savedWeight as tf.Tensor),
        dx.values, dweight.values, dbias.values, m, n, k, code,
      );
      return [dx.tensor, dweight.tensor, dbias.tensor];
    },
  ) as tf.Tensor2D;
}
