/** Loads a fine-tuned checkpoint for evaluation or prediction. */
import path from 'node:path';
import { UsageError } from '../src/data/errors.js';
import { AutoModelForSequenceClassification, type SequenceClassificationModel } from '../src/models/index.js';
import { AutoTokenizer, type TextTokenizer } from '../src/tokenizer/index.js';
import { readRunRecord } from '../src/checkpoint/outputDirectory.js';
import { ensureEngine } from '../src/train/ensureEngine.js';
import type { ProgressEvent } from '../src/train/types.js';
import { checkedMaxLength } from './encodeSplit.js';
import { labelNames } from './finetuneJob.js';
import { fingerprintModel } from './fingerprint.js';
import { requireLabels } from './labelMapping.js';
import type { TaskSpec } from './taskSpec.js';

export interface LoadedClassifier {
  readonly model: SequenceClassificationModel;
  readonly tokenizer: TextTokenizer;
  readonly maxLength: number;
  readonly batchSize: number;
  readonly name: string;
}

interface ClassifierOptions {
  readonly model: string;
  /** Default: what the model was fine-tuned with, as its run.json says, else 128. */
  readonly maxSeqLength?: number | undefined;
  readonly perDeviceEvalBatchSize?: number | undefined;
  readonly progress?: ((event: ProgressEvent) => void) | undefined;
}

/** The caller disposes the model. What the checkpoint's loading has to say goes to `progress` as notes. A checkpoint without a classification head is a UsageError. */
export async function loadClassifier(options: ClassifierOptions): Promise<LoadedClassifier> {
  await ensureEngine();
  await fingerprintModel(options.model, false);
  const record = await readRunRecord(options.model);
  const trainedWith = record?.settings['maxSeqLength'];
  const model = await AutoModelForSequenceClassification.fromPretrained(options.model);
  for (const text of model.loadReport.notes ?? []) options.progress?.({ type: 'note', text });
  const missing = model.loadReport.missing.filter((name) => name.startsWith('classifier.'));
  if (missing.length > 0) {
    model.dispose();
    throw new UsageError(`${options.model} has no classification head (${missing.join(', ')})`, { hint: 'fine-tune it first: bertwright finetune --task NAME --model DIR --output DIR' });
  }
  return {
    model,
    tokenizer: await AutoTokenizer.fromPretrained(options.model),
    maxLength: checkedMaxLength(options.maxSeqLength ?? (typeof trainedWith === 'number' ? trainedWith : 128), model.config.maxPositionEmbeddings),
    batchSize: options.perDeviceEvalBatchSize ?? 64,
    name: path.basename(path.resolve(options.model)),
  };
}

/**
 * The names of a classifier's outputs: those of --label-order (see `checkedLabelOrder`) where it is given, else its own;
 * undefined where it gives a score. Throws a UsageError where the flag has another number of names than the model has outputs.
 */
export function outputNames(model: SequenceClassificationModel, labelOrder: readonly string[] | undefined): readonly string[] | undefined {
  if (labelOrder === undefined) return model.isRegression ? undefined : labelNames(model);
  const found = `--label-order ${labelOrder.join(',')} has ${labelOrder.length} ${labelOrder.length === 1 ? 'label' : 'labels'}`;
  if (model.isRegression) throw new UsageError(`${found}; the model has one output, a score`, { hint: 'leave the flag out' });
  if (labelOrder.length !== model.numLabels) throw new UsageError(`${found}; the model has ${model.numLabels} outputs`, { hint: 'is this the model of another task?' });
  return labelOrder;
}

/**
 * A classifier's outputs as a task's: its class of each class of the task; undefined where both are of scores. Throws a UsageError where the one gives
 * scores and the other classes, and as `requireLabels`.
 */
export function taskOutputs(spec: TaskSpec, model: SequenceClassificationModel, names: readonly string[] | undefined, note: (text: string) => void): number[] | undefined {
  if ((spec.kind === 'regression') !== model.isRegression) {
    throw new UsageError(`${spec.title} needs a ${spec.kind} model; this one has ${names === undefined ? 'one output, a score' : `the classes ${names.join(', ')}`}`, { hint: 'is this the model of another task?' });
  }
  return names === undefined ? undefined : requireLabels(spec, names, note);
}
