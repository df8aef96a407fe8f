/** One optimizer step: forward and backward over its micro-batches, clipping by the global norm, update. */
import type { PackedBatch } from '../data/packedBatch.js';
import { profiled } from '../native/profile.js';
import { clipFactor } from '../optim/clipping.js';
import type { MomentOptimizer } from '../optim/momentOptimizer.js';
import { disposeGradients, type StepGradients, type StepGradientsOptions, stepGradients } from './gradients.js';

export interface OptimizerStepOptions<B extends PackedBatch> extends StepGradientsOptions<B> {
  readonly optimizer: MomentOptimizer;
  readonly learningRate: number;
  /** Largest global gradient norm; 0 switches clipping off. */
  readonly maxGradNorm: number;
}

/** Updates the parameters in place. Throws NonFiniteError, before the update, where the loss or a gradient is not finite. */
export function optimizerStep<B extends PackedBatch>(options: OptimizerStepOptions<B>): Omit<StepGradients, 'gradients'> {
  return profiled('step', () => {
    const { gradients, ...result } = stepGradients(options);
    try {
      profiled('update', () => options.optimizer.applyGradients(gradients, options.learningRate, clipFactor(result.gradNorm, options.maxGradNorm)));
    } finally {
      disposeGradients(gradients);
    }
    return result;
  });
}
