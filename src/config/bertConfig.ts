/** BertConfig: the hyperparameters of BERT (Devlin et al., 2019), validated once and frozen. */
import { UsageError } from '../data/errors.js';
import { didYouMean } from '../data/nearMatch.js';
import { type EncoderConfig, hiddenActs, problemTypes } from './encoderConfig.js';
import { type PresetName, presetNames, presets } from './presets.js';

export interface BertConfig extends EncoderConfig {
  readonly modelType: 'bert';
  readonly numHiddenLayers: number;
  /** Divides hiddenSize. */
  readonly numAttentionHeads: number;
  /** Width of the feed-forward layer. */
  readonly intermediateSize: number;
  /** Probability of dropping an attention weight while training. */
  readonly attentionProbsDropoutProb: number;
}

/** Any of the fields; those left out take BERT-base's values. */
export type PartialBertConfig = { readonly [K in keyof BertConfig]?: BertConfig[K] | undefined };

/** BERT-base uncased. */
const defaults: BertConfig = {
  modelType: 'bert',
  vocabSize: 30522,
  hiddenSize: 768,
  numHiddenLayers: 12,
  numAttentionHeads: 12,
  intermediateSize: 3072,
  hiddenAct: 'gelu',
  hiddenDropoutProb: 0.1,
  attentionProbsDropoutProb: 0.1,
  maxPositionEmbeddings: 512,
  typeVocabSize: 2,
  initializerRange: 0.02,
  layerNormEps: 1e-12,
  padTokenId: 0,
  extra: {},
};

const optionalKeys = ['classifierDropout', 'numLabels', 'id2label', 'problemType'] as const;

/** Every key of a BertConfig, in the order they are written. */
export const bertConfigKeys: readonly string[] = [...Object.keys(defaults), ...optionalKeys];

const sizes = ['vocabSize', 'hiddenSize', 'numHiddenLayers', 'numAttentionHeads', 'intermediateSize', 'maxPositionEmbeddings', 'typeVocabSize'] as const;
const probabilities = ['hiddenDropoutProb', 'attentionProbsDropoutProb'] as const;

/**
 * A validated, frozen configuration; fields left out are BERT-base's.
 * @throws UsageError naming the key, what was found and what is allowed; an unknown key names its near match.
 */
export function bertConfig(partial: PartialBertConfig = {}): BertConfig {
  for (const key of Object.keys(partial)) {
    if (!bertConfigKeys.includes(key)) {
      throw new UsageError(`BertConfig: unknown key "${key}".${didYouMean(key, bertConfigKeys)}`, { hint: `Known keys: ${bertConfigKeys.join(', ')}.` });
    }
  }
  const given = Object.fromEntries(Object.entries(partial).filter(([, value]) => value !== undefined)) as Partial<BertConfig>;
  const config: BertConfig = { ...defaults, ...given };
  for (const key of sizes) requireInteger(key, config[key], 1);
  for (const key of probabilities) requireProbability(key, config[key]);
  if (config.classifierDropout !== undefined) requireProbability('classifierDropout', config.classifierDropout);
  requireInteger('padTokenId', config.padTokenId, 0);
  requirePositive('layerNormEps', config.layerNormEps);
  requirePositive('initializerRange', config.initializerRange);
  if (config.modelType !== 'bert') refuse('modelType', config.modelType, '"bert"');
  if (!hiddenActs.includes(config.hiddenAct)) refuse('hiddenAct', config.hiddenAct, `one of ${hiddenActs.join(', ')}`, String(config.hiddenAct), hiddenActs);
  if (config.problemType !== undefined && !problemTypes.includes(config.problemType)) {
    refuse('problemType', config.problemType, `one of ${problemTypes.join(', ')}`, String(config.problemType), problemTypes);
  }
  if (config.padTokenId >= config.vocabSize) refuse('padTokenId', config.padTokenId, `an id below vocabSize (${config.vocabSize})`);
  if (config.hiddenSize % config.numAttentionHeads !== 0) {
    throw new UsageError(`BertConfig: hiddenSize ${config.hiddenSize} is not a multiple of numAttentionHeads ${config.numAttentionHeads}`, {
      hint: 'Each head takes hiddenSize / numAttentionHeads of the width; choose sizes that divide.',
    });
  }
  if (typeof config.extra !== 'object' || config.extra === null || Array.isArray(config.extra)) refuse('extra', config.extra, 'an object of further config.json keys');
  return deepFreeze({ ...config, ...checkedLabels(config), extra: copyOf(config.extra) });
}

/**
 * A preset by name, with changes.
 * @throws UsageError for an unknown preset, with the near match.
 */
export function presetConfig(name: string, changes: PartialBertConfig = {}): BertConfig {
  if (!isPresetName(name)) {
    throw new UsageError(`unknown model configuration "${name}".${didYouMean(name, presetNames)}`, { hint: `Known ones: ${presetNames.join(', ')}, or a config.json file.` });
  }
  return bertConfig({ ...presets[name], ...changes });
}

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}

/** numLabels and id2label agree, whichever was given; both stay undefined where neither was. */
function checkedLabels(config: BertConfig): Pick<BertConfig, 'numLabels' | 'id2label'> {
  const { numLabels, id2label } = config;
  if (numLabels !== undefined) requireInteger('numLabels', numLabels, 1);
  if (id2label === undefined) return numLabels === undefined ? {} : { numLabels };
  const labels = Object.entries(id2label);
  const count = numLabels ?? labels.length;
  if (labels.length !== count) {
    throw new UsageError(`BertConfig: id2label names ${labels.length} labels, numLabels is ${count}`, { hint: 'Give one label for each output.' });
  }
  const checked: Record<number, string> = {};
  for (let i = 0; i < count; i++) {
    const label: unknown = id2label[i];
    if (typeof label !== 'string') refuse(`id2label[${i}]`, label, `a label for each index 0 to ${count - 1}`);
    checked[i] = String(label);
  }
  return { numLabels: count, id2label: checked };
}

/** What the caller gave must not freeze with the configuration. */
function copyOf(extra: BertConfig['extra']): BertConfig['extra'] {
  try {
    return structuredClone(extra);
  } catch {
    return refuse('extra', extra, 'plain data, as JSON has it');
  }
}

function refuse(key: string, found: unknown, expected: string, name = '', choices: readonly string[] = []): never {
  throw new UsageError(`BertConfig: ${key} is ${show(found)}; expected ${expected}.${name === '' ? '' : didYouMean(name, choices)}`);
}

function requireInteger(key: string, value: unknown, least: number): void {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > 0x7fffffff) refuse(key, value, `an integer of at least ${least} and below 2^31`);
}

function requireProbability(key: string, value: unknown): void {
  if (typeof value !== 'number' || !(value >= 0 && value < 1)) refuse(key, value, 'a probability, at least 0 and below 1');
}

function requirePositive(key: string, value: unknown): void {
  if (typeof value !== 'number' || !(value > 0 && value < Number.POSITIVE_INFINITY)) refuse(key, value, 'a positive number');
}

/** A found value as it may stand in a message, shortened. */
function show(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function deepFreeze<T extends object>(value: T): T {
  const pending: object[] = [value];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    if (Object.isFrozen(item)) continue;
    Object.freeze(item);
    for (const inner of Object.values(item)) if (typeof inner === 'object' && inner !== null) pending.push(inner);
  }
  return value;
}
