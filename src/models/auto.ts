/** Classes picked by `model_type` in config.json. */
import type { EncoderModel } from './encoderModel.js';
import { type FromPretrainedOptions, loadModel } from './loading.js';
import type { MaskedLanguageModel } from './maskedLanguageModel.js';
import { type ModelClasses, modelTypeRow } from './modelTypes.js';
import type { PreTrainingModel } from './preTrainingModel.js';
import type { SequenceClassificationModel } from './sequenceClassificationModel.js';

function picker<K extends keyof ModelClasses>(kind: K) {
  return (modelType: string, file: string) => {
    const { type, classes } = modelTypeRow(modelType, file);
    return { modelClass: classes[kind], type };
  };
}

/** The encoder alone. Errors as loadModel; a model_type that is not in the table is a DataError. */
export const AutoModel = {
  fromPretrained: (directory: string, options?: FromPretrainedOptions): Promise<EncoderModel> => loadModel(picker('encoder'), directory, options),
};

export const AutoModelForPreTraining = {
  fromPretrained: (directory: string, options?: FromPretrainedOptions): Promise<PreTrainingModel> => loadModel(picker('preTraining'), directory, options),
};

export const AutoModelForMaskedLM = {
  fromPretrained: (directory: string, options?: FromPretrainedOptions): Promise<MaskedLanguageModel> => loadModel(picker('maskedLanguageModel'), directory, options),
};

export const AutoModelForSequenceClassification = {
  fromPretrained: (directory: string, options?: FromPretrainedOptions): Promise<SequenceClassificationModel> => loadModel(picker('sequenceClassification'), directory, options),
};
