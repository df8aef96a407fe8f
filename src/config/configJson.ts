/**
 * config.json: the one place that knows its snake_case keys. Reading keeps the keys that mean nothing here and refuses
 * those that would change the mathematics; writing gives what transformers reads.
 */
import { readFileSync } from 'node:fs';
import { DataError, IoError, UsageError } from '../data/errors.js';
import { nearMatch } from '../data/nearMatch.js';
import { isJsonObject, type JsonObject, type JsonValue, parseJsonObject, setOwn } from '../data/strictJson.js';
import { type BertConfig, bertConfig, type PartialBertConfig } from './bertConfig.js';
import { type EncoderConfig, hiddenActs } from './encoderConfig.js';

/** config.json key of each plain field. Labels, `modelType` and `extra` are treated apart. */
const jsonKeys = {
  vocabSize: 'vocab_size',
  hiddenSize: 'hidden_size',
  numHiddenLayers: 'num_hidden_layers',
  numAttentionHeads: 'num_attention_heads',
  intermediateSize: 'intermediate_size',
  hiddenAct: 'hidden_act',
  hiddenDropoutProb: 'hidden_dropout_prob',
  attentionProbsDropoutProb: 'attention_probs_dropout_prob',
  classifierDropout: 'classifier_dropout',
  maxPositionEmbeddings: 'max_position_embeddings',
  typeVocabSize: 'type_vocab_size',
  initializerRange: 'initializer_range',
  layerNormEps: 'layer_norm_eps',
  padTokenId: 'pad_token_id',
  problemType: 'problem_type',
} as const;

/** Keys of config.json that describe the model itself. */
export const modelJsonKeys: readonly string[] = Object.values(jsonKeys);

const fieldOfJsonKey = new Map<string, keyof typeof jsonKeys>(Object.entries(jsonKeys).map(([field, key]) => [key, field as keyof typeof jsonKeys]));
const labelKeys = new Set(['id2label', 'label2id', 'num_labels', 'model_type']);

/** Fields without which a foreign file describes no model: their defaults would silently be another architecture. */
const requiredJsonKeys = ['vocab_size', 'hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size'] as const;

/** Keys that change what the model computes, and the values under which it stays BERT. */
const fixedKeys = new Map<string, { readonly accepts: (value: JsonValue) => boolean; readonly expected: string }>([
  ['position_embedding_type', { accepts: (value) => value === 'absolute', expected: '"absolute"' }],
  ['is_decoder', { accepts: (value) => value === false, expected: 'false' }],
  ['is_encoder_decoder', { accepts: (value) => value === false, expected: 'false' }],
  ['add_cross_attention', { accepts: (value) => value === false, expected: 'false' }],
  ['pruned_heads', { accepts: (value) => isJsonObject(value) && Object.keys(value).length === 0, expected: 'no pruned heads' }],
  ['embedding_size', { accepts: () => false, expected: 'no factorised embedding' }],
  ['quantization_config', { accepts: () => false, expected: 'unquantised weights' }],
  ['auto_map', { accepts: () => false, expected: 'no code in the checkpoint: nothing is executed from data' }],
]);

/**
 * The configuration in a config.json.
 * @param file path of the file itself
 * @throws IoError where it cannot be read; DataError with line and column where it is malformed, or naming key and value where it asks for what is not BERT.
 */
export function readConfig(file: string): BertConfig {
  return configFromJson(readConfigJson(file), file);
}

/** The JSON object in a config.json, of whatever model type. */
export function readConfigJson(file: string): JsonObject {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new IoError(`${file}: cannot read the model's configuration (${(cause as Error).message})`, { cause, hint: 'A model directory holds config.json and model.safetensors.' });
  }
  return parseJsonObject(text, { file, hint: 'Compare with the model\'s original config.json.' });
}

