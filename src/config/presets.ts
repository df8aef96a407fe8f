/**
 * Named sizes. tiny to medium are those of Turc et al. (2019), base and large of Devlin et al. (2019),
 * minilm-l6 and minilm-l12 of Wang et al. (2020). Everything they leave out is BERT-base's.
 */

export interface Preset {
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly intermediateSize: number;
}

function preset(hiddenSize: number, numHiddenLayers: number, numAttentionHeads: number, intermediateSize: number): Preset {
  return Object.freeze({ hiddenSize, numHiddenLayers, numAttentionHeads, intermediateSize });
}

export const presets = Object.freeze({
  tiny: preset(128, 2, 2, 512),
  mini: preset(256, 4, 4, 1024),
  small: preset(512, 4, 8, 2048),
  medium: preset(512, 8, 8, 2048),
  base: preset(768, 12, 12, 3072),
  large: preset(1024, 24, 16, 4096),
  'minilm-l6': preset(384, 6, 12, 1536),
  'minilm-l12': preset(384, 12, 12, 1536),
});

export type PresetName = keyof typeof presets;

export const presetNames: readonly string[] = Object.keys(presets);
