/** What every public model class has: a configuration, an encoder, named parameters, saving and disposal. */
import type * as tf from '@tensorflow/tfjs';
import { type Adapter, attachAdapter } from '../adapters/adapter.js';
import { writeAdapter } from '../adapters/adapterFiles.js';
import type { AdapterConfig } from '../adapters/config.js';
import { writeModelConfig, writeModelDirectory } from '../checkpoint/huggingFaceLayout.js';
import type { TensorData } from '../checkpoint/safetensors.js';
import { configToJson } from '../config/configJson.js';
import type { EncoderConfig } from '../config/encoderConfig.js';
import { UsageError } from '../data/errors.js';
import { type ParameterSource, type ParameterStore, randomSource } from '../encoder/parameterStore.js';
import type { Encoder, ForwardContext } from '../encoder/types.js';
import { DropoutStream } from '../ops/dropoutGenerator.js';
import type { ModelType } from './modelType.js';

/** Which weights a checkpoint lacked (they started from random numbers) and which it had beyond those wanted. */
export interface LoadReport {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** What else a user would want to know; absent where there is nothing. */
  readonly notes?: readonly string[];
}

/** What a model is made of. */
export interface ModelParts {
  readonly type: ModelType;
  readonly config: EncoderConfig;
  readonly store: ParameterStore;
  /** Of the dropout masks of `forward`. */
  readonly seed: number;
}

export interface ForwardOptions {
  /** Dropout is applied only while training; false unless given. */
  readonly training?: boolean | undefined;
  /** Masks of this pass; unless given, each training pass of a model draws its own from the model's seed. */
  readonly dropout?: DropoutStream | undefined;
}

/** The values of variables, by name. */
async function hostCopies(variables: ReadonlyMap<string, tf.Variable>): Promise<Map<string, TensorData>> {
  const tensors = new Map<string, TensorData>();
  for (const [name, variable] of variables) tensors.set(name, { shape: variable.shape, data: (await variable.data()) as Float32Array });
  return tensors;
}

/** Elements of all parameters. */
export function parameterCount(model: PretrainedModel): number {
  return elements(model.namedParameters());
}

/** Elements of those that training changes. */
export function trainableCount(model: PretrainedModel): number {
  return elements(model.trainableParameters());
}

function elements(variables: ReadonlyMap<string, tf.Variable>): number {
  return [...variables.values()].reduce((sum, { size }) => sum + size, 0);
}

export abstract class PretrainedModel {
  readonly config: EncoderConfig;
  /** Set by fromPretrained; empty lists for a model made from a configuration. */
  loadReport: LoadReport = { missing: [], unexpected: [] };
  readonly encoder: Encoder;
  #adapter: Adapter | undefined;
  readonly #parts: ModelParts;
  #trainingPasses = 0;

  constructor(parts: ModelParts, options: { readonly pooling: boolean }) {
    this.config = parts.config;
    this.#parts = parts;
    this.encoder = parts.type.createEncoder(parts.config, parts.store, options);
  }

  /** End of the class name that config.json lists under `architectures`. */
  protected abstract readonly architecture: string;

  /** All parameters by the name that transformers gives them, in a fixed order. The model keeps them. */
  namedParameters(): Map<string, tf.Variable> {
    return new Map([...this.#parts.store.variables()].map(([name, variable]) => [this.publicName(name), variable]));
  }

  /** The adapter that was added and is not merged; undefined where all of the model is its own. */
  get adapter(): Adapter | undefined {
    return this.#adapter;
  }

  /**
   * Adds an adapter to the encoder, which is frozen from then on.
   * @param source of the adapter's starting values; random ones of the model's seed unless given
   * @throws UsageError for target modules that the encoder does not have, and for a second adapter
   */
  addAdapter(config: AdapterConfig, source: ParameterSource = randomSource(this.#parts.seed)): Adapter {
    if (this.#adapter !== undefined) throw new UsageError('the model has an adapter already', { hint: 'merge it first' });
    this.#adapter = attachAdapter(this.encoder, config, source);
    return this.#adapter;
  }

  /** Adds the adapter to the weights, where its form allows that (LoRA); true where the model is without one afterwards. */
  mergeAdapter(): boolean {
    if (this.#adapter?.merge() === true) this.#adapter = undefined;
    return this.#adapter === undefined;
  }

  /** What training changes: all parameters, or with an adapter its own, those of the head and those that it trains besides. */
  trainableParameters(): Map<string, tf.Variable> {
    const all = this.namedParameters();
    const adapter = this.#adapter;
    if (adapter === undefined) return all;
    const encoder = new Set(this.encoder.namedParameters().values());
    return new Map([...adapter.parameters, ...[...all].filter(([name, variable]) => !encoder.has(variable) || adapter.trains(name))]);
  }

  /**
   * Writes what `trainableParameters` names, in PEFT's layout, with the model's config.json for its labels.
   * @param base folder of the model that the adapter was added to
   * @throws UsageError for a model without an adapter; IoError naming the path
   */
  async saveAdapter(directory: string, base: string): Promise<void> {
    const adapter = this.#adapter;
    if (adapter === undefined) throw new UsageError('the model has no adapter to save');
    writeAdapter(directory, adapter.config, base, await hostCopies(this.trainableParameters()));
    writeModelConfig(directory, this.#configJson());
  }

  /** The name outside of a parameter in the store. */
  publicName(name: string): string {
    return name;
  }

  /**
   * Writes config.json and model.safetensors so that transformers loads the directory as it is; a tied decoder is
   * left out, as transformers does.
   * @throws IoError naming the path, what was there before stays; UsageError for a model with an adapter
   */
  async savePretrained(directory: string): Promise<void> {
    if (this.#adapter !== undefined) throw new UsageError('the model has an adapter that is not part of its weights', { hint: this.#adapter.config.type === 'lora' ? 'merge it first' : 'a bottleneck cannot be merged: save the adapter alone' });
    writeModelDirectory(directory, this.#configJson(), await hostCopies(this.namedParameters()));
  }

  #configJson(): Readonly<Record<string, unknown>> {
    const { architectures: _, torch_dtype: __, dtype: ___, ...rest } = configToJson(this.config);
    return { architectures: [`${this.#parts.type.classPrefix}${this.architecture}`], ...rest };
  }

  /** Frees all parameters. The model cannot be used afterwards; a second call does nothing. */
  dispose(): void {
    this.#adapter?.dispose();
    this.#adapter = undefined;
    this.#parts.store.dispose();
  }

  /** The context of one pass of the public door. */
  protected contextOf(options: ForwardOptions): ForwardContext {
    if (options.training !== true) return { training: false };
    return { training: true, dropout: options.dropout ?? new DropoutStream(this.#parts.seed, this.#trainingPasses++, 0) };
  }
}
