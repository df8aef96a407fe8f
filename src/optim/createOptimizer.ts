/** The optimizer that a setting names, over a model's parameters. */
import type * as tf from '@tensorflow/tfjs';
import { AdamW } from './adamw.js';
import { Lamb } from './lamb.js';
import type { MomentOptimizer, MomentOptions } from './momentOptimizer.js';
import type { OptimizerKind } from './optimizerKinds.js';

/** Fresh moments for every parameter; dispose of it when done. */
export function createOptimizer(kind: OptimizerKind, parameters: ReadonlyMap<string, tf.Variable>, options: MomentOptions): MomentOptimizer {
  return kind === 'lamb' ? new Lamb(parameters, options) : new AdamW(parameters, { ...options, kind });
}
