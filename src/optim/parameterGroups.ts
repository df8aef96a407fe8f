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

/**
 * The factor on the learning rate under layer-wise decay: 1 for everything above the encoder, `decay` per layer going down,
 * so that layer l of L has decay^(L - l) with l from 0, and the embeddings decay^(L + 1).
 */
export function layerWiseLrScale(name: string, decay: number, numHiddenLayers: number): number {
  const layer = /(?:^|\.)layer\.(\d+)\./.exec(name)?.[1];
  if (layer !== undefined) return decay ** (numHiddenLayers - Number(layer));
  return /(?:^|\.)embeddings\./.test(name) ? decay ** (numHiddenLayers + 1) : 1;
}

export interface GroupingOptions {
  readonly weightDecay: number;
  /** Layer-wise decay of the learning rate with the number of layers it counts; absent: all factors 1. */
  readonly layerWise?: { readonly decay: number; readonly numHiddenLayers: number } | undefined;
}

/** The setting of each parameter by the two rules above. */
export function parameterSettings(names: Iterable<string>, options: GroupingOptions): Map<string, ParameterSetting> {
  const settings = new Map<string, ParameterSetting>();
  for (const name of names) {
    const lrScale = options.layerWise === undefined ? 1 : layerWiseLrScale(name, options.layerWise.decay, options.layerWise.numHiddenLayers);
    settings.set(name, { weightDecay: isNoDecay(name) ? 0 : options.weightDecay, lrScale });
  }
  return settings;
}
