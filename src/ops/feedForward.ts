/** The feed-forward block of a Transformer layer (Vaswani et al., 2017, section 3.3, https://arxiv.org/abs/1706.03762). */
import type * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { type Activation, activationCodes } from './activation.js';
import { linear, linearReference } from './linear.js';
import { linearActivation, linearActivationReference } from './linearActivation.js';
import { recordingGradient, withGradient } from './withGradient.js';

type Weights = readonly [innerWeight: tf.Tensor2D, innerBias: tf.Tensor1D, outerWeight: tf.Tensor2D, outerBias: tf.Tensor1D];

/** Plain tfjs form of `feedForward`. */
export function feedForwardReference(x: tf.Tensor2D, ...[w1, b1, w2, b2, activation]: readonly [...Weights, activation: Activation]): tf.Tensor2D {
  return linearReference(linearActivationReference(x, w1, b1, activation), w2, b2);
}

/**
 * act(x W1^T + b1) W2^T + b2. Of the wide layer the native engine keeps one array for the gradient, the activation's argument.
 * @param x [T, H] @param innerWeight [F, H] @param innerBias [F] @param outerWeight [H, F] @param outerBias [H] @returns [T, H]
 */
export function feedForward(x: tf.Tensor2D, ...[w1, b1, w2, b2, activation]: readonly [...Weights, activation: Activation]): tf.Tensor2D {
  return nativeActive() ? nativeFeedForward(x, [w1, b1, w2, b2], activation) : linear(linearActivation(x, w1, b1, activation), w2, b2);
}

function nativeFeedForward(x: tf.Tensor2D, weights: Weights, activation: Activation): tf.Tensor2D {
  const recording = recordingGradient();
  const [tokens, hidden] = x.shape;
  const inner = weights[0].shape[0];
  const code = activationCodes[activation];
  return withGradient<tf.Tensor2D>(
    [x, ...weights],
    (save) => {
      const [w1, b1, w2, b2] = weights;
      const y = allocate([tokens, hidden]);
      const pre = recording ? allocate([tokens, inner]) : undefined;
      addon().feedForwardForward(valuesOf(x), valuesOf(w1), valuesOf(b1), valuesOf(w2), valuesOf(b2), pre?.values ?? null, y.values, tokens, hidden, inner, code);
      if (pre !== undefined) save([pre.tensor, x, w1, w2]);
      return y.tensor as tf.Tensor2D;
    },
    (dy, saved) => {
      // The gradient of a tape is asked for once, so what was kept may be used up.
      const [pre, savedX, w1, w2] = saved.map(valuesOf) as [Float32Array, Float32Array, Float32Array, Float32Array];
      const dx = allocate([tokens, hidden]);
      const [dw1, db1, dw2, db2] = [allocate([inner, hidden]), allocate([inner]), allocate([hidden, inner]), allocate([hidden])] as const;
      addon().feedForwardBackward(
        valuesOf(dy), savedX, pre, w1, w2, dx.values, dw1.values, db1.values, dw2.values, db2.values, tokens, hidden, inner, code, false,
      );
      return [dx.tensor, dw1.tensor, db1.tensor, dw2.tensor, db2.tensor];
    },
  );
}
