/**
 * One Transformer encoder layer as BERT has it (Vaswani et al., 2017, section 3.1): self-attention, then a feed-forward
 * network, each followed by dropout, the residual connection and LayerNorm in this order (post-norm).
 */
import type * as tf from '@tensorflow/tfjs';
import type { BertConfig } from '../../config/bertConfig.js';
import { attentionSublayer, feedForwardSublayer, type SublayerEnd } from '../../ops/index.js';
import { type AdaptableLinear, adaptable } from '../adaptable.js';
import type { LayerNormParameters, ParameterStore } from '../parameterStore.js';
import { dropoutSite, type ForwardContext } from '../types.js';
import { frozenLayer, type LayerLinears } from './frozenLayer.js';

/** Dropout sites of a layer, by number: the mask of each is drawn from its own key. */
const sites = { attentionProbs: 0, attentionOutput: 1, output: 2 } as const;

export class BertLayer {
  readonly #config: BertConfig;
  readonly #index: number;
  /** By name within the layer. */
  readonly linears: ReadonlyMap<string, AdaptableLinear>;
  readonly #linears: LayerLinears;
  readonly #attentionNorm: LayerNormParameters;
  readonly #outputNorm: LayerNormParameters;

  constructor(config: BertConfig, index: number, store: ParameterStore, name: string) {
    const { hiddenSize, intermediateSize, initializerRange } = config;
    this.#config = config;
    this.#index = index;
    const linears = new Map<string, AdaptableLinear>();
    const linear = (place: string, inSize: number, outSize: number): AdaptableLinear => {
      const layer = adaptable(store.linear(`${name}.${place}`, inSize, outSize, initializerRange));
      linears.set(place, layer);
      return layer;
    };
    const attention = {
      query: linear('attention.self.query', hiddenSize, hiddenSize),
      key: linear('attention.self.key', hiddenSize, hiddenSize),
      value: linear('attention.self.value', hiddenSize, hiddenSize),
      attentionOutput: linear('attention.output.dense', hiddenSize, hiddenSize),
    };
    this.#attentionNorm = store.layerNorm(`${name}.attention.output.LayerNorm`, hiddenSize);
    const feedForward = { intermediate: linear('intermediate.dense', hiddenSize, intermediateSize), output: linear('output.dense', intermediateSize, hiddenSize) };
    this.#outputNorm = store.layerNorm(`${name}.output.LayerNorm`, hiddenSize);
    this.#linears = { ...attention, ...feedForward };
    this.linears = linears;
  }

  /**
   * hidden [T, H] -> [T, H]; tokens attend within their sequence, whose starts are `cuSeqlens` [B + 1]. With `rows` [R], tokens
   * whose output is asked for -> [R, H]. With `frozen` the layer's own weights take no gradient, and adapters are applied.
   */
  forward(hidden: tf.Tensor2D, cuSeqlens: Int32Array, context: ForwardContext, frozen: boolean, rows?: Int32Array): tf.Tensor2D {
    const { numAttentionHeads: numHeads, attentionProbsDropoutProb, hiddenAct } = this.#config;
    const { query, key, value, attentionOutput, intermediate, output } = this.#linears;
    const attentionDropout = dropoutSite(context, this.#index, sites.attentionProbs, attentionProbsDropoutProb);
    const attentionEnd = this.#end(this.#attentionNorm, context, sites.attentionOutput);
    const outputEnd = this.#end(this.#outputNorm, context, sites.output);
    if (frozen) return frozenLayer(hidden, this.#linears, { index: this.#index, cuSeqlens, context, numHeads, hiddenAct, attentionDropout, attentionEnd, outputEnd, rows });
    // softmax(q k^T / sqrt(H / heads)) v, the heads side by side
    const attended = attentionSublayer(hidden, { query, key, value, output: attentionOutput }, { cuSeqlens, numHeads, dropout: attentionDropout }, attentionEnd, rows);
    return feedForwardSublayer(attended, { intermediate, output }, hiddenAct, outputEnd);
  }

  #end(norm: LayerNormParameters, context: ForwardContext, site: number): SublayerEnd {
    const { layerNormEps, hiddenDropoutProb } = this.#config;
    return { ...norm, epsilon: layerNormEps, dropout: dropoutSite(context, this.#index, site, hiddenDropoutProb) };
  }
}
