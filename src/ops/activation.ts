/** The activation functions of encoder checkpoints, by the names that config.json uses. */
import * as tf from '@tensorflow/tfjs';
import type { ActivationCode } from '../native/addon.js';

/** `gelu` is the erf form, `gelu_new` the tanh form (Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415). */
export type Activation = 'gelu' | 'gelu_new' | 'relu' | 'tanh';

/** The number by which the addon knows an activation. */
export const activationCodes: Readonly<Record<Activation, ActivationCode>> = { gelu: 0, gelu_new: 1, relu: 2, tanh: 3 };

const plain: Readonly<Record<Activation, (x: tf.Tensor) => tf.Tensor>> = {
  gelu: (x) => x.mul(0.5).mul(tf.erf(x.mul(Math.SQRT1_2)).add(1)),
  gelu_new: (x) => x.mul(0.5).mul(tf.tanh(x.mul(x).mul(0.044715).add(1).mul(x).mul(Math.sqrt(2 / Math.PI))).add(1)),
  relu: (x) => tf.relu(x),
  tanh: (x) => tf.tanh(x),
};

/** The activation of every element, in plain tfjs. */
export function activationReference<T extends tf.Tensor>(x: T, activation: Activation): T {
  return plain[activation](x) as T;
}
