/** What an optimizer step does to whole lists of tensors: the global norm, and AdamW's and LAMB's updates in place. */
import * as tf from '@tensorflow/tfjs';
import { addon, nativeActive, valuesOf } from '../native/tensors.js';

/** Numbers of one AdamW step; weightDecay and lrScale have an entry a parameter. */
export interface AdamWStep {
  readonly weightDecay: Float32Array;
  readonly lrScale: Float32Array;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** 1 - beta1^t, or 1 without bias correction. */
  readonly correction1: number;
  readonly correction2: number;
  /** Factor on every gradient, from clipping. */
  readonly gradScale: number;
}

/** One AdamW step in plain tfjs; the variables take the new values. */
export function adamwUpdateReference(parameters: readonly tf.Variable[], gradients: readonly tf.Tensor[], ms: readonly tf.Variable[], vs: readonly tf.Variable[], step: AdamWStep): void {
  parameters.forEach((parameter, i) => {
    const [gradient, m, v] = [gradients[i] as tf.Tensor, ms[i] as tf.Variable, vs[i] as tf.Variable];
    tf.tidy(() => {
      const g = gradient.mul(step.gradScale);
      m.assign(m.mul(step.beta1).add(g.mul(1 - step.beta1)));
      v.assign(v.mul(step.beta2).add(g.square().mul(1 - step.beta2)));
      const update = m.div(step.correction1).div(v.div(step.correction2).sqrt().add(step.epsilon));
      const rate = step.learningRate * (step.lrScale[i] as number);
      parameter.assign(parameter.sub(update.add(parameter.mul(step.weightDecay[i] as number)).mul(rate)));
    });
  });
}

/**
 * One AdamW step over lists of parameters, their gradients and moments, each quadruple of one shape.
 * The native engine writes into the variables' own buffers, so a clone of a parameter (which shares its buffer) changes with it.
 */
export function adamwUpdate(parameters: readonly tf.Variable[], gradients: readonly tf.Tensor[], ms: readonly tf.Variable[], vs: readonly tf.Variable[], step: AdamWStep): void {
  if (!nativeActive()) {
    adamwUpdateReference(parameters, gradients, ms, vs, step);
    return;
  }
  addon().adamwUpdate(
    parameters.map(valuesOf), gradients.map(valuesOf), ms.map(valuesOf), vs.map(valuesOf), step.weightDecay, step.lrScale,
    step.learningRate, step.beta1, step.beta2, step.epsilon, step.correction1, step.correction2, step.gradScale,
  );
}

/** Numbers of one LAMB step. */
export interface LambStep extends AdamWStep {
  /** Of each parameter: whether its step is scaled to its norm. */
  readonly adapted: readonly boolean[];
}

/**
 * One LAMB step over lists of parameters, their gradients and moments, each quadruple of one shape: Adam's direction of all of them, plus decay, then
 * each parameter moves along its own by the learning rate times the ratio of norms (1 where not adapted, or where a norm is 0).
 * Needs room for one more copy of the parameters while it runs.
 */
export function lambUpdate(parameters: readonly tf.Variable[], gradients: readonly tf.Tensor[], ms: readonly tf.Variable[], vs: readonly tf.Variable[], step: LambStep): void {
  const none = new Float32Array(parameters.length);
  // AdamW from 0 with the rate -1 and no decay leaves its direction.
  const directions = parameters.map((parameter) => tf.tidy(() => tf.variable(tf.zeros(parameter.shape), false)));
  adamwUpdate(directions, gradients, ms, vs, { ...step, weightDecay: none, lrScale: none.map(() => 1), learningRate: -1 });
  parameters.forEach((parameter, i) => {
    const direction = directions[i] as tf.Variable;
    const decay = step.weightDecay[i] as number;
    tf.tidy(() => {
      const update = decay === 0 ? direction : direction.add(parameter.mul(decay));
      const ratio = step.adapted[i] === true ? Math.sqrt(sumOfSquares([parameter]) / sumOfSquares([update])) : 1;
      const trust = ratio > 0 && ratio < Number.POSITIVE_INFINITY ? ratio : 1;
      parameter.assign(parameter.sub(update.mul(step.learningRate * (step.lrScale[i] as number) * trust)));
    });
    direction.dispose();
  });
}

/** The sum of squares of all elements of all tensors, accumulated in float64; NaN and infinities come through. */
export function sumOfSquares(tensors: readonly tf.Tensor[]): number {
  if (nativeActive()) return addon().sumOfSquares(tensors.map(valuesOf));
  let total = 0;
  for (const tensor of tensors) {
    const values = tensor.dataSync();
    for (let i = 0; i < values.length; i++) total += (values[i] as number) ** 2;
  }
  return total;
}
