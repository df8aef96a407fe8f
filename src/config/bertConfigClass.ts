/** BertConfig under the name and with the calls that users of transformers know; what it makes is plain frozen data all the same. */
import path from 'node:path';
import { type BertConfig as BertConfigData, bertConfig, type PartialBertConfig, presetConfig } from './bertConfig.js';
import { readConfig } from './configJson.js';

export type BertConfig = BertConfigData;

export interface BertConfigClass {
  /** As bertConfig: validated, frozen; fields left out are BERT-base's. */
  new (partial?: PartialBertConfig): BertConfig;
  /** The config.json of a model directory. Errors as readConfig. */
  fromPretrained(directory: string): Promise<BertConfig>;
  /** A preset such as `tiny` or `base`, with changes. Errors as presetConfig. */
  fromPreset(name: string, changes?: PartialBertConfig): BertConfig;
}

/** Returning an object from a constructor makes `new` give that object. */
function construct(partial?: PartialBertConfig): BertConfig {
  return bertConfig(partial);
}

export const BertConfig = Object.assign(construct, {
  fromPretrained: async (directory: string): Promise<BertConfig> => readConfig(path.join(directory, 'config.json')),
  fromPreset: presetConfig,
}) as unknown as BertConfigClass;
