/** THE table from `model_type` in config.json to the encoder and the classes over it. A new encoder is a new row. */
import { DataError } from '../data/errors.js';
import { didYouMean } from '../data/nearMatch.js';
import { BertForMaskedLM, BertForPreTraining, BertForSequenceClassification, BertModel, bertModelType } from './bert.js';
import { EncoderModel } from './encoderModel.js';
import type { ModelClass } from './loading.js';
import { MaskedLanguageModel } from './maskedLanguageModel.js';
import type { ModelType } from './modelType.js';
import { PreTrainingModel } from './preTrainingModel.js';
import { SequenceClassificationModel } from './sequenceClassificationModel.js';

/** The classes over an encoder; those of this folder serve every encoder. */
export interface ModelClasses {
  readonly encoder: ModelClass<EncoderModel>;
  readonly preTraining: ModelClass<PreTrainingModel>;
  readonly maskedLanguageModel: ModelClass<MaskedLanguageModel>;
  readonly sequenceClassification: ModelClass<SequenceClassificationModel>;
}

interface ModelTypeRow {
  readonly type: ModelType;
  /** Classes of its own names; the general ones where it has none. */
  readonly classes?: Partial<ModelClasses> | undefined;
}

export const modelTypes: ReadonlyMap<string, ModelTypeRow> = new Map<string, ModelTypeRow>([
  [
    'bert',
    {
      type: bertModelType,
      classes: { encoder: BertModel, preTraining: BertForPreTraining, maskedLanguageModel: BertForMaskedLM, sequenceClassification: BertForSequenceClassification },
    },
  ],
]);

const generalClasses: ModelClasses = { encoder: EncoderModel, preTraining: PreTrainingModel, maskedLanguageModel: MaskedLanguageModel, sequenceClassification: SequenceClassificationModel };

/**
 * The row of a model type, its classes complete.
 * @throws DataError naming the config.json, the model type found and the known ones
 */
export function modelTypeRow(name: string, file: string): { readonly type: ModelType; readonly classes: ModelClasses } {
  const row = modelTypes.get(name);
  if (row !== undefined) return { type: row.type, classes: { ...generalClasses, ...row.classes } };
  const known = [...modelTypes.keys()];
  throw new DataError(`model_type is ${JSON.stringify(name)}; expected one of ${known.join(', ')}.${didYouMean(name, known)}`, { location: { file } });
}
