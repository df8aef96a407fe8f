/** BertConfig under the name and with the calls that users of transformers know; what it makes is plain frozen data all the same. */
import { type BertConfig as BertConfigData, bertConfig, type PartialBertConfig, presetConfig } from './bertConfig.js';
import { configFileOf } from './configFile.js';
import { readConfig } from './configJson.js';

export type BertConfig = BertConfigData;

export interface BertConfigClass {
  /** As bertConfig: validated, frozen; fields left out are BERT-base's. */
  new (partial?: PartialBertConfig): BertConfig;
  /** The config.json of a model directory, or its bert_config.json where that alone is there. Errors as readConfig. */
  fromPretrained(directory: string): Promise<BertConfig>;
  /** A preset such as `tiny` or `base`, with changes. Errors as presetConfig. */
  fromPreset(name: string, changes?: PartialBertConfig): BertConfig;
}

/** Returning an object from a constructor makes `new` give that object. */
function construct(partial?: PartialBertConfig): BertConfig {
  return bertConfig(partial);
}

export const BertConfig = Object.assign(construct, {
  fromPretrained: async (directory: string): Promise<BertConfig> => readConfig(configFileOf(directory)),
  fromPreset: presetConfig,
}) as unknown as BertConfigClass;
