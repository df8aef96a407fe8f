/**
 * The one contract for every encoder: a packed batch goes in, token and sequence representations come out, and the
 * parameters have names. Heads, optimizers, checkpoints and tasks see only this.
 */
import type * as tf from '@tensorflow/tfjs';
import type { EncoderConfig } from '../config/encoderConfig.js';
import type { PackedBatch } from '../data/packedBatch.js';
import type { AdaptableLinear } from './adaptable.js';
import type { DropoutSpec, DropoutStream } from '../ops/dropoutGenerator.js';

/** How one forward pass is run. Dropout is applied only where `training` holds and a stream is given. */
export interface ForwardContext {
  readonly training: boolean;
  readonly dropout?: DropoutStream | undefined;
}

/** T = tokens of the batch, B = sequences, H = hiddenSize. */
export interface EncoderOutput {
  /** [T, H] */
  readonly sequenceOutput: tf.Tensor2D;
  /** [B, H]; undefined for an encoder built without a pooler. */
  readonly pooledOutput: tf.Tensor2D | undefined;
}

/** R = tokens asked for. */
export interface EncoderOutputAt {
  /** [R, H] */
  readonly tokenOutput: tf.Tensor2D;
  /** [B, H]; undefined for an encoder built without a pooler. */
  readonly pooledOutput: tf.Tensor2D | undefined;
}

export interface Encoder {
  readonly config: EncoderConfig;
  /** Call inside tf.tidy or tf.variableGrads: intermediate tensors are not freed here. */
  forward(batch: PackedBatch, context: ForwardContext): EncoderOutput;
  /**
   * What `forward` gives at some tokens only, indices into the batch's [R] in any order: the last layer need not compute the
   * others. Dropout masks there are drawn for the tokens asked for, so that they are not those of `forward`.
   */
  forwardAt(batch: PackedBatch, context: ForwardContext, tokens: Int32Array): EncoderOutputAt;
  /** Input embeddings [V, H], to which a masked-language-model head ties its decoder. */
  readonly wordEmbeddings: tf.Variable;
  /** Linear layers that adapters may go beside or behind, by checkpoint name without `.weight`. */
  readonly linears: ReadonlyMap<string, AdaptableLinear>;
  /** While true the encoder's own weights take no gradient, and the adapters of its linear layers are applied. */
  frozen: boolean;
  /** By checkpoint name, prefix included (`bert.`). They belong to the store that the model made, which frees them. */
  namedParameters(): Map<string, tf.Variable>;
}

/** Layer number of dropout sites outside the encoder's layers. */
export const embeddingsLayer = -1;
export const headLayer = -2;

/** The mask of one dropout site in this pass, or undefined where nothing is dropped. */
export function dropoutSite(context: ForwardContext, layer: number, site: number, rate: number): DropoutSpec | undefined {
  return context.training ? context.dropout?.site(layer, site, rate) : undefined;
}
