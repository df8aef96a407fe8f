/** The activation functions of encoder checkpoints, by the names that config.json uses, with their derivatives. */
import * as tf from '@tensorflow/tfjs';
import type { ActivationCode } from '../native/addon.js';

/** `gelu` is the erf form, `gelu_new` the tanh form (Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415). */
export type Activation = 'gelu' | 'gelu_new' | 'relu' | 'tanh';

/** The number by which the addon knows an activation. */
export const activationCodes: Readonly<Record<Activation, ActivationCode>> = { gelu: 0, gelu_new: 1, relu: 2, tanh: 3 };

interface Activated {
  readonly value: tf.Tensor;
  readonly derivative: () => tf.Tensor;
}

const cubicWeight = 0.044715;
const tanhScale = Math.sqrt(2 / Math.PI);
const normalDensity = (x: tf.Tensor): tf.Tensor => tf.exp(x.square().mul(-0.5)).mul(1 / Math.sqrt(2 * Math.PI));

const table: Readonly<Record<Activation, (x: tf.Tensor) => Activated>> = {
  // x Phi(x); derivative Phi(x) + x phi(x)
  gelu: (x) => {
    const distribution = tf.erf(x.mul(Math.SQRT1_2)).add(1).mul(0.5);
    return { value: x.mul(distribution), derivative: () => distribution.add(x.mul(normalDensity(x))) };
  },
  // x (1 + tanh u) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3)
  gelu_new: (x) => {
    const square = x.square();
    const gate = tf.tanh(square.mul(cubicWeight).add(1).mul(x).mul(tanhScale));
    const half = gate.add(1).mul(0.5);
    const slope = (): tf.Tensor => square.mul(3 * cubicWeight).add(1).mul(tanhScale / 2);
    return { value: x.mul(half), derivative: () => half.add(x.mul(tf.scalar(1).sub(gate.square())).mul(slope())) };
  },
  relu: (x) => ({ value: tf.relu(x), derivative: () => tf.step(x) }),
  tanh: (x) => {
    const value = tf.tanh(x);
    return { value, derivative: () => tf.scalar(1).sub(value.square()) };
  },
};

/** The activation of every element, in plain tfjs. */
export function activationReference<T extends tf.Tensor>(x: T, activation: Activation): T {
  return table[activation](x).value as T;
}

/** Value and derivative of every element, in plain tfjs; they share their costly part. */
export function activationWithDerivative<T extends tf.Tensor>(x: T, activation: Activation): { readonly value: T; readonly derivative: T } {
  const { value, derivative } = table[activation](x);
  return { value: value as T, derivative: derivative() as T };
}
