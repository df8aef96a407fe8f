/** Turns examples of the token store into packed, masked batches: [CLS] A [SEP] B [SEP], a pure function of seed, epoch and example. */
import type { PretrainingBatch } from '../src/data/pretrainingBatch.js';
import { Random } from '../src/data/random.js';
import type { TokenStore } from '../src/data/tokenStore.js';
import type { BatchSource } from '../src/train/types.js';
import { type ExampleIndex, type ExampleSettings, buildExamples, exampleOrder } from './examples.js';
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

/** The table form of a tokenizer's vocabulary. */
export function pretrainingVocabulary(tokenizer: VocabularySource): PretrainingVocabulary {
  const continues = Uint8Array.from({ length: tokenizer.vocabSize }, (_, id) => (tokenizer.isContinuation(id) ? 1 : 0));
  return { size: tokenizer.vocabSize, maskTokenId: tokenizer.maskTokenId, clsTokenId: tokenizer.clsTokenId, sepTokenId: tokenizer.sepTokenId, continues };
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
): PretrainingBatch {
  const count = examples.length;
  const cuSeqlens = new Int32Array(count + 1);
  for (let b = 0; b < count; b++) {
    const lengthB = index.lengthB[examples[b] as number] as number;
    cuSeqlens[b + 1] = (cuSeqlens[b] as number) + (index.lengthA[examples[b] as number] as number) + (lengthB > 0 ? lengthB + 3 : 2);
  }
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
  return { inputIds, tokenTypeIds, positionIds, cuSeqlens, maskedPositions, maskedLabels, nextSentenceLabels };
}

export interface PretrainingBatchOptions {
  readonly store: TokenStore;
  /** Numbers of the documents to train on. */
  readonly documents: Int32Array;
  readonly examples: ExampleSettings;
  readonly masking: MaskingSettings;
  readonly vocabulary: PretrainingVocabulary;
  readonly seed: number;
  /** Sequences of one micro-batch. */
  readonly batchSize: number;
  /** Micro-batches of one optimizer step. */
  readonly accumulationSteps: number;
  /** Static masks: pairs and masks of so many epochs are used over and over (as duplicated, masked files would); undefined: always new ones. */
  readonly dupeFactor?: number | undefined;
}

/**
 * The batches of a run. Every epoch has the number of steps that the first one has; an epoch's own examples (their number varies a
 * little with the random pairs) are taken in its shuffled order, starting over where they run out.
 */
export class PretrainingBatches implements BatchSource<PretrainingBatch> {
  readonly #options: PretrainingBatchOptions;
  readonly stepsPerEpoch: number;
  /** Examples of the first epoch. */
  readonly examplesPerEpoch: number;
  /** Of the batches that are still in use. */
  readonly #examplesOf = new WeakMap<PretrainingBatch, Uint32Array>();
  #epoch: { readonly number: number; readonly key: number; readonly index: ExampleIndex; readonly order: Uint32Array };

  constructor(options: PretrainingBatchOptions) {
    this.#options = options;
    this.#epoch = this.#build(0);
    this.examplesPerEpoch = this.#epoch.index.count;
    this.stepsPerEpoch = Math.max(1, Math.floor(this.examplesPerEpoch / (options.batchSize * options.accumulationSteps)));
  }

  #build(number: number): { number: number; key: number; index: ExampleIndex; order: Uint32Array } {
    const { store, documents, examples, seed, dupeFactor } = this.#options;
    const key = dupeFactor === undefined ? number : number % dupeFactor;
    const index = buildExamples(store, documents, examples, seed, key);
    return { number, key, index, order: exampleOrder(index.count, seed, number) };
  }

  /** The micro-batches of optimizer step `step`, from 0. */
  microBatches(step: number): PretrainingBatch[] {
    const { store, masking, vocabulary, seed, batchSize, accumulationSteps } = this.#options;
    const number = Math.floor(step / this.stepsPerEpoch);
    if (number !== this.#epoch.number) this.#epoch = this.#build(number);
    const { key, index, order } = this.#epoch;
    const first = (step % this.stepsPerEpoch) * batchSize * accumulationSteps;
    return Array.from({ length: accumulationSteps }, (_, micro) => {
      const examples = Uint32Array.from({ length: batchSize }, (_, i) => order[(first + micro * batchSize + i) % order.length] as number);
      const batch = assembleBatch(store, index, examples, masking, vocabulary, seed, key);
      this.#examplesOf.set(batch, examples);
      return batch;
    });
  }

  /** The numbers, within their epoch, of the examples of a batch that came from here: to name it in an error. */
  exampleNumbers(batch: PretrainingBatch): ArrayLike<number> {
    return this.#examplesOf.get(batch) ?? [];
  }
}
