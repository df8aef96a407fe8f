export { BertConfig, type BertConfigClass } from './bertConfigClass.js';
export { bertConfig, isPresetName, type PartialBertConfig, presetConfig } from './bertConfig.js';
export { configFileName, configFileOf } from './configFile.js';
export { configFromJson, configToJson, readConfig, readConfigJson } from './configJson.js';
export { overrideJson, withOverrides } from './configOverrides.js';
export { type EncoderConfig, type HiddenAct, hiddenActs, type ProblemType } from './encoderConfig.js';
export { type Preset, type PresetName, presetNames, presets } from './presets.js';
