/**
 * One Transformer encoder layer as BERT has it (Vaswani et al., 2017, section 3.1): self-attention, then a feed-forward
 * network, each followed by dropout, the residual connection and LayerNorm in this order (post-norm).
 */
import type * as tf from '@tensorflow/tfjs';
import type { BertConfig } from '../../config/bertConfig.js';
import { attentionSublayer, feedForwardSublayer, type SublayerEnd } from '../../ops/index.js';
import type { LayerNormParameters, LinearParameters, ParameterStore } from '../parameterStore.js';
import { dropoutSite, type ForwardContext } from '../types.js';

/** Dropout sites of a layer, by number: the mask of each is drawn from its own key. */
const sites = { attentionProbs: 0, attentionOutput: 1, output: 2 } as const;

export class BertLayer {
  readonly #config: BertConfig;
  readonly #index: number;
  readonly #query: LinearParameters;
  readonly #key: LinearParameters;
  readonly #value: LinearParameters;
  readonly #attentionDense: LinearParameters;
  readonly #attentionNorm: LayerNormParameters;
  readonly #intermediate: LinearParameters;
  readonly #output: LinearParameters;
  readonly #outputNorm: LayerNormParameters;

  constructor(config: BertConfig, index: number, store: ParameterStore, name: string) {
    const { hiddenSize, intermediateSize, initializerRange } = config;
    this.#config = config;
    this.#index = index;
    this.#query = store.linear(`${name}.attention.self.query`, hiddenSize, hiddenSize, initializerRange);
    this.#key = store.linear(`${name}.attention.self.key`, hiddenSize, hiddenSize, initializerRange);
    this.#value = store.linear(`${name}.attention.self.value`, hiddenSize, hiddenSize, initializerRange);
    this.#attentionDense = store.linear(`${name}.attention.output.dense`, hiddenSize, hiddenSize, initializerRange);
    this.#attentionNorm = store.layerNorm(`${name}.attention.output.LayerNorm`, hiddenSize);
    this.#intermediate = store.linear(`${name}.intermediate.dense`, hiddenSize, intermediateSize, initializerRange);
    this.#output = store.linear(`${name}.output.dense`, intermediateSize, hiddenSize, initializerRange);
    this.#outputNorm = store.layerNorm(`${name}.output.LayerNorm`, hiddenSize);
  }

  /**
   * hidden [T, H] -> [T, H]; tokens attend within their sequence, whose starts are `cuSeqlens` [B + 1]. With `rows` [R], tokens
   * whose output is asked for -> [R, H].
   */
  forward(hidden: tf.Tensor2D, cuSeqlens: Int32Array, context: ForwardContext, rows?: Int32Array): tf.Tensor2D {
    const { numAttentionHeads, attentionProbsDropoutProb, hiddenAct } = this.#config;
    // softmax(q k^T / sqrt(H / heads)) v, the heads side by side
    const attended = attentionSublayer(
      hidden,
      { query: this.#query, key: this.#key, value: this.#value, output: this.#attentionDense },
      { cuSeqlens, numHeads: numAttentionHeads, dropout: dropoutSite(context, this.#index, sites.attentionProbs, attentionProbsDropoutProb) },
      this.#end(this.#attentionNorm, context, sites.attentionOutput),
      rows,
    );
    return feedForwardSublayer(attended, { intermediate: this.#intermediate, output: this.#output }, hiddenAct, this.#end(this.#outputNorm, context, sites.output));
  }

  #end(norm: LayerNormParameters, context: ForwardContext, site: number): SublayerEnd {
    const { layerNormEps, hiddenDropoutProb } = this.#config;
    return { ...norm, epsilon: layerNormEps, dropout: dropoutSite(context, this.#index, site, hiddenDropoutProb) };
  }
}
