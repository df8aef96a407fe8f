/**
 * AdamW (Loshchilov and Hutter, 2019, https://arxiv.org/abs/1711.05101) in the field's two conventions, over named parameters.
 * Both decay weights by learningRate * weightDecay * weight beside the Adam step; clipping comes in through `gradScale`.
 */
import type * as tf from '@tensorflow/tfjs';
import { adamwUpdate } from '../ops/optimizerOps.js';
import { type MomentOptions, MomentOptimizer, type Slot, type UpdateStep } from './momentOptimizer.js';
import { defaultEpsilon } from './optimizerKinds.js';

/** 'adamw' corrects the bias of the moments (Hugging Face); 'adamw-bert' does not (Google's BERT code). */
export type AdamWKind = 'adamw' | 'adamw-bert';

export interface AdamWOptions extends MomentOptions {
  readonly kind: AdamWKind;
}

export class AdamW extends MomentOptimizer {
  readonly kind: AdamWKind;

  constructor(parameters: ReadonlyMap<string, tf.Variable>, options: AdamWOptions) {
    super(parameters, { ...options, epsilon: options.epsilon ?? defaultEpsilon(options.kind) });
    this.kind = options.kind;
  }

  /**
   * With g = gradScale * gradient: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
   * p -= lr * (m / c1 / (sqrt(v / c2) + epsilon) + weightDecay * p), where c1 = 1 - b1^t and c2 = 1 - b2^t, or both 1 for 'adamw-bert'.
   */
  protected override update(slots: readonly Slot[], gradients: readonly tf.Tensor[], step: UpdateStep): void {
    adamwUpdate(slots.map((slot) => slot.parameter), gradients, slots.map((slot) => slot.m), slots.map((slot) => slot.v), this.adamStep(slots, step, this.kind === 'adamw'));
  }
}
