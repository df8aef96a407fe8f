/**
 * Linear layers whose weights stay as they are, alone and with the low-rank update of LoRA (Hu et al., 2022, https://arxiv.org/abs/2106.09685):
 * their gradients reach the input, and the update's two small matrices. The products for the gradients of the large weights, a third of a
 * training step, are not made.
 */
import * as tf from '@tensorflow/tfjs';
import { addon, allocate, nativeActive, valuesOf } from '../native/tensors.js';
import { type Activation, activationWithDerivative } from './activation.js';
import { dropout } from './dropout.js';
import type { DropoutSpec } from './dropoutGenerator.js';
import { linear, linearReference } from './linear.js';
import { linearActivation } from './linearActivation.js';
import { withGradient } from './withGradient.js';

/** B A of rank r beside a weight [N, K]. */
export interface LowRankUpdate {
  /** A, [r, K] */
  readonly down: tf.Tensor2D;
  /** B, [N, r] */
  readonly up: tf.Tensor2D;
  /** alpha / r */
  readonly scaling: number;
  /** Of the update's input. */
  readonly dropout: DropoutSpec | undefined;
}

/**
 * x W^T + b with W and b constant.
 * @param x [M, K] @param weight [N, K] @param bias [N] @returns [M, N]
 */
export function frozenLinear(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  const [m, k] = x.shape;
  const n = weight.shape[0];
  return withGradient<tf.Tensor2D>(
    [x],
    (save) => {
      save([weight]);
      if (!nativeActive()) return linearReference(x, weight, bias);
      const y = allocate([m, n]);
      addon().linearForward(valuesOf(x), valuesOf(weight), valuesOf(bias), y.values, m, n, k);
      return y.tensor as tf.Tensor2D;
    },
    (dy, [savedWeight]) => [tf.matMul(dy, savedWeight as tf.Tensor2D)],
  );
}

/** scaling * dropout(x) A^T B^T. x [M, K] -> [M, N] */
export function lowRankProduct(x: tf.Tensor2D, { down, up, scaling, dropout: spec }: LowRankUpdate): tf.Tensor2D {
  return tf.tidy(() => linear(linear(dropout(x, spec), down, null), up, null).mul(scaling));
}

/** frozenLinear, plus the low-rank product where there is one. */
export function adaptedLinear(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D, update: LowRankUpdate | undefined): tf.Tensor2D {
  const base = frozenLinear(x, weight, bias);
  return update === undefined ? base : tf.add<tf.Tensor2D>(base, lowRankProduct(x, update));
}

/** act(adaptedLinear). */
export function adaptedLinearActivation(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D, activation: Activation, update: LowRankUpdate | undefined): tf.Tensor2D {
  return update === undefined ? linearActivation(x, weight, bias, activation, true) : activate(adaptedLinear(x, weight, bias, update), activation);
}

/** The activation of every element, with its gradient. */
function activate(x: tf.Tensor2D, activation: Activation): tf.Tensor2D {
  return withGradient<tf.Tensor2D>(
    [x],
    (save) => {
      const { value, derivative } = activationWithDerivative(x, activation);
      save([derivative]);
      return value;
    },
    (dy, [derivative]) => [tf.mul(dy, derivative as tf.Tensor)],
  );
}
