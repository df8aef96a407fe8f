/** BERT (Devlin et al., 2019): embeddings, a stack of layers, and a pooler over the first token of each sequence. */
import * as tf from '@tensorflow/tfjs';
import type { BertConfig } from '../../config/bertConfig.js';
import type { PackedBatch } from '../../data/packedBatch.js';
import { gatherRows, linearActivation } from '../../ops/index.js';
import type { AdaptableLinear } from '../adaptable.js';
import type { LinearParameters, ParameterStore } from '../parameterStore.js';
import type { Encoder, EncoderOutput, EncoderOutputAt, ForwardContext } from '../types.js';
import { BertEmbeddings } from './embeddings.js';
import { BertLayer } from './layer.js';

/** What the names of all parameters start with in a checkpoint of a model with a head. */
export const bertPrefix = 'bert.';

export class BertEncoder implements Encoder {
  readonly config: BertConfig;
  readonly #store: ParameterStore;
  readonly #embeddings: BertEmbeddings;
  readonly #layers: readonly BertLayer[];
  readonly #pooler: LinearParameters | undefined;
  readonly linears: ReadonlyMap<string, AdaptableLinear>;
  frozen = false;

  /** The parameters are made in `store`, under names that start with `bert.`. */
  constructor(config: BertConfig, store: ParameterStore, options: { readonly pooling: boolean }) {
    const { hiddenSize, numHiddenLayers, initializerRange } = config;
    this.config = config;
    this.#store = store;
    this.#embeddings = new BertEmbeddings(config, store, `${bertPrefix}embeddings`);
    this.#layers = Array.from({ length: numHiddenLayers }, (_, i) => new BertLayer(config, i, store, `${bertPrefix}encoder.layer.${i}`));
    this.linears = new Map(this.#layers.flatMap(({ linears }, i) => [...linears].map(([place, linear]) => [`${bertPrefix}encoder.layer.${i}.${place}`, linear] as const)));
    this.#pooler = options.pooling ? store.linear(`${bertPrefix}pooler.dense`, hiddenSize, hiddenSize, initializerRange) : undefined;
  }

  get wordEmbeddings(): tf.Variable<tf.Rank.R2> {
    return this.#embeddings.wordEmbeddings;
  }

  forward(batch: PackedBatch, context: ForwardContext): EncoderOutput {
    const hidden = this.#run(batch, context, undefined);
    return { sequenceOutput: hidden, pooledOutput: this.#pool(hidden, batch.cuSeqlens.slice(0, -1)) };
  }

  forwardAt(batch: PackedBatch, context: ForwardContext, tokens: Int32Array): EncoderOutputAt {
    // The pooler's tokens, the first of each sequence, and those asked for, each once.
    const pooled = batch.cuSeqlens.subarray(0, this.#pooler === undefined ? 0 : -1);
    const rows = Int32Array.from(new Set([...pooled, ...tokens])).sort();
    const rowOf = new Map(Array.from(rows, (token, row) => [token, row]));
    const rowsOf = (list: Int32Array) => list.map((token) => rowOf.get(token) as number);
    const hidden = this.#run(batch, context, rows);
    return { tokenOutput: gatherRows(hidden, rowsOf(tokens)), pooledOutput: this.#pool(hidden, rowsOf(pooled)) };
  }

  /** The last layer's output: [T, H], or [R, H] at `rows`. */
  #run(batch: PackedBatch, context: ForwardContext, rows: Int32Array | undefined): tf.Tensor2D {
    let hidden = tf.tidy(() => this.#embeddings.forward(batch, context));
    for (const [i, layer] of this.#layers.entries()) {
      const input = hidden;
      hidden = tf.tidy(() => layer.forward(input, batch.cuSeqlens, context, this.frozen, i === this.#layers.length - 1 ? rows : undefined));
      // Freed as soon as the next layer has it, unless the gradient still needs it.
      input.dispose();
    }
    return hidden;
  }

  /** tanh(dense(hidden at the first token of each sequence)): [T or R, H] -> [B, H]. */
  #pool(hidden: tf.Tensor2D, firstTokens: Int32Array): tf.Tensor2D | undefined {
    const pooler = this.#pooler;
    if (pooler === undefined) return undefined;
    return tf.tidy(() => linearActivation(gatherRows(hidden, firstTokens), pooler.weight, pooler.bias, 'tanh', this.frozen));
  }

  namedParameters(): Map<string, tf.Variable> {
    return new Map([...this.#store.variables()].filter(([name]) => name.startsWith(bertPrefix)));
  }
}
