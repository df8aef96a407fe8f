/** Turns examples of the token store into packed, masked batches: [CLS] A [SEP] B [SEP], a pure function of seed, epoch and example. */
import { DataError, UsageError } from '../src/data/errors.js';
import { cutBySequences, cutByTokens } from '../src/data/packing.js';
import type { PretrainingBatch } from '../src/data/pretrainingBatch.js';
import { Random } from '../src/data/random.js';
import type { TokenStore } from '../src/data/tokenStore.js';
import type { BatchSource } from '../src/train/types.js';
import { type ExampleIndex, type ExampleSettings, buildExamples, exampleLength, exampleOrder } from './examples.js';
import { type MaskingSettings, type MaskingVocabulary, maskSequence } from './masking.js';

const maskStream = 0x6d61736b;

/** Special tokens and what masking needs. */
export interface PretrainingVocabulary extends MaskingVocabulary {
  readonly clsTokenId: number;
  readonly sepTokenId: number;
}

/** The part of a tokenizer that batches need; `BertTokenizer` has it. */
export interface VocabularySource {
  readonly vocabSize: number;
  readonly clsTokenId: number;
  readonly sepTokenId: number;
  readonly maskTokenId: number;
  isContinuation(id: number): boolean;
}

/** The table form of a tokenizer's vocabulary. Throws a UsageError where it lacks one of the tokens that examples are made with. */
export function pretrainingVocabulary(tokenizer: VocabularySource): PretrainingVocabulary {
  const lacking = ([['[CLS]', tokenizer.clsTokenId], ['[SEP]', tokenizer.sepTokenId], ['[MASK]', tokenizer.maskTokenId]] as const).filter(([, id]) => !(id >= 0));
  if (lacking.length > 0) {
    throw new UsageError(`the tokenizer has no token for ${lacking.map(([name]) => name).join(', ')}, which pretraining's examples are made with`, { hint: "name them in its tokenizer_config.json (cls_token, sep_token, mask_token), or make a vocabulary with `bertwright vocab`" });
  }
  const continues = Uint8Array.from({ length: tokenizer.vocabSize }, (_, id) => (tokenizer.isContinuation(id) ? 1 : 0));
  return { size: tokenizer.vocabSize, maskTokenId: tokenizer.maskTokenId, clsTokenId: tokenizer.clsTokenId, sepTokenId: tokenizer.sepTokenId, continues };
}

/** A batch that tells which examples of its epoch it holds. */
export interface ExampleBatch extends PretrainingBatch {
  /** Numbers of the examples, [B]. */
  readonly examples: Uint32Array;
}

/** One batch of the given examples; masks depend on seed, epoch and the example's number, not on its place in the batch. */
export function assembleBatch(
  store: TokenStore,
  index: ExampleIndex,
  examples: ArrayLike<number>,
  masking: MaskingSettings,
  vocabulary: PretrainingVocabulary,
  seed: number,
  epoch: number,
): ExampleBatch {
  const count = examples.length;
  const cuSeqlens = new Int32Array(count + 1);
  for (let b = 0; b < count; b++) cuSeqlens[b + 1] = (cuSeqlens[b] as number) + exampleLength(index, examples[b] as number);
  const tokens = cuSeqlens[count] as number;
  const inputIds = new Int32Array(tokens);
  const tokenTypeIds = new Int32Array(tokens);
  const positionIds = new Int32Array(tokens);
  const nextSentenceLabels = index.nextSentence === 'none' ? undefined : new Int32Array(count);
  const chosen: { positions: Int32Array; labels: Int32Array }[] = [];
  for (let b = 0; b < count; b++) {
    const example = examples[b] as number;
    const start = cuSeqlens[b] as number;
    const length = (cuSeqlens[b + 1] as number) - start;
    const lengthA = index.lengthA[example] as number;
    const lengthB = index.lengthB[example] as number;
    inputIds[start] = vocabulary.clsTokenId;
    store.copyTokens(index.startA[example] as number, lengthA, inputIds, start + 1);
    inputIds[start + 1 + lengthA] = vocabulary.sepTokenId;
    const fixed = [0, 1 + lengthA];
    if (lengthB > 0) {
      store.copyTokens(index.startB[example] as number, lengthB, inputIds, start + 2 + lengthA);
      inputIds[start + length - 1] = vocabulary.sepTokenId;
      tokenTypeIds.fill(1, start + 2 + lengthA, start + length);
      fixed.push(length - 1);
    }
    for (let i = 0; i < length; i++) positionIds[start + i] = i;
    if (nextSentenceLabels !== undefined) nextSentenceLabels[b] = index.labels[example] as number;
    const { positions, labels } = maskSequence(inputIds, start, length, fixed, masking, vocabulary, new Random(seed, epoch, example, maskStream));
    chosen.push({ positions: positions.map((position) => start + position), labels });
  }
  const masked = chosen.reduce((sum, { positions }) => sum + positions.length, 0);
  const maskedPositions = new Int32Array(masked);
  const maskedLabels = new Int32Array(masked);
  let at = 0;
  for (const { positions, labels } of chosen) {
    maskedPositions.set(positions, at);
    maskedLabels.set(labels, at);
    at += positions.length;
  }
  return { inputIds, tokenTypeIds, positionIds, cuSeqlens, maskedPositions, maskedLabels, nextSentenceLabels, examples: Uint32Array.from(examples) };
}

