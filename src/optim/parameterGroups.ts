/** Which parameters are decayed and how their learning rates are scaled, decided by name. */

/** What distinguishes one parameter from another in the optimizer. */
export interface ParameterSetting {
  /** Weight decay of this parameter. */
  readonly weightDecay: number;
  /** Factor on the learning rate. */
  readonly lrScale: number;
}

/** True for biases and LayerNorm weights, which are never decayed (as in Google's and Hugging Face's code). */
export function isNoDecay(name: string): boolean {
  return name.endsWith('bias') || /layer_?norm/i.test(name);
}

/** The number of the encoder layer that a parameter belongs to, from 0. */
function layerOf(name: string): number | undefined {
  const layer = /(?:^|\.)layer\.(\d+)\./.exec(name)?.[1];
  return layer === undefined ? undefined : Number(layer);
}

/**
 * The factor on the learning rate under layer-wise decay: 1 for everything above the encoder, `decay` per layer going down,
 * so that layer l of L has decay^(L - l) with l from 0, and the embeddings decay^(L + 1).
 */
export function layerWiseLrScale(name: string, decay: number, numHiddenLayers: number): number {
  const layer = layerOf(name);
  if (layer !== undefined) return decay ** (numHiddenLayers - layer);
  return /(?:^|\.)embeddings\./.test(name) ? decay ** (numHiddenLayers + 1) : 1;
}

export interface GroupingOptions {
  readonly weightDecay: number;
  /** Layer-wise decay of the learning rate; absent: all factors 1. */
  readonly layerWiseLrDecay?: number | undefined;
}

/** The setting of each parameter by the two rules above. */
export function parameterSettings(names: Iterable<string>, options: GroupingOptions): Map<string, ParameterSetting> {
  const all = [...names];
  const numHiddenLayers = all.reduce((count, name) => Math.max(count, (layerOf(name) ?? -1) + 1), 0);
  const settings = new Map<string, ParameterSetting>();
  for (const name of all) {
    const lrScale = layerWiseLrScale(name, options.layerWiseLrDecay ?? 1, numHiddenLayers);
    settings.set(name, { weightDecay: isNoDecay(name) ? 0 : options.weightDecay, lrScale });
  }
  return settings;
}
