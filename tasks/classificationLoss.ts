/** The loss of a micro-batch of rows: cross-entropy of the classes, or squared error of the raw score. */
import type * as tf from '@tensorflow/tfjs';
import type { ForwardContext } from '../src/encoder/types.js';
import type { SequenceClassificationModel } from '../src/models/index.js';
import { classCrossEntropy, meanSquaredError } from '../src/ops/index.js';
import type { LossResult } from '../src/train/types.js';
import type { RowBatch } from './encodeSplit.js';
import type { TaskSpec } from './taskSpec.js';

/** A function for `TrainingOptions.computeLoss`; each micro-batch is weighted by its share of the step's rows. */
export function classificationLoss(model: SequenceClassificationModel, spec: TaskSpec, labelSmoothing: number) {
  return (batch: RowBatch, context: ForwardContext, all: readonly RowBatch[]): LossResult => {
    const scale = 1 / all.reduce((rows, part) => rows + part.rows.length, 0);
    const logits = model.packedLogits(batch, context);
    const loss = spec.kind === 'regression' ? meanSquaredError(logits.reshape<tf.Tensor1D>([batch.rows.length]), batch.labels, { scale }) : classCrossEntropy(logits, Int32Array.from(batch.labels), { scale, labelSmoothing });
    return { loss, metrics: {} };
  };
}
