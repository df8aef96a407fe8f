/** Where adapters go into an encoder: beside its linear layers, or behind them. */
import type * as tf from '@tensorflow/tfjs';
import type { LinearParameters } from './parameterStore.js';

/** LoRA's update of a weight [N, K] (Hu et al., 2022): scaling * B A. */
export interface LowRankAdapter {
  /** A, [r, K] */
  readonly down: tf.Variable<tf.Rank.R2>;
  /** B, [N, r] */
  readonly up: tf.Variable<tf.Rank.R2>;
  /** alpha / r */
  readonly scaling: number;
  /** Of the update's input while training. */
  readonly dropoutRate: number;
}

/** A bottleneck behind a layer (Houlsby et al., 2019): h + up(act(down(h))), H wide outside and r inside. */
export interface BottleneckAdapter {
  /** [r, H] */
  readonly down: LinearParameters;
  /** [H, r] */
  readonly up: LinearParameters;
}

/** A linear layer with its place for adapters; both are set only while the encoder is frozen. */
export interface AdaptableLinear extends LinearParameters {
  lowRank: LowRankAdapter | undefined;
  bottleneck: BottleneckAdapter | undefined;
}

/** The layer without an adapter. */
export function adaptable(parameters: LinearParameters): AdaptableLinear {
  return { ...parameters, lowRank: undefined, bottleneck: undefined };
}
