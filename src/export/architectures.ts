/** Which class of a model type is exported: the one that config.json names, or another that the caller wants. */
import { findModelFiles } from '../checkpoint/modelFiles.js';
import { readConfigJson } from '../config/configJson.js';
import { DataError, UsageError } from '../data/errors.js';
import { didYouMean } from '../data/nearMatch.js';
import type { JsonObject } from '../data/strictJson.js';
import { loadModel } from '../models/loading.js';
import { type ModelClasses, modelTypeRow } from '../models/modelTypes.js';
import type { PretrainedModel } from '../models/pretrainedModel.js';

export type ModelKind = keyof ModelClasses;

/** What the class of each kind is called after the prefix of its model type, as `Bert`. */
const classSuffixes: Readonly<Record<ModelKind, string>> = {
  encoder: 'Model',
  maskedLanguageModel: 'ForMaskedLM',
  sequenceClassification: 'ForSequenceClassification',
  preTraining: 'ForPreTraining',
};

export interface LoadedArchitecture {
  /** Class name, as config.json has it. */
  readonly architecture: string;
  readonly kind: ModelKind;
  readonly model: PretrainedModel;
  /** The encoder's weights have a pooler; always so below a head that needs one. */
  readonly hasPooler: boolean;
}

/**
 * Loads the model of a directory as the first class under `architectures` in its config.json, or as `wanted`. The caller disposes it.
 * @throws UsageError where no class is named, or an unknown one is wanted; DataError where config.json names an unknown one, and where
 * the checkpoint lacks weights of the head, which would be random; otherwise as fromPretrained
 */
export async function loadArchitecture(directory: string, wanted: string | undefined): Promise<LoadedArchitecture> {
  const file = findModelFiles(directory).config;
  const json = readConfigJson(file);
  const named = json['model_type'];
  const { type, classes } = modelTypeRow(typeof named === 'string' ? named : 'bert', file);
  const kinds = new Map((Object.keys(classSuffixes) as ModelKind[]).map((kind) => [`${type.classPrefix}${classSuffixes[kind]}`, kind]));
  const architecture = wanted ?? namedArchitecture(json, file, [...kinds.keys()]);
  const kind = kinds.get(architecture);
  if (kind === undefined) throw unknownArchitecture(architecture, [...kinds.keys()], wanted === undefined ? file : undefined);
  const model = await loadModel<PretrainedModel>(() => ({ modelClass: classes[kind], type }), directory);
  if (model.adapter !== undefined) {
    model.dispose();
    throw new UsageError(`${directory} holds an adapter that is not part of its base's weights`, { hint: 'a bottleneck cannot be merged into the weights: keep the adapter and its base' });
  }
  const { missing } = model.loadReport;
  const hasPooler = !(kind === 'encoder' && missing.length > 0);
  if (missing.length > 0 && hasPooler) {
    model.dispose();
    throw new DataError(`the weights lack ${missing.join(', ')}, which ${architecture} has; expected a checkpoint with its head`, {
      location: { file: directory },
      hint: `They would be random numbers. Train that head first, or export the encoder alone as ${type.classPrefix}${classSuffixes.encoder}.`,
    });
  }
  return { architecture, kind, model, hasPooler };
}

function namedArchitecture(json: JsonObject, file: string, known: readonly string[]): string {
  const { architectures } = json;
  const first = Array.isArray(architectures) ? architectures[0] : undefined;
  if (typeof first === 'string') return first;
  throw new UsageError(`${file} names no class under "architectures", so that the head to export is not known`, { hint: `Say which with --architecture: ${known.join(', ')}.` });
}

function unknownArchitecture(name: string, known: readonly string[], file: string | undefined): Error {
  const message = `${file === undefined ? 'unknown architecture ' : 'architectures names '}${JSON.stringify(name)}; expected one of ${known.join(', ')}.${didYouMean(name, known)}`;
  if (file === undefined) return new UsageError(message);
  return new DataError(message, { location: { file }, hint: `Choose one with --architecture; ${known[0] ?? ''} is the encoder alone.` });
}
