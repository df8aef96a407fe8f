/** BERT's row of the table of model types, and its public classes. */
import { type BertConfig, bertConfig, type PartialBertConfig } from '../config/bertConfig.js';
import { configFromJson } from '../config/configJson.js';
import { DataError } from '../data/errors.js';
import { BertEncoder, bertPrefix } from '../encoder/bert/encoder.js';
import { EncoderModel } from './encoderModel.js';
import { createModel, type FromConfigOptions, type FromPretrainedOptions, loadModel, type ModelClass } from './loading.js';
import { MaskedLanguageModel } from './maskedLanguageModel.js';
import type { ModelType } from './modelType.js';
import { PreTrainingModel } from './preTrainingModel.js';
import type { PretrainedModel } from './pretrainedModel.js';
import { SequenceClassificationModel } from './sequenceClassificationModel.js';

export const bertModelType: ModelType<BertConfig> = {
  name: 'bert',
  classPrefix: 'Bert',
  weightNames: { prefix: bertPrefix, wordEmbeddings: `${bertPrefix}embeddings.word_embeddings.weight` },
  configFromJson,
  createEncoder: (config, store, options) => new BertEncoder(config, store, options),
  mayBeMissing: (name) => name.startsWith(`${bertPrefix}pooler.`),
};

function fromConfig<M extends PretrainedModel>(modelClass: ModelClass<M>, config: PartialBertConfig, options: FromConfigOptions = {}): M {
  return createModel(modelClass, bertModelType, bertConfig(config), options);
}

function fromPretrained<M extends PretrainedModel>(modelClass: ModelClass<M>, directory: string, options: FromPretrainedOptions = {}): Promise<M> {
  const pick = (modelType: string, file: string) => {
    if (modelType === bertModelType.name) return { modelClass, type: bertModelType };
    throw new DataError(`model_type is ${JSON.stringify(modelType)}; expected "bert"`, { location: { file }, hint: 'The Auto classes pick the class by model_type.' });
  };
  return loadModel(pick, directory, options);
}

/** The encoder alone; `fromConfig` and `fromPretrained` as loading.ts describes them. */
export class BertModel extends EncoderModel {
  declare readonly config: BertConfig;

  static fromConfig(config: PartialBertConfig, options?: FromConfigOptions): BertModel {
    return fromConfig(BertModel, config, options);
  }
  static fromPretrained(directory: string, options?: FromPretrainedOptions): Promise<BertModel> {
    return fromPretrained(BertModel, directory, options);
  }
}

/** With the masked-language-model and next-sentence heads. */
export class BertForPreTraining extends PreTrainingModel {
  declare readonly config: BertConfig;

  static fromConfig(config: PartialBertConfig, options?: FromConfigOptions): BertForPreTraining {
    return fromConfig(BertForPreTraining, config, options);
  }
  static fromPretrained(directory: string, options?: FromPretrainedOptions): Promise<BertForPreTraining> {
    return fromPretrained(BertForPreTraining, directory, options);
  }
}

/** With the masked-language-model head. */
export class BertForMaskedLM extends MaskedLanguageModel {
  declare readonly config: BertConfig;

  static fromConfig(config: PartialBertConfig, options?: FromConfigOptions): BertForMaskedLM {
    return fromConfig(BertForMaskedLM, config, options);
  }
  static fromPretrained(directory: string, options?: FromPretrainedOptions): Promise<BertForMaskedLM> {
    return fromPretrained(BertForMaskedLM, directory, options);
  }
}

/** With a classification head, or a regression where numLabels is 1. */
export class BertForSequenceClassification extends SequenceClassificationModel {
  declare readonly config: BertConfig;

  static fromConfig(config: PartialBertConfig, options?: FromConfigOptions): BertForSequenceClassification {
    return fromConfig(BertForSequenceClassification, config, options);
  }
  static fromPretrained(directory: string, options?: FromPretrainedOptions): Promise<BertForSequenceClassification> {
    return fromPretrained(BertForSequenceClassification, directory, options);
  }
}
