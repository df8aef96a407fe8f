/** LAMB (You et al., 2020, https://arxiv.org/abs/1904.00962, algorithm 2): Adam's step, of each weight matrix as long as the matrix itself, for very large batches. */
import type * as tf from '@tensorflow/tfjs';
import { lambUpdate } from '../ops/optimizerOps.js';
import { type MomentOptions, MomentOptimizer, type Slot, type UpdateStep } from './momentOptimizer.js';
import { defaultEpsilon } from './optimizerKinds.js';
import { isNoDecay } from './parameterGroups.js';

export class Lamb extends MomentOptimizer {
  constructor(parameters: ReadonlyMap<string, tf.Variable>, options: MomentOptions) {
    super(parameters, { ...options, epsilon: options.epsilon ?? defaultEpsilon('lamb') });
  }

  /**
   * With Adam's corrected moments and r = m / c1 / (sqrt(v / c2) + epsilon) + weightDecay * p: p -= lr * (|p| / |r|) * r, norms over the whole tensor
   * and their ratio 1 where either is 0. Biases and LayerNorm take the ratio 1 always, as in the authors' code.
   */
  protected override update(slots: readonly Slot[], gradients: readonly tf.Tensor[], step: UpdateStep): void {
    lambUpdate(slots.map((slot) => slot.parameter), gradients, slots.map((slot) => slot.m), slots.map((slot) => slot.v), {
      ...this.adamStep(slots, step, true),
      adapted: slots.map((slot) => !isNoDecay(slot.name)),
    });
  }
}
