/** Changes to a configuration as they are typed: `hidden_dropout_prob=0,initializer_range=0.05`, by the keys of config.json. */
import { DataError, UsageError } from '../data/errors.js';
import { didYouMean } from '../data/nearMatch.js';
import type { JsonObject, JsonValue } from '../data/strictJson.js';
import type { BertConfig } from './bertConfig.js';
import { configFromJson, configToJson, modelJsonKeys } from './configJson.js';

const flag = '--config-overrides';

/**
 * The object of a config.json with changed fields; their values are checked by who reads it.
 * @param overrides texts of the form key=value, the keys those of config.json
 * @throws UsageError for a text that is none and an unknown key (with the near match)
 */
export function overrideJson(original: JsonObject, overrides: readonly string[]): JsonObject {
  const json: { [key: string]: JsonValue } = { ...original };
  for (const text of overrides) {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`${flag} "${text}": expected key=value`, { hint: `for example ${flag} hidden_dropout_prob=0,initializer_range=0.05` });
    const key = text.slice(0, at).trim();
    if (!modelJsonKeys.includes(key)) throw new UsageError(`${flag}: unknown key "${key}".${didYouMean(key, modelJsonKeys)}`, { hint: `keys of config.json: ${modelJsonKeys.join(', ')}` });
    json[key] = parseValue(text.slice(at + 1).trim());
  }
  return json;
}

/**
 * `config` with changed fields.
 * @param overrides as `overrideJson` takes them
 * @throws UsageError as `overrideJson`, and for a value that the configuration refuses
 */
export function withOverrides(config: BertConfig, overrides: readonly string[]): BertConfig {
  const json = overrideJson(configToJson(config) as JsonObject, overrides);
  try {
    return configFromJson(json, flag);
  } catch (error) {
    if (error instanceof DataError) throw new UsageError(error.message, { cause: error, hint: 'the values are those of a config.json' });
    throw error;
  }
}

/** A number where the text is one, else the text itself. */
function parseValue(text: string): JsonValue {
  const number = Number(text);
  return text === '' || Number.isNaN(number) ? text : number;
}
