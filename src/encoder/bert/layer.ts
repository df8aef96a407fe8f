/**
 * One Transformer encoder layer as BERT has it (Vaswani et al., 2017, section 3.1): self-attention, then a feed-forward
 * network, each followed by dropout, the residual connection and LayerNorm in this order (post-norm).
 */
import type * as tf from '@tensorflow/tfjs';
import type { BertConfig } from '../../config/bertConfig.js';
import { type AttentionLayout, attention, attentionSublayer, feedForwardSublayer, gatherRows, linear, qkvLinear, residualLayerNorm, type SublayerEnd } from '../../ops/index.js';
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

  /** hidden [T, H] -> [T, H]; tokens attend within their sequence, whose starts are `cuSeqlens` [B + 1]. */
  forward(hidden: tf.Tensor2D, cuSeqlens: Int32Array, context: ForwardContext): tf.Tensor2D {
    // softmax(q k^T / sqrt(H / heads)) v, the heads side by side
    const attended = attentionSublayer(
      hidden,
      { query: this.#query, key: this.#key, value: this.#value, output: this.#attentionDense },
      this.#attentionLayout(cuSeqlens, context),
      this.#end(this.#attentionNorm, context, sites.attentionOutput),
    );
    return this.#feedForward(attended, context);
  }

  /** The rows of `forward` at some tokens [R]: all tokens are attended to, and what follows is computed for those. -> [R, H] */
  forwardAt(hidden: tf.Tensor2D, cuSeqlens: Int32Array, context: ForwardContext, rows: Int32Array): tf.Tensor2D {
    const { numHeads, dropout } = this.#attentionLayout(cuSeqlens, context);
    // [T, H] -> [T, 3H] -> [T, H] -> [R, H]
    const qkv = qkvLinear(hidden, this.#query.weight, this.#query.bias, this.#key.weight, this.#key.bias, this.#value.weight, this.#value.bias);
    const attended = gatherRows(attention(qkv, cuSeqlens, numHeads, dropout), rows);
    const end = this.#end(this.#attentionNorm, context, sites.attentionOutput);
    const projected = linear(attended, this.#attentionDense.weight, this.#attentionDense.bias);
    const middle = residualLayerNorm(projected, gatherRows(hidden, rows), end.weight, end.bias, end.epsilon, end.dropout);
    return this.#feedForward(middle, context);
  }

  #attentionLayout(cuSeqlens: Int32Array, context: ForwardContext): AttentionLayout {
    const { numAttentionHeads, attentionProbsDropoutProb } = this.#config;
    return { cuSeqlens, numHeads: numAttentionHeads, dropout: dropoutSite(context, this.#index, sites.attentionProbs, attentionProbsDropoutProb) };
  }

  #feedForward(hidden: tf.Tensor2D, context: ForwardContext): tf.Tensor2D {
    const weights = { intermediate: this.#intermediate, output: this.#output };
    return feedForwardSublayer(hidden, weights, this.#config.hiddenAct, this.#end(this.#outputNorm, context, sites.output));
  }

  #end(norm: LayerNormParameters, context: ForwardContext, site: number): SublayerEnd {
    const { layerNormEps, hiddenDropoutProb } = this.#config;
    return { ...norm, epsilon: layerNormEps, dropout: dropoutSite(context, this.#index, site, hiddenDropoutProb) };
  }
}
