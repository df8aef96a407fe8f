/** An encoder with the two pretraining heads: masked language model and next sentence (Devlin et al., 2019, section 3.1). */
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../data/errors.js';
import type { PretrainingBatch } from '../data/pretrainingBatch.js';
import type { ForwardContext } from '../encoder/types.js';
import { MaskedLanguageModelHead } from '../heads/maskedLanguageModel.js';
import { NextSentenceHead } from '../heads/nextSentence.js';
import { classCrossEntropy, gatherRows } from '../ops/index.js';
import { type ModelInputs, type PaddedIntegers, type PerSequence, padSequences, padTokens, sequenceLabels, tokenLabels, unpadInputs } from './inputs.js';
import { type ForwardOptions, type ModelParts, PretrainedModel } from './pretrainedModel.js';
import { requirePooled } from './requirePooled.js';
import { requireTiedDecoder } from './requireTiedDecoder.js';

export interface PreTrainingInputs extends ModelInputs {
  /** Token ids to predict, -100 where nothing is, [batch, seq]. Labels at the padding are ignored too. */
  readonly labels?: PaddedIntegers | undefined;
  /** 0 = the second segment follows, 1 = it does not, -100 = ignored, [batch]. */
  readonly nextSentenceLabel?: PerSequence | undefined;
}

export interface PreTrainingOutput {
  /** [batch, seq, vocab], zero at the padding. */
  readonly predictionLogits: tf.Tensor3D;
  /** [batch, 2] */
  readonly seqRelationshipLogits: tf.Tensor2D;
  /** Mean over the predicted tokens plus mean over the labelled rows, of those labels that were given; undefined without any. */
  readonly loss?: tf.Scalar | undefined;
}

export interface PackedPreTrainingLoss {
  /** What is minimised: the masked-language-model loss plus the next-sentence loss. */
  readonly loss: tf.Scalar;
  /** [2]: scaled loss, and how many masked tokens are found. */
  readonly mlm: tf.Tensor1D;
  /** 0 where the batch has no next-sentence labels. */
  readonly nspLoss: tf.Scalar;
  /** [B, 2] */
  readonly nspLogits: tf.Tensor2D;
}

export class PreTrainingModel extends PretrainedModel {
  protected readonly architecture: string = 'ForPreTraining';
  readonly #predictions: MaskedLanguageModelHead;
  readonly #nextSentence: NextSentenceHead;

  constructor(parts: ModelParts) {
    requireTiedDecoder(parts.config);
    super(parts, { pooling: true });
    this.#predictions = new MaskedLanguageModelHead(parts.config, parts.store, this.encoder.wordEmbeddings);
    this.#nextSentence = new NextSentenceHead(parts.config, parts.store);
  }

  /**
   * The caller disposes the tensors of the output. Holds logits over the vocabulary for every token; training uses packedLoss.
   * @throws UsageError for inputs or labels of a wrong shape or out of range
   */
  forward(inputs: PreTrainingInputs, options: ForwardOptions = {}): PreTrainingOutput {
    const unpadded = unpadInputs(inputs, this.config);
    const masked = inputs.labels === undefined ? undefined : tokenLabels(inputs.labels, unpadded, this.config.vocabSize);
    const next = inputs.nextSentenceLabel === undefined ? undefined : sequenceLabels(inputs.nextSentenceLabel, 'nextSentenceLabel', unpadded.batchSize, 2);
    const context = this.contextOf(options);
    return tf.tidy(() => {
      const { sequenceOutput, pooledOutput } = this.encoder.forward(unpadded.batch, context);
      const predictionLogits = padTokens(this.#predictions.logits(sequenceOutput), unpadded);
      const seqRelationshipLogits = this.#nextSentence.logits(padSequences(requirePooled(pooledOutput), unpadded));
      const losses: tf.Scalar[] = [];
      if (masked !== undefined) losses.push(masked.labels.length === 0 ? tf.scalar(0) : first(this.#predictions.loss(gatherRows(sequenceOutput, masked.positions), masked.labels)));
      if (next !== undefined) losses.push(next.labels.length === 0 ? tf.scalar(0) : classCrossEntropy(gatherRows(seqRelationshipLogits, next.rows), next.labels, {}));
      return losses.length === 0 ? { predictionLogits, seqRelationshipLogits } : { predictionLogits, seqRelationshipLogits, loss: tf.addN(losses) as tf.Scalar };
    });
  }

  /**
   * The loss of a packed batch, for the training loop: call inside tf.tidy or tf.variableGrads.
   * @param scales factors on the sums over masked tokens and over sequences; 1 / M and 1 / B unless given
   */
  packedLoss(batch: PretrainingBatch, context: ForwardContext, scales: { readonly mlmScale?: number | undefined; readonly nspScale?: number | undefined } = {}): PackedPreTrainingLoss {
    const { maskedPositions, maskedLabels, nextSentenceLabels } = batch;
    if (maskedPositions.length !== maskedLabels.length) {
      throw new UsageError(`packedLoss: ${maskedPositions.length} maskedPositions but ${maskedLabels.length} maskedLabels; expected one label for each`);
    }
    return tf.tidy(() => {
      const { tokenOutput, pooledOutput } = this.encoder.forwardAt(batch, context, maskedPositions);
      const mlm = maskedLabels.length === 0 ? tf.zeros<tf.Rank.R1>([2]) : this.#predictions.loss(tokenOutput, maskedLabels, scales.mlmScale);
      const nspLogits = this.#nextSentence.logits(requirePooled(pooledOutput));
      const nspLoss = nextSentenceLabels === undefined ? tf.scalar(0) : classCrossEntropy(nspLogits, nextSentenceLabels, scales.nspScale === undefined ? {} : { scale: scales.nspScale });
      return { loss: first(mlm).add<tf.Scalar>(nspLoss), mlm, nspLoss, nspLogits };
    });
  }
}

/** The loss out of mlmCrossEntropy's pair [loss, correct]. */
function first(pair: tf.Tensor1D): tf.Scalar {
  return pair.slice([0], [1]).reshape([]);
}
