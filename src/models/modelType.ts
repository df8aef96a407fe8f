/** What the table of model types knows of one kind of encoder. A new encoder is its own folder and one such row. */
import type { WeightNames } from '../checkpoint/huggingFaceLayout.js';
import type { EncoderConfig } from '../config/encoderConfig.js';
import type { JsonObject } from '../data/strictJson.js';
import type { ParameterStore } from '../encoder/parameterStore.js';
import type { Encoder } from '../encoder/types.js';

export interface ModelType<C extends EncoderConfig = EncoderConfig> {
  /** `model_type` in config.json. */
  readonly name: string;
  /** Start of the class names that config.json lists under `architectures`, for example `Bert`. */
  readonly classPrefix: string;
  readonly weightNames: WeightNames;
  /** Validates the object of a config.json; `file` is named in errors. */
  configFromJson(json: JsonObject, file: string): C;
  /** The encoder, with its parameters made in `store`; without `pooling` it has no pooled output. */
  createEncoder(config: C, store: ParameterStore, options: { readonly pooling: boolean }): Encoder;
  /** Encoder parameters that a checkpoint may lack and that then start from random numbers, such as a pooler. */
  mayBeMissing(name: string): boolean;
}
