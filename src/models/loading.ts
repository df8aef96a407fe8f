/** Makes models: from a configuration with random weights, or from a checkpoint directory. */
import { existsSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { holdsAdapter, readAdapter } from '../adapters/adapterFiles.js';
import { CheckpointWeights } from '../checkpoint/huggingFaceLayout.js';
import { findModelFiles } from '../checkpoint/modelFiles.js';
import { configFileOf } from '../config/configFile.js';
import { readConfigJson } from '../config/configJson.js';
import { overrideJson } from '../config/configOverrides.js';
import type { EncoderConfig, ProblemType } from '../config/encoderConfig.js';
import { DataError, UsageError } from '../data/errors.js';
import type { JsonObject } from '../data/strictJson.js';
import { type Initializer, ParameterStore, type ParameterSource, randomSource } from '../encoder/parameterStore.js';
import { resolveMatmulPrecision, setEngine, setMatmulPrecision } from '../engine/index.js';
import { tokenizerEntries } from '../tokenizer/tokenizerEntries.js';
import { assignValues } from '../ops/assignValues.js';
import type { ModelType } from './modelType.js';
import type { ModelParts, PretrainedModel } from './pretrainedModel.js';
import { checkVocabularyRows } from './vocabularyRows.js';

export interface FromConfigOptions {
  /** Of the initial weights and of `forward`'s dropout masks; 42 unless given. */
  readonly seed?: number | undefined;
}

export interface FromPretrainedOptions extends FromConfigOptions {
  /** Outputs of a classification head; the checkpoint's unless given, else 2. */
  readonly numLabels?: number | undefined;
  /** Labels by index; the checkpoint's unless given, else LABEL_0, LABEL_1, … */
  readonly id2label?: Readonly<Record<number, string>> | readonly string[] | undefined;
  readonly problemType?: ProblemType | undefined;
  /** Starts a head anew where the checkpoint's has another shape; otherwise that is an error. */
  readonly ignoreMismatchedSizes?: boolean | undefined;
  /** Starts a classification head anew, whatever the checkpoint has: its classes are others than these. */
  readonly freshHead?: boolean | undefined;
  /** 'random' takes only the configuration of the directory and starts all weights anew. */
  readonly init?: 'checkpoint' | 'random' | undefined;
  /** Changes to the directory's configuration as `key=value`, by the keys of config.json: `hidden_dropout_prob=0.1`. */
  readonly configOverrides?: readonly string[] | undefined;
  /** Precision of matrix products, for the engine as a whole. */
  readonly matmulPrecision?: 'highest' | 'bf16' | 'auto' | undefined;
}

export type ModelClass<M extends PretrainedModel> = new (parts: ModelParts) => M;

const defaultSeed = 42;

/** A model with random weights, a pure function of configuration and seed. */
export function createModel<M extends PretrainedModel>(modelClass: ModelClass<M>, type: ModelType, config: EncoderConfig, options: FromConfigOptions = {}): M {
  const seed = options.seed ?? defaultSeed;
  return construct(modelClass, { type, config, seed, store: new ParameterStore(randomSource(seed)) });
}

/**
 * A model from a directory with an adapter (adapter_config.json: its base model and its weights), or with config.json (or Google's bert_config.json) and weights in one of the formats of modelFiles.ts.
 * Head weights that the checkpoint lacks start from random numbers; they and the tensors that nobody wants are listed in `loadReport`. Where no engine was set, the best is.
 * @param pick the class, and the row of the table of model types by `model_type`
 * @throws IoError for absent files; DataError for damaged ones, for a tensor of a wrong shape (named, with found and
 * expected shape), for an encoder weight that is not there and for fewer word embeddings than the tokenizer has entries
 */
export async function loadModel<M extends PretrainedModel>(
  pick: (modelType: string, file: string) => { readonly modelClass: ModelClass<M>; readonly type: ModelType },
  directory: string,
  options: FromPretrainedOptions = {},
): Promise<M> {
  if (holdsAdapter(directory)) return loadAdapted(pick, directory, options);
  const file = findModelFiles(directory).config;
  const json = overrideJson(readConfigJson(file), options.configOverrides ?? []);
  const { modelClass, type } = pick(modelTypeOf(json['model_type'] ?? undefined, file), file);
  let config = withLabels(type.configFromJson(json, file), options);
  const tokenizer = await tokenizerEntries(directory);
  const note = tokenizer === undefined ? undefined : checkVocabularyRows(directory, config.vocabSize, tokenizer);
  await ensureEngine();
  if (options.matmulPrecision !== undefined) setMatmulPrecision(resolveMatmulPrecision(options.matmulPrecision, false));
  if (options.init === 'random') return createModel(modelClass, type, config, options);
  const seed = options.seed ?? defaultSeed;
  const weights = CheckpointWeights.read(directory, type.weightNames);
  // Google's configurations name no labels.
  const outputs = config.numLabels === undefined ? weights.shapeOf('classifier.weight')?.[0] : undefined;
  if (outputs !== undefined) config = withLabels(config, { ...options, numLabels: outputs });
  const missing: string[] = [];
  const random = randomSource(seed);
  const source: ParameterSource = (name: string, shape: readonly number[], initializer: Initializer) => {
    const inEncoder = name.startsWith(type.weightNames.prefix);
    const replaced = (options.ignoreMismatchedSizes === true && !inEncoder && !sameShape(weights.shapeOf(name), shape)) || (options.freshHead === true && name.startsWith('classifier.'));
    const values = replaced ? undefined : weights.take(name, shape);
    if (values !== undefined) return values;
    if (inEncoder && !type.mayBeMissing(name)) {
      throw new DataError(`tensor "${name}" is not in the checkpoint; expected shape [${shape.join(', ')}]`, {
        location: { file: directory },
        hint: 'config.json describes more than the weights hold: fewer layers, or the weights of another model.',
      });
    }
    missing.push(name);
    return random(name, shape, initializer);
  };
  const model = construct(modelClass, { type, config, seed, store: new ParameterStore(source) });
  model.loadReport = { missing: missing.map((name) => model.publicName(name)), unexpected: weights.unexpected(), ...(note === undefined ? {} : { notes: [note] }) };
  return model;
}

/** A base model with an adapter's weights: LoRA's added to its own, a bottleneck beside them. */
async function loadAdapted<M extends PretrainedModel>(pick: Parameters<typeof loadModel<M>>[0], directory: string, options: FromPretrainedOptions): Promise<M> {
  const { config, base, tensors } = readAdapter(directory);
  const classifier = tensors.get('classifier.weight')?.shape[0];
  const own = configFileOf(directory);
  const labels = existsSync(own) ? labelsOf(readConfigJson(own)) : classifier === undefined ? {} : { numLabels: classifier };
  const model = await loadModel(pick, base, { ...labels, ...options, ignoreMismatchedSizes: true });
  try {
    const stored = (name: string, shape: readonly number[]): Float32Array => {
      const found = tensors.get(name);
      if (found === undefined || !sameShape(found.shape, shape)) {
        throw new DataError(`tensor "${name}" ${found === undefined ? 'is not in the adapter' : `has shape [${found.shape.join(', ')}]`}; expected shape [${shape.join(', ')}]`, { location: { file: directory }, hint: `is ${base} the model that it was trained with?` });
      }
      return new Float32Array(found.data);
    };
    const adapter = model.addAdapter(config, stored);
    const known = model.namedParameters();
    for (const [name, { data }] of tensors) {
      const variable = known.get(name);
      if (variable === undefined) continue;
      stored(name, variable.shape);
      assignValues(variable, data);
    }
    const { missing, unexpected, notes } = model.loadReport;
    const strange = [...tensors.keys()].filter((name) => !known.has(name) && !adapter.parameters.has(name));
    model.loadReport = { missing: missing.filter((name) => !tensors.has(name)), unexpected: [...unexpected, ...strange], ...(notes === undefined ? {} : { notes }) };
    model.mergeAdapter();
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** The labels that a config.json names, as options. */
function labelsOf(json: JsonObject): FromPretrainedOptions {
  const { id2label, problem_type: problemType } = json;
  return {
    ...(typeof id2label === 'object' && id2label !== null ? { id2label: id2label as unknown as Record<number, string> } : {}),
    ...(problemType === 'regression' || problemType === 'single_label_classification' ? { problemType } : {}),
  };
}

/** The best engine where nobody has chosen one: tfjs itself would take its plain JavaScript. */
async function ensureEngine(): Promise<void> {
  if (tf.engine().backendName === undefined) await setEngine('auto');
}

/** Frees what was made where the constructor fails half-way. */
function construct<M extends PretrainedModel>(modelClass: ModelClass<M>, parts: ModelParts): M {
  try {
    return new modelClass(parts);
  } catch (error) {
    parts.store.dispose();
    throw error;
  }
}

function modelTypeOf(value: unknown, file: string): string {
  if (value === undefined) return 'bert';
  if (typeof value === 'string') return value;
  throw new DataError(`model_type is ${JSON.stringify(value).slice(0, 80)}; expected a string`, { location: { file } });
}

function sameShape(a: readonly number[] | undefined, b: readonly number[]): boolean {
  return a !== undefined && a.length === b.length && a.every((size, i) => size === b[i]);
}

/** The configuration with the labels that the caller wants instead of the checkpoint's. */
function withLabels<C extends EncoderConfig>(config: C, options: FromPretrainedOptions): C {
  const { numLabels, id2label, problemType } = options;
  const labels = id2label === undefined ? undefined : Array.isArray(id2label) ? { ...id2label } : id2label;
  const count = numLabels ?? (labels === undefined ? undefined : Object.keys(labels).length);
  if (count === undefined && problemType === undefined) return config;
  if (count !== undefined && (!Number.isInteger(count) || count < 1)) throw new UsageError(`numLabels is ${count}; expected an integer of at least 1`);
  if (labels !== undefined && count !== undefined && Object.keys(labels).length !== count) {
    throw new UsageError(`id2label names ${Object.keys(labels).length} labels, numLabels is ${count}`, { hint: 'Give one label for each output.' });
  }
  const { id2label: old, numLabels: oldCount, problemType: oldType, ...rest } = config;
  const wantedCount = count ?? oldCount;
  const wantedLabels = labels ?? (wantedCount === oldCount ? old : undefined);
  const wantedType = problemType ?? (wantedCount === oldCount ? oldType : undefined);
  return Object.freeze({
    ...rest,
    ...(wantedCount === undefined ? {} : { numLabels: wantedCount }),
    ...(wantedLabels === undefined ? {} : { id2label: Object.freeze({ ...wantedLabels }) }),
    ...(wantedType === undefined ? {} : { problemType: wantedType }),
  }) as unknown as C;
}
