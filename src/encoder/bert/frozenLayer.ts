/** A BERT layer whose own weights take no gradient, with the adapters of its linear layers: the same function as layer.ts where there are none. */
import * as tf from '@tensorflow/tfjs';
import { adaptedLinear, adaptedLinearActivation, attention, gatherRows, linear, linearActivation, type LowRankUpdate, residualLayerNorm, type SublayerEnd } from '../../ops/index.js';
import type { Activation } from '../../ops/index.js';
import type { AdaptableLinear } from '../adaptable.js';
import { dropoutSite, type ForwardContext } from '../types.js';

/** The linear layers in the order of the numbers of their dropout sites. */
export interface LayerLinears {
  readonly query: AdaptableLinear;
  readonly key: AdaptableLinear;
  readonly value: AdaptableLinear;
  readonly attentionOutput: AdaptableLinear;
  readonly intermediate: AdaptableLinear;
  readonly output: AdaptableLinear;
}

export interface FrozenLayerOptions {
  readonly index: number;
  readonly cuSeqlens: Int32Array;
  readonly context: ForwardContext;
  readonly numHeads: number;
  readonly hiddenAct: Activation;
  /** Of the attention's probabilities. */
  readonly attentionDropout: LowRankUpdate['dropout'];
  readonly attentionEnd: SublayerEnd;
  readonly outputEnd: SublayerEnd;
  /** Tokens whose output is asked for; all unless given. */
  readonly rows: Int32Array | undefined;
}

/** Sites of the updates' dropout come after those of the layer itself. */
const firstSite = 3;

/** hidden [T, H] -> [T, H], or [R, H] at `rows`. */
export function frozenLayer(hidden: tf.Tensor2D, linears: LayerLinears, options: FrozenLayerOptions): tf.Tensor2D {
  const { index, cuSeqlens, context, numHeads, hiddenAct, attentionDropout, attentionEnd, outputEnd, rows } = options;
  const sites = Object.values(linears) as AdaptableLinear[];
  const updateOf = (layer: AdaptableLinear): LowRankUpdate | undefined => {
    const { lowRank } = layer;
    return lowRank && { ...lowRank, dropout: dropoutSite(context, index, firstSite + sites.indexOf(layer), lowRank.dropoutRate) };
  };
  const project = (x: tf.Tensor2D, layer: AdaptableLinear): tf.Tensor2D => adaptedLinear(x, layer.weight, layer.bias, updateOf(layer));
  const behind = (h: tf.Tensor2D, { bottleneck }: AdaptableLinear): tf.Tensor2D =>
    bottleneck === undefined ? h : tf.add(h, linear(linearActivation(h, bottleneck.down.weight, bottleneck.down.bias, hiddenAct), bottleneck.up.weight, bottleneck.up.bias));
  const close = (branch: tf.Tensor2D, residual: tf.Tensor2D, end: SublayerEnd): tf.Tensor2D => residualLayerNorm(branch, residual, end.weight, end.bias, end.epsilon, end.dropout);
  const chosen = (tokens: tf.Tensor2D): tf.Tensor2D => (rows === undefined ? tokens : gatherRows(tokens, rows));

  const qkv = tf.concat2d([project(hidden, linears.query), project(hidden, linears.key), project(hidden, linears.value)], 1);
  const attended = chosen(attention(qkv, cuSeqlens, numHeads, attentionDropout));
  const middle = close(behind(project(attended, linears.attentionOutput), linears.attentionOutput), chosen(hidden), attentionEnd);
  const inner = adaptedLinearActivation(middle, linears.intermediate.weight, linears.intermediate.bias, hiddenAct, updateOf(linears.intermediate));
  return close(behind(project(inner, linears.output), linears.output), middle, outputEnd);
}