export interface PretrainingBatchOptions {
  readonly store: TokenStore;
  /** Numbers of the documents to train on. */
  readonly documents: Int32Array;
  readonly examples: ExampleSettings;
  readonly masking: MaskingSettings;
  readonly vocabulary: PretrainingVocabulary;
  readonly seed: number;
  /** Sequences of one micro-batch; has no meaning beside `tokensPerBatch`. */
  readonly batchSize: number;
  /** Micro-batches hold as many examples as fit into so many tokens, at least the longest one; undefined: `batchSize` sequences. */
  readonly tokensPerBatch?: number | undefined;
  /** Micro-batches of one optimizer step. */
  readonly accumulationSteps: number;
  /** Static masks: pairs and masks of so many epochs are used over and over (as duplicated, masked files would); undefined: always new ones. */
  readonly dupeFactor?: number | undefined;
}

/** What the first epoch's examples are like. */
export interface EpochSummary {
  /** Tokens in segments. */
  readonly tokens: number;
  /** Tokens that were cut off to keep examples within their length. */
  readonly truncatedTokens: number;
  /** Share of the pairs whose second segment is from elsewhere (nsp) or first (sop), 0..1; undefined without pairs. */
  readonly oddPairs: number | undefined;
}

function summaryOf({ count, lengthA, lengthB, labels, nextSentence, truncatedTokens }: ExampleIndex): EpochSummary {
  let [tokens, odd] = [0, 0];
  for (let i = 0; i < count; i++) {
    tokens += (lengthA[i] as number) + (lengthB[i] as number);
    odd += labels[i] as number;
  }
  return { tokens, truncatedTokens, oddPairs: nextSentence === 'none' || count === 0 ? undefined : odd / count };
}

interface Epoch {
  readonly number: number;
  /** The epoch whose pairs and masks it has: its own, or with static masks an earlier one. */
  readonly key: number;
  readonly index: ExampleIndex;
  readonly order: Uint32Array;
}

/**
 * The batches of one sequence length. Every epoch has the number of steps that the first one fills; an epoch's own examples (their number
 * varies a little with the random pairs) are taken in its shuffled order, each once. What does not fill a step is left out, and an epoch
 * with fewer examples than its steps hold starts over.
 */
export class PretrainingBatches implements BatchSource<ExampleBatch> {
  readonly #options: PretrainingBatchOptions;
  /** Optimizer steps of one pass over the data. */
  readonly stepsPerEpoch: number;
  /** Examples of the first epoch. */
  readonly examplesPerEpoch: number;
  readonly epochSummary: EpochSummary;
  #epoch: Epoch;
  /** Where the micro-batches of `#epoch` begin in its order; see src/data/packing.ts. */
  #bounds: Float64Array;

  constructor(options: PretrainingBatchOptions) {
    const { batchSize, tokensPerBatch, accumulationSteps } = options;
    this.#options = options;
    this.#epoch = this.#build(0);
    this.examplesPerEpoch = this.#epoch.index.count;
    this.epochSummary = summaryOf(this.#epoch.index);
    if (this.examplesPerEpoch === 0) {
      throw new DataError('the text to train on yields no example: no document has enough of it', { hint: 'Give more text, or --next-sentence none, which needs the least.' });
    }
    const full = tokensPerBatch === undefined ? Math.floor(this.examplesPerEpoch / batchSize) : cutByTokens(orderedLengths(this.#epoch), tokensPerBatch).length - 1;
    this.stepsPerEpoch = Math.max(1, Math.floor(full / accumulationSteps));
    this.#bounds = this.#cut();
  }

  #build(number: number): Epoch {
    const { store, documents, examples, seed, dupeFactor } = this.#options;
    const key = dupeFactor === undefined ? number : number % dupeFactor;
    const index = buildExamples(store, documents, examples, seed, key);
    return { number, key, index, order: exampleOrder(index.count, seed, number) };
  }

  #cut(): Float64Array {
    const { batchSize, tokensPerBatch, accumulationSteps } = this.#options;
    const batches = this.stepsPerEpoch * accumulationSteps;
    return tokensPerBatch === undefined ? cutBySequences(batchSize, batches) : cutByTokens(orderedLengths(this.#epoch), tokensPerBatch, batches);
  }

  epochsAfter(steps: number): number {
    return steps / this.stepsPerEpoch;
  }

  /** The micro-batches of optimizer step `step`, from 0. */
  microBatches(step: number): ExampleBatch[] {
    const { store, masking, vocabulary, seed, accumulationSteps } = this.#options;
    const number = Math.floor(step / this.stepsPerEpoch);
    if (number !== this.#epoch.number) {
      this.#epoch = this.#build(number);
      this.#bounds = this.#cut();
    }
    const { key, index, order } = this.#epoch;
    const first = (step % this.stepsPerEpoch) * accumulationSteps;
    return Array.from({ length: accumulationSteps }, (_, micro) => {
      const start = this.#bounds[first + micro] as number;
      const count = (this.#bounds[first + micro + 1] as number) - start;
      const examples = Uint32Array.from({ length: count }, (_, i) => order[(start + i) % order.length] as number);
      return assembleBatch(store, index, examples, masking, vocabulary, seed, key);
    });
  }
}

/** Tokens of an epoch's examples in their order. */
function orderedLengths({ index, order }: Epoch): Int32Array {
  return Int32Array.from(order, (example) => exampleLength(index, example));
}
