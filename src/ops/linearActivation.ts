/** A linear layer with its activation: y = act(x W^T + b), the first half of the feed-forward block, the pooler and the MLM transform. */
import type * as tf from '@tensorflow/tfjs';
import { matMul, mul } from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { type Activation, activationCodes, activationReference, activationWithDerivative } from './activation.js';
import { linearGradients, linearReference } from './linear.js';
import { recordingGradient, withGradient } from './withGradient.js';

/** Plain tfjs form of `linearActivation`. */
export function linearActivationReference(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D, activation: Activation): tf.Tensor2D {
  return activationReference(linearReference(x, weight, bias), activation);
}

/**
 * y = act(x W^T + b). While a gradient is recorded, the native engine keeps the pre-activation and the others keep act' instead.
 * @param x [M, K] @param weight [N, K] @param bias [N] @param frozen weight and bias are constant: only x has a gradient @returns [M, N]
 */
export function linearActivation(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D, activation: Activation, frozen = false): tf.Tensor2D {
  const native = nativeActive();
  const recording = recordingGradient();
  const [m, k] = x.shape;
  const n = weight.shape[0];
  const code = activationCodes[activation];
  return withGradient<tf.Tensor2D>(
    frozen ? [x] : [x, weight, bias],
    (save) => {
      if (!native) {
        if (!recording) return linearActivationReference(x, weight, bias, activation);
        const { value, derivative } = activationWithDerivative(linearReference(x, weight, bias), activation);
        save([derivative, x, weight]);
        return value;
      }
      const y = allocate([m, n]);
      const pre = recording ? allocate([m, n]) : undefined;
      addon().linearActivationForward(valuesOf(x), valuesOf(weight), valuesOf(bias), pre?.values ?? null, y.values, m, n, k, code);
      if (pre !== undefined) save([pre.tensor, x, weight]);
      return y.tensor as tf.Tensor2D;
    },
    (dy, saved) => {
      const [kept, savedX, savedWeight] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
      if (!native) return frozen ? [matMul(mul(dy, kept), savedWeight)] : linearGradients(mul(dy, kept), savedX, savedWeight);
      const dx = allocate([m, k]);
      const [dweight, dbias] = frozen ? [] : [allocate([n, k]), allocate([n])];
      addon().linearActivationBackward(
        valuesOf(dy), valuesOf(kept), valuesOf(savedX), valuesOf(savedWeight), dx.values, dweight?.values ?? null, dbias?.values ?? null, m, n, k, code,
      );
      return [dx, dweight, dbias].flatMap((gradient) => (gradient === undefined ? [] : [gradient.tensor]));
    },
  );
}
