/** An encoder under the classification head; with one output, a regression. */
import * as tf from '@tensorflow/tfjs';
import type { EncoderConfig } from '../config/encoderConfig.js';
import { UsageError } from '../data/errors.js';
import type { PackedBatch } from '../data/packedBatch.js';
import type { ForwardContext } from '../encoder/types.js';
import { ClassificationHead } from '../heads/classification.js';
import { classCrossEntropy, gatherRows, meanSquaredError } from '../ops/index.js';
import { type ModelInputs, type PerSequence, padSequences, perSequence, sequenceLabels, unpadInputs } from './inputs.js';
import { type ForwardOptions, type ModelParts, PretrainedModel } from './pretrainedModel.js';
import { requirePooled } from './requirePooled.js';

export interface SequenceClassificationInputs extends ModelInputs {
  /** [batch]: classes by index (-100 = ignored), or scores where the model has one output. */
  readonly labels?: PerSequence | undefined;
}

export interface SequenceClassificationOutput {
  /** [batch, numLabels] */
  readonly logits: tf.Tensor2D;
  /** Mean cross-entropy over the labelled rows (0 where there are none), or mean squared error; undefined without labels. */
  readonly loss?: tf.Scalar | undefined;
}

export class SequenceClassificationModel extends PretrainedModel {
  protected readonly architecture: string = 'ForSequenceClassification';
  readonly numLabels: number;
  readonly #classifier: ClassificationHead;

  constructor(parts: ModelParts) {
    const config = withLabelNames(parts.config);
    super({ ...parts, config }, { pooling: true });
    this.numLabels = config.numLabels;
    this.#classifier = new ClassificationHead(config, parts.store, this.numLabels);
  }

  /** Whether the one output is a score rather than the logit of a class. */
  get isRegression(): boolean {
    return this.config.problemType === 'regression' || (this.config.problemType === undefined && this.numLabels === 1);
  }

  /**
   * The caller disposes the tensors of the output.
   * @throws UsageError for inputs or labels of a wrong shape or out of range
   */
  forward(inputs: SequenceClassificationInputs, options: ForwardOptions = {}): SequenceClassificationOutput {
    const unpadded = unpadInputs(inputs, this.config);
    const context = this.contextOf(options);
    return tf.tidy(() => {
      const { pooledOutput } = this.encoder.forwardAt(unpadded.batch, context, new Int32Array(0));
      const logits = this.#classifier.logits(padSequences(requirePooled(pooledOutput), unpadded), context);
      return inputs.labels === undefined ? { logits } : { logits, loss: this.#loss(logits, inputs.labels) };
    });
  }

  /** Packed batch in, logits [B, numLabels] out, for the training loop: call inside tf.tidy or tf.variableGrads. */
  packedLogits(batch: PackedBatch, context: ForwardContext): tf.Tensor2D {
    return tf.tidy(() => this.#classifier.logits(requirePooled(this.encoder.forwardAt(batch, context, new Int32Array(0)).pooledOutput), context));
  }

  #loss(logits: tf.Tensor2D, labels: PerSequence): tf.Scalar {
    const batchSize = logits.shape[0];
    if (this.isRegression) return meanSquaredError(logits.reshape([batchSize]), perSequence(labels, 'labels', batchSize), {});
    const { rows, labels: classes } = sequenceLabels(labels, 'labels', batchSize, this.numLabels);
    return classes.length === 0 ? tf.scalar(0) : classCrossEntropy(gatherRows(logits, rows), classes, {});
  }
}

type LabelledConfig = EncoderConfig & { readonly numLabels: number };

/** Two labels unless the configuration says otherwise, named LABEL_0, LABEL_1, … unless it names them. */
function withLabelNames(config: EncoderConfig): LabelledConfig {
  const numLabels = config.numLabels ?? 2;
  if (config.problemType === 'multi_label_classification') {
    throw new UsageError('problemType is "multi_label_classification"; expected "single_label_classification" or "regression"', { hint: 'Several labels for one text are not supported.' });
  }
  if (config.problemType === 'regression' && numLabels !== 1) throw new UsageError(`problemType is "regression" with numLabels ${numLabels}; expected 1`);
  const id2label = config.id2label ?? Object.fromEntries(Array.from({ length: numLabels }, (_, i) => [i, `LABEL_${i}`]));
  return Object.freeze({ ...config, numLabels, id2label: Object.freeze(id2label) });
}
