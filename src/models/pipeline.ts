/** Text in, labels or words out: a model directory with its tokenizer as one async function, as in transformers.js. */
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../data/errors.js';
import { didYouMean } from '../data/nearMatch.js';
import { packSequences, type TokenSequence } from '../data/packedBatch.js';
import { AutoTokenizer, type TextTokenizer } from '../tokenizer/index.js';
import { AutoModelForMaskedLM, AutoModelForSequenceClassification } from './auto.js';
import { likeliestTokens } from './likeliestTokens.js';
import type { FromPretrainedOptions } from './loading.js';
import type { MaskedLanguageModel } from './maskedLanguageModel.js';
import type { SequenceClassificationModel } from './sequenceClassificationModel.js';

export interface LabelScore {
  readonly label: string;
  /** Probability; of a regression the score itself. */
  readonly score: number;
}

export interface FilledMask extends LabelScore {
  /** Id of the word piece, whose text is `label` and `token_str`. */
  readonly token: number;
  readonly token_str: string;
  /** The text with the piece in the place of the mask. */
  readonly sequence: string;
}

/** A text alone, or a pair of texts. */
export type PipelineText = string | { readonly text: string; readonly textPair?: string | undefined };

export interface TextClassificationPipeline {
  /** The best label of the text, or of each text in turn. */
  (texts: PipelineText | readonly PipelineText[], options?: { readonly topK?: undefined }): Promise<LabelScore[]>;
  /** The best `topK` labels of one text. */
  (text: PipelineText, options: { readonly topK: number }): Promise<LabelScore[]>;
  /** The best `topK` labels of each text. */
  (texts: readonly PipelineText[], options: { readonly topK: number }): Promise<LabelScore[][]>;
  /** Frees the model. */
  dispose(): void;
}

export interface FillMaskPipeline {
  /** The best pieces (5 unless `topK` is given) for the one mask of the text. */
  (text: string, options?: { readonly topK?: number | undefined }): Promise<FilledMask[]>;
  (texts: readonly string[], options?: { readonly topK?: number | undefined }): Promise<FilledMask[][]>;
  dispose(): void;
}

const pipelineTasks = ['text-classification', 'fill-mask'] as const;
export type PipelineTask = (typeof pipelineTasks)[number];

/** Texts run through the model together. */
const batchSize = 32;

/**
 * A pipeline over a model directory.
 * @throws UsageError for an unknown task, with the near match; otherwise as fromPretrained
 */
export function pipeline(task: 'text-classification', directory: string, options?: FromPretrainedOptions): Promise<TextClassificationPipeline>;
export function pipeline(task: 'fill-mask', directory: string, options?: FromPretrainedOptions): Promise<FillMaskPipeline>;
export async function pipeline(task: PipelineTask, directory: string, options: FromPretrainedOptions = {}): Promise<TextClassificationPipeline | FillMaskPipeline> {
  if (!pipelineTasks.includes(task)) throw new UsageError(`pipeline: unknown task ${JSON.stringify(task)}.${didYouMean(String(task), pipelineTasks)}`, { hint: `Known tasks: ${pipelineTasks.join(', ')}.` });
  const tokenizer = await AutoTokenizer.fromPretrained(directory);
  if (task === 'fill-mask') return fillMaskPipeline(await AutoModelForMaskedLM.fromPretrained(directory, options), tokenizer);
  return textClassificationPipeline(await AutoModelForSequenceClassification.fromPretrained(directory, options), tokenizer);
}

function textClassificationPipeline(model: SequenceClassificationModel, tokenizer: TextTokenizer): TextClassificationPipeline {
  const classify = async (texts: readonly PipelineText[], topK: number): Promise<LabelScore[][]> => {
    const results: LabelScore[][] = [];
    for (let start = 0; start < texts.length; start += batchSize) {
      const sequences = texts.slice(start, start + batchSize).map((text) => encode(tokenizer, text, model.config.maxPositionEmbeddings));
      const logits = model.packedLogits(packSequences(sequences), { training: false });
      const rows = (await logits.array()) as number[][];
      logits.dispose();
      results.push(...rows.map((row) => labelScores(model, row).slice(0, topK)));
    }
    return results;
  };
  async function run(texts: PipelineText | readonly PipelineText[], options: { readonly topK?: number | undefined } = {}): Promise<LabelScore[] | LabelScore[][]> {
    requireCount(options.topK);
    if (!isList(texts)) return (await classify([texts], options.topK ?? 1))[0] ?? [];
    return options.topK === undefined ? (await classify(texts, 1)).flat() : classify(texts, options.topK);
  }
  return Object.assign(run, { dispose: () => model.dispose() }) as TextClassificationPipeline;
}

/** Labels with their probabilities, best first; of a regression the one label with its score. */
function labelScores(model: SequenceClassificationModel, logits: readonly number[]): LabelScore[] {
  const scores = model.isRegression ? logits : softmax(logits);
  return scores.map((score, i) => ({ label: model.config.id2label?.[i] ?? `LABEL_${i}`, score })).sort((a, b) => b.score - a.score);
}

function fillMaskPipeline(model: MaskedLanguageModel, tokenizer: TextTokenizer): FillMaskPipeline {
  const fill = async (text: string, topK: number): Promise<FilledMask[]> => {
    const sequence = encode(tokenizer, text, model.config.maxPositionEmbeddings);
    const ids = Array.from(sequence.inputIds);
    const masks = ids.flatMap((id, i) => (id === tokenizer.maskTokenId ? [i] : []));
    const [mask] = masks;
    if (mask === undefined || masks.length > 1) {
      throw new UsageError(`fill-mask: the text has ${masks.length} mask tokens; expected one`, { hint: 'Write [MASK] where a word is to be found; a long text is cut at the model\'s longest sequence.' });
    }
    const logits = tf.tidy(() => model.packedLogits(packSequences([sequence]), Int32Array.of(mask), { training: false }));
    const probabilities = softmax(Array.from(await logits.data()));
    logits.dispose();
    return likeliestTokens(probabilities, tokenizer, topK).map((token) => {
      const piece = tokenizer.vocab[token] ?? '';
      const filled = tokenizer.decode(ids.with(mask, token), { skipSpecialTokens: true });
      return { label: piece, score: probabilities[token] ?? 0, token, token_str: piece, sequence: filled };
    });
  };
  async function run(texts: string | readonly string[], options: { readonly topK?: number | undefined } = {}): Promise<FilledMask[] | FilledMask[][]> {
    requireCount(options.topK);
    const topK = options.topK ?? 5;
    if (typeof texts === 'string') return fill(texts, topK);
    const results: FilledMask[][] = [];
    for (const text of texts) results.push(await fill(text, topK));
    return results;
  }
  return Object.assign(run, { dispose: () => model.dispose() }) as FillMaskPipeline;
}

function encode(tokenizer: TextTokenizer, input: PipelineText, maxLength: number): TokenSequence {
  const { text, textPair } = typeof input === 'string' ? { text: input, textPair: undefined } : input;
  if (typeof text !== 'string') throw new UsageError(`pipeline: the text is ${typeof text}; expected a string, or {text, textPair}`);
  return tokenizer.encode(text, textPair, { maxLength, truncation: true });
}

function isList(texts: PipelineText | readonly PipelineText[]): texts is readonly PipelineText[] {
  return Array.isArray(texts);
}

function requireCount(topK: number | undefined): void {
  if (topK !== undefined && (!Number.isInteger(topK) || topK < 1)) throw new UsageError(`pipeline: topK is ${topK}; expected an integer of at least 1`);
}

function softmax(logits: readonly number[]): number[] {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) largest = Math.max(largest, logit);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
