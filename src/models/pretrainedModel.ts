/** What every public model class has: a configuration, an encoder, named parameters, saving and disposal. */
import type * as tf from '@tensorflow/tfjs';
import { writeModelDirectory } from '../checkpoint/huggingFaceLayout.js';
import type { TensorData } from '../checkpoint/safetensors.js';
import { configToJson } from '../config/configJson.js';
import type { EncoderConfig } from '../config/encoderConfig.js';
import type { ParameterStore } from '../encoder/parameterStore.js';
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

/** Elements of all parameters. */
export function parameterCount(model: PretrainedModel): number {
  return [...model.namedParameters().values()].reduce((sum, { size }) => sum + size, 0);
}

export abstract class PretrainedModel {
  readonly config: EncoderConfig;
  /** Set by fromPretrained; empty lists for a model made from a configuration. */
  loadReport: LoadReport = { missing: [], unexpected: [] };
  readonly encoder: Encoder;
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

  /** The name outside of a parameter in the store. */
  publicName(name: string): string {
    return name;
  }

  /**
   * Writes config.json and model.safetensors so that transformers loads the directory as it is; a tied decoder is
   * left out, as transformers does.
   * @throws IoError naming the path; what was there before stays
   */
  async savePretrained(directory: string): Promise<void> {
    const tensors = new Map<string, TensorData>();
    for (const [name, variable] of this.namedParameters()) tensors.set(name, { shape: variable.shape, data: (await variable.data()) as Float32Array });
    const { architectures: _, torch_dtype: __, dtype: ___, ...rest } = configToJson(this.config);
    writeModelDirectory(directory, { architectures: [`${this.#parts.type.classPrefix}${this.architecture}`], ...rest }, tensors);
  }

  /** Frees all parameters. The model cannot be used afterwards; a second call does nothing. */
  dispose(): void {
    this.#parts.store.dispose();
  }

  /** The context of one pass of the public door. */
  protected contextOf(options: ForwardOptions): ForwardContext {
    if (options.training !== true) return { training: false };
    return { training: true, dropout: options.dropout ?? new DropoutStream(this.#parts.seed, this.#trainingPasses++, 0) };
  }
}