/** A BertConfig from the object of a config.json; `file` is named in errors. */
export function configFromJson(json: JsonObject, file: string): BertConfig {
  const partial: Record<string, unknown> = {};
  const extra: Record<string, unknown> = {};
  const modelType = json['model_type'] ?? 'bert';
  if (modelType !== 'bert') throw keyError(file, 'model_type', modelType, '"bert"');
  for (const [key, value] of Object.entries(json)) {
    const field = fieldOfJsonKey.get(key);
    const fixed = fixedKeys.get(key);
    if (field !== undefined) {
      if (value !== null) partial[field] = value;
    } else if (fixed !== undefined && value !== null && !fixed.accepts(value)) {
      throw keyError(file, key, value, fixed.expected);
    } else if (!labelKeys.has(key)) setOwn(extra, key, value);
  }
  for (const key of requiredJsonKeys) {
    if (json[key] === undefined || json[key] === null) {
      const near = nearMatch(key, Object.keys(extra));
      throw new DataError(`${key} is missing${near === undefined ? '' : `; did "${near}" mean it?`}`, { location: { file }, hint: 'A BERT config.json gives every size of the model.' });
    }
  }
  const act = json['hidden_act'];
  if (act !== undefined && act !== null && !hiddenActs.some((name) => name === act)) throw keyError(file, 'hidden_act', act, `one of ${hiddenActs.join(', ')}`);
  Object.assign(partial, labelsFromJson(json, file));
  try {
    return bertConfig({ ...(partial as PartialBertConfig), extra });
  } catch (error) {
    if (error instanceof UsageError) throw new DataError(inJsonWords(error.message), { location: { file }, hint: error.hint, cause: error });
    throw error;
  }
}

/** The object to write as config.json, keys that transformers knows, foreign keys after them. */
export function configToJson(config: EncoderConfig | BertConfig): Record<string, unknown> {
  const json: Record<string, unknown> = { model_type: config.modelType };
  const fields = config as unknown as Readonly<Record<string, unknown>>;
  for (const [field, key] of Object.entries(jsonKeys)) {
    const value = fields[field];
    if (value !== undefined) json[key] = value;
  }
  const { id2label, numLabels } = config;
  if (id2label !== undefined) {
    json['id2label'] = { ...id2label };
    const label2id: Record<string, number> = {};
    for (const [id, label] of Object.entries(id2label)) setOwn(label2id, label, Number(id));
    json['label2id'] = label2id;
  } else if (numLabels !== undefined) json['num_labels'] = numLabels;
  for (const [key, value] of Object.entries(config.extra)) if (!Object.hasOwn(json, key)) setOwn(json, key, value);
  return json;
}

/** numLabels and id2label; label2id is derived from id2label and is not read where both stand. */
function labelsFromJson(json: JsonObject, file: string): Partial<Pick<BertConfig, 'numLabels' | 'id2label'>> {
  const id2label = json['id2label'] ?? invert(json['label2id'], file);
  const count = json['num_labels'];
  if (count !== undefined && count !== null && typeof count !== 'number') throw keyError(file, 'num_labels', count, 'a number');
  const numLabels = typeof count === 'number' ? { numLabels: count } : {};
  if (id2label === undefined || id2label === null) return numLabels;
  if (!isJsonObject(id2label)) throw keyError(file, 'id2label', id2label, 'an object from index to label');
  const labels: Record<number, string> = {};
  const size = Object.keys(id2label).length;
  for (let i = 0; i < size; i++) {
    const label = id2label[String(i)];
    if (typeof label !== 'string') throw keyError(file, 'id2label', id2label, `a label for each index 0 to ${size - 1}`);
    labels[i] = label;
  }
  return { ...numLabels, id2label: labels };
}

function invert(label2id: JsonValue | undefined, file: string): JsonValue | undefined {
  if (label2id === undefined || label2id === null) return undefined;
  if (!isJsonObject(label2id)) throw keyError(file, 'label2id', label2id, 'an object from label to index');
  return Object.fromEntries(Object.entries(label2id).map(([label, id]) => [String(id), label]));
}

function keyError(file: string, key: string, value: JsonValue, expected: string): DataError {
  const text = JSON.stringify(value);
  return new DataError(`${key} is ${text.length > 80 ? `${text.slice(0, 77)}...` : text}; expected ${expected}`, {
    location: { file },
    hint: 'This model computes something else than BERT, or the file is damaged; it cannot be loaded as BERT.',
  });
}

/** A message of bertConfig with the field names as the file spells them. */
function inJsonWords(message: string): string {
  return message.replace(/^BertConfig: /, '').replaceAll(/\b[a-z]+(?:[A-Z][a-z]+)+\b/g, (word) => jsonKeys[word as keyof typeof jsonKeys] ?? word);
}
