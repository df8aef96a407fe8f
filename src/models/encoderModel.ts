/** An encoder without a head. */
import * as tf from '@tensorflow/tfjs';
import type { PackedBatch } from '../data/packedBatch.js';
import type { EncoderOutput, ForwardContext } from '../encoder/types.js';
import { type ModelInputs, padSequences, padTokens, unpadInputs } from './inputs.js';
import { type ForwardOptions, type ModelParts, PretrainedModel } from './pretrainedModel.js';
import { requirePooled } from './requirePooled.js';

export interface EncoderModelOutput {
  /** [batch, seq, hidden], zero at the padding. */
  readonly sequenceOutput: tf.Tensor3D;
  /** [batch, hidden], of the first token of each row that is no padding; zero where a row is all padding. */
  readonly pooledOutput: tf.Tensor2D;
}

export class EncoderModel extends PretrainedModel {
  protected readonly architecture: string = 'Model';
  readonly #prefix: string;

  constructor(parts: ModelParts) {
    super(parts, { pooling: true });
    this.#prefix = parts.type.weightNames.prefix;
  }

  /** Without the prefix that the names carry under a head, as transformers has it. */
  override publicName(name: string): string {
    return name.slice(this.#prefix.length);
  }

  /**
   * The caller disposes the tensors of the output.
   * @throws UsageError for inputs of a wrong shape or with ids out of range
   */
  forward(inputs: ModelInputs, options: ForwardOptions = {}): EncoderModelOutput {
    const unpadded = unpadInputs(inputs, this.config);
    const context = this.contextOf(options);
    return tf.tidy(() => {
      const { sequenceOutput, pooledOutput } = this.encoder.forward(unpadded.batch, context);
      return { sequenceOutput: padTokens(sequenceOutput, unpadded), pooledOutput: padSequences(requirePooled(pooledOutput), unpadded) };
    });
  }

  /** Packed batch in, [T, H] and [B, H] out. Call inside tf.tidy or tf.variableGrads. */
  packedForward(batch: PackedBatch, context: ForwardContext): EncoderOutput {
    return this.encoder.forward(batch, context);
  }
}
