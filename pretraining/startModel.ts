/** What a pretraining starts from: random weights, or a checkpoint whose tokenizer is the corpus's. */
import { createHash } from 'node:crypto';
import { findModelFiles, type ModelFiles } from '../src/checkpoint/modelFiles.js';
import { IoError, UsageError } from '../src/data/errors.js';
import { didYouMeanPath } from '../src/data/nearPath.js';
import { AutoModelForPreTraining, BertForPreTraining, type PreTrainingModel } from '../src/models/index.js';
import { AutoTokenizer, type TextTokenizer } from '../src/tokenizer/index.js';
import { tokenizerEntries } from '../src/tokenizer/tokenizerEntries.js';
import { hashFile } from './hashFile.js';
import type { PretrainOptions } from './options.js';
import { resolveModelConfig } from './plan.js';

export interface ModelOrigin {
  readonly text: string;
  /** Hash of the checkpoint the model starts from, '' for random weights. */
  readonly sha256: string;
}

/** The model that a run starts with: a new one of the tokenizer's vocabulary, or a checkpoint's. Throws a UsageError where its vocabulary is not the corpus's. */
export async function createModel(options: PretrainOptions, sha256: string, tokenizer: TextTokenizer, note: (text: string) => void): Promise<{ model: PreTrainingModel; origin: ModelOrigin }> {
  const seed = options.seed ?? 42;
  if (options.model === undefined) {
    if (options.modelConfig === undefined) note('no --model-config: taking the preset tiny');
    const config = resolveModelConfig(options.modelConfig, options.configOverrides ?? [], tokenizer);
    return { model: BertForPreTraining.fromConfig(config, { seed }), origin: { text: 'random weights', sha256 } };
  }
  const model = await AutoModelForPreTraining.fromPretrained(options.model, { seed });
  const { vocabSize } = model.config;
  if (vocabSize < tokenizer.vocabSize) {
    model.dispose();
    throw new UsageError(`${options.model} has word embeddings of ${vocabSize} pieces, the corpus was prepared with a tokenizer of ${tokenizer.vocabSize}`, { hint: 'Prepare the corpus with the tokenizer of that model.' });
  }
  try {
    await refuseOtherTokenizer(options.model, tokenizer);
  } catch (error) {
    model.dispose();
    throw error;
  }
  const { missing, notes = [] } = model.loadReport;
  for (const text of notes) note(text);
  return { model, origin: { text: `from ${options.model}${missing.length === 0 ? '' : `, fresh: ${missing.join(', ')}`}`, sha256 } };
}

/** Cased, accented, Chinese and joined text: tokenizers whose settings differ part here. */
const probes = ['Ab aB', 'É é', '\u4e2d\u6587', "don't-stop"];

/** A corpus whose ids mean other pieces would scramble all that the model knows. A model folder without a tokenizer is taken at its word. */
async function refuseOtherTokenizer(directory: string, corpus: TextTokenizer): Promise<void> {
  if ((await tokenizerEntries(directory)) === undefined) return;
  const own = await AutoTokenizer.fromPretrained(directory);
  const hint = 'Prepare the corpus with the tokenizer of that model: prepare --tokenizer MODEL_DIR.';
  const other = corpus.vocab.findIndex((piece, id) => own.vocab[id] !== piece);
  if (other >= 0) throw new UsageError(`the corpus was prepared with another tokenizer than that of ${directory}: id ${other} is ${JSON.stringify(corpus.vocab[other])} there and ${JSON.stringify(own.vocab[other])} here`, { hint });
  const probe = probes.find((text) => own.encodeToIds(text).join() !== corpus.encodeToIds(text).join());
  if (probe !== undefined) throw new UsageError(`the corpus was prepared with another tokenizer than that of ${directory}: ${JSON.stringify(probe)} is ${corpus.tokenize(probe).join(' ')} there and ${own.tokenize(probe).join(' ')} here`, { hint });
}

/** SHA-256 over configuration and weights of a checkpoint directory; an absent one is a UsageError with the near match. */
export async function modelHash(directory: string): Promise<string> {
  let found: ModelFiles;
  try {
    found = findModelFiles(directory);
  } catch (cause) {
    if (!(cause instanceof IoError)) throw cause;
    throw new UsageError(`no model directory ${directory}.${await didYouMeanPath(directory)}`, { hint: 'a model directory holds config.json and model.safetensors', cause });
  }
  const hash = createHash('sha256');
  for (const file of [found.config, ...found.weights]) hash.update(await hashFile(file));
  return hash.digest('hex');
}
