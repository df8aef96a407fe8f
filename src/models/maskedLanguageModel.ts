/** An encoder, without a pooler, under the masked-language-model head alone. */
import * as tf from '@tensorflow/tfjs';
import type { PackedBatch } from '../data/packedBatch.js';
import type { ForwardContext } from '../encoder/types.js';
import { MaskedLanguageModelHead } from '../heads/maskedLanguageModel.js';
import { gatherRows } from '../ops/index.js';
import { type ModelInputs, type PaddedIntegers, padTokens, tokenLabels, unpadInputs } from './inputs.js';
import { type ForwardOptions, type ModelParts, PretrainedModel } from './pretrainedModel.js';
import { requireTiedDecoder } from './requireTiedDecoder.js';

export interface MaskedLanguageModelInputs extends ModelInputs {
  /** Token ids to predict, -100 where nothing is, [batch, seq]. Labels at the padding are ignored too. */
  readonly labels?: PaddedIntegers | undefined;
}

export interface MaskedLanguageModelOutput {
  /** [batch, seq, vocab], zero at the padding. */
  readonly predictionLogits: tf.Tensor3D;
  /** The same tensor under the name that transformers gives it. */
  readonly logits: tf.Tensor3D;
  /** Mean over the predicted tokens, 0 where there are none; undefined without labels. */
  readonly loss?: tf.Scalar | undefined;
}

export class MaskedLanguageModel extends PretrainedModel {
  protected readonly architecture: string = 'ForMaskedLM';
  readonly #predictions: MaskedLanguageModelHead;

  constructor(parts: ModelParts) {
    requireTiedDecoder(parts.config);
    super(parts, { pooling: false });
    this.#predictions = new MaskedLanguageModelHead(parts.config, parts.store, this.encoder.wordEmbeddings);
  }

  /**
   * The caller disposes the tensors of the output.
   * @throws UsageError for inputs or labels of a wrong shape or out of range
   */
  forward(inputs: MaskedLanguageModelInputs, options: ForwardOptions = {}): MaskedLanguageModelOutput {
    const unpadded = unpadInputs(inputs, this.config);
    const masked = inputs.labels === undefined ? undefined : tokenLabels(inputs.labels, unpadded, this.config.vocabSize);
    const context = this.contextOf(options);
    return tf.tidy(() => {
      const { sequenceOutput } = this.encoder.forward(unpadded.batch, context);
      const predictionLogits = padTokens(this.#predictions.logits(sequenceOutput), unpadded);
      const output = { predictionLogits, logits: predictionLogits };
      if (masked === undefined) return output;
      if (masked.labels.length === 0) return { ...output, loss: tf.scalar(0) };
      return { ...output, loss: this.#predictions.loss(gatherRows(sequenceOutput, masked.positions), masked.labels).slice([0], [1]).reshape([]) as tf.Scalar };
    });
  }

  /** Logits over the vocabulary at chosen tokens of a packed batch (indices 0 to T - 1, [M]): [M, V]. The caller disposes them. */
  packedLogits(batch: PackedBatch, positions: Int32Array, context: ForwardContext): tf.Tensor2D {
    return tf.tidy(() => this.#predictions.logits(this.encoder.forwardAt(batch, context, positions).tokenOutput));
  }
}
