/**
 * Which stretches of the corpus make up the examples of an epoch: sentence pairs for next-sentence prediction (Devlin et al., 2019,
 * appendix A.2), ordered or swapped pairs for sentence-order prediction (Lan et al., 2020), or single runs of text. An example is
 * two ranges of the token store, so that an epoch's index costs a few bytes an example. A pure function of seed and epoch.
 */
import { DataError } from '../src/data/errors.js';
import { Random } from '../src/data/random.js';
import type { TokenStore } from '../src/data/tokenStore.js';

export const nextSentenceTasks = ['nsp', 'sop', 'none'] as const;
export type NextSentenceTask = (typeof nextSentenceTasks)[number];

export interface ExampleSettings {
  /** nsp: does B follow A? sop: are A and B in order? none: no second segment. */
  readonly nextSentence: NextSentenceTask;
  /** Tokens of the longest example, [CLS] and [SEP] included. */
  readonly maxSeqLength: number;
  /** Share of examples that aim at a random shorter length. */
  readonly shortSeqProb: number;
}

/** N examples. Ranges count tokens of the store. */
export interface ExampleIndex {
  readonly count: number;
  readonly nextSentence: NextSentenceTask;
  /** First token of segment A, [N]. */
  readonly startA: Float64Array;
  /** Tokens of segment A, [N]. */
  readonly lengthA: Int32Array;
  readonly startB: Float64Array;
  /** Tokens of segment B, [N]; 0 where there is none. */
  readonly lengthB: Int32Array;
  /** nsp: 0 = B follows A, 1 = B is from another document; sop: 0 = in order, 1 = swapped; [N]. */
  readonly labels: Uint8Array;
  /** Tokens cut off to keep examples within their length. */
  readonly truncatedTokens: number;
}

/** Tokens of example `i`, [CLS] and [SEP] included. */
export function exampleLength(index: ExampleIndex, i: number): number {
  const lengthB = index.lengthB[i] as number;
  return (index.lengthA[i] as number) + (lengthB > 0 ? lengthB + 3 : 2);
}

/** Keys that keep the random streams of one seed and epoch apart. */
const pairStream = 0x70616972;
const orderStream = 0x6f726472;

/** Growing columns of an index. */
class IndexBuilder {
  #capacity = 1024;
  #startA = new Float64Array(this.#capacity);
  #lengthA = new Int32Array(this.#capacity);
  #startB = new Float64Array(this.#capacity);
  #lengthB = new Int32Array(this.#capacity);
  #labels = new Uint8Array(this.#capacity);
  count = 0;
  truncatedTokens = 0;

  add(startA: number, lengthA: number, startB: number, lengthB: number, label: number): void {
    if (this.count === this.#capacity) this.#grow();
    const i = this.count++;
    this.#startA[i] = startA;
    this.#lengthA[i] = lengthA;
    this.#startB[i] = startB;
    this.#lengthB[i] = lengthB;
    this.#labels[i] = label;
  }

  #grow(): void {
    this.#capacity *= 2;
    const grown = <T extends Float64Array | Int32Array | Uint8Array>(wider: T, old: ArrayLike<number>): T => {
      wider.set(old);
      return wider;
    };
    this.#startA = grown(new Float64Array(this.#capacity), this.#startA);
    this.#lengthA = grown(new Int32Array(this.#capacity), this.#lengthA);
    this.#startB = grown(new Float64Array(this.#capacity), this.#startB);
    this.#lengthB = grown(new Int32Array(this.#capacity), this.#lengthB);
    this.#labels = grown(new Uint8Array(this.#capacity), this.#labels);
  }

  finish(nextSentence: NextSentenceTask): ExampleIndex {
    return {
      count: this.count,
      nextSentence,
      startA: this.#startA.subarray(0, this.count),
      lengthA: this.#lengthA.subarray(0, this.count),
      startB: this.#startB.subarray(0, this.count),
      lengthB: this.#lengthB.subarray(0, this.count),
      labels: this.#labels.subarray(0, this.count),
      truncatedTokens: this.truncatedTokens,
    };
  }
}

/**
 * The examples of one epoch over `documents` (numbers of the store's documents), in corpus order; `exampleOrder` shuffles them.
 * Throws a DataError where next-sentence pairs cannot be made: no document that differs from another.
 */
export function buildExamples(store: TokenStore, documents: Int32Array, settings: ExampleSettings, seed: number, epoch: number): ExampleIndex {
  const builder = new IndexBuilder();
  if (settings.nextSentence === 'nsp') {
    requireOtherDocuments(store, documents);
    requireSecondSentences(store, documents);
  }
  for (const document of documents) {
    const random = new Random(seed, epoch, document, pairStream);
    if (settings.nextSentence === 'none') addRuns(builder, store, document, settings, random);
    else addPairs(builder, store, documents, document, settings, random);
  }
  return builder.finish(settings.nextSentence);
}

/** A permutation of an epoch's examples, [count]; a pure function of seed and epoch. */
export function exampleOrder(count: number, seed: number, epoch: number): Uint32Array {
  return new Random(seed, epoch, orderStream).shuffle(Uint32Array.from({ length: count }, (_, i) => i));
}

/** A real next segment needs a second sentence in some document: without one every pair would be a random one. */
function requireSecondSentences(store: TokenStore, documents: Int32Array): void {
  if (documents.some((document) => (store.documents.sentences[document] ?? 0) >= 2)) return;
  throw new DataError(`next-sentence pairs need documents of two sentences or more, but each of the ${documents.length} documents is a single one: every pair would be a random one`, {
    hint: 'Split running text with --split-sentences, put documents apart by blank lines, or use --next-sentence sop or none.',
  });
}

/** Documents with the same text count as one: text of the one could be the true continuation of the other. */
function requireOtherDocuments(store: TokenStore, documents: Int32Array): void {
  const { hashes } = store.documents;
  const first = hashes[documents[0] ?? 0];
  if (documents.some((document) => hashes[document] !== first)) return;
  throw new DataError(
    `next-sentence pairs need text from another document, but the corpus has ${documents.length === 1 ? 'a single document' : `${documents.length} documents, all with the same text`}`,
    { hint: 'Put a blank line between documents, add files, or use --next-sentence sop or none.' },
  );
}

/** What this example aims at, in tokens without [CLS] and [SEP]. Drawn for each example, so that shortSeqProb is a share of examples. */
function targetLength(longest: number, settings: ExampleSettings, random: Random): number {
  return random.uniform() < settings.shortSeqProb ? Math.min(longest, 2 + random.integer(Math.max(1, longest - 1))) : longest;
}

/** Consecutive stretches of the document, each token in exactly one. */
function addRuns(builder: IndexBuilder, store: TokenStore, document: number, settings: ExampleSettings, random: Random): void {
  let start = tokenAt(store, store.documentStart[document] as number);
  const end = tokenAt(store, store.documentStart[document + 1] as number);
  while (start < end) {
    const length = Math.min(end - start, targetLength(settings.maxSeqLength - 2, settings, random));
    builder.add(start, length, 0, 0, 0);
    start += length;
  }
}

function tokenAt(store: TokenStore, sentence: number): number {
  return store.sentenceStart[sentence] as number;
}

/** Segment pairs of one document: sentences are gathered up to the target length, A is cut off at random, B found for it. */
function addPairs(builder: IndexBuilder, store: TokenStore, documents: Int32Array, document: number, settings: ExampleSettings, random: Random): void {
  const longest = settings.maxSeqLength - 3;
  const end = store.documentStart[document + 1] as number;
  let first = store.documentStart[document] as number;
  while (first < end) {
    const target = targetLength(longest, settings, random);
    let next = first + 1;
    while (next < end && tokenAt(store, next) - tokenAt(store, first) < target) next += 1;
    const sentences = next - first;
    if (settings.nextSentence === 'sop') {
      addOrderedPair(builder, store, first, next, longest, random);
      first = next;
      continue;
    }
    const cut = first + (sentences >= 2 ? 1 + random.integer(sentences - 1) : 1);
    if (sentences === 1 || random.uniform() < 0.5) {
      const wanted = target - (tokenAt(store, cut) - tokenAt(store, first));
      const [from, to] = randomSegment(store, documents, document, wanted, random);
      addPair(builder, tokenAt(store, first), tokenAt(store, cut), tokenAt(store, from), tokenAt(store, to), 1, longest, random);
      // Sentences that B would have had are used again by the next example.
      first = cut;
    } else {
      addPair(builder, tokenAt(store, first), tokenAt(store, cut), tokenAt(store, cut), tokenAt(store, next), 0, longest, random);
      first = next;
    }
  }
}

/** Sentences [from, to) of a random document with another text than `document`, of at least `wanted` tokens where it has them. */
function randomSegment(store: TokenStore, documents: Int32Array, document: number, wanted: number, random: Random): [number, number] {
  const { hashes } = store.documents;
  let at = random.integer(documents.length);
  // Drawn anew, not stepped on from: the neighbour of a long row of equal documents must not be likelier than others.
  for (let tries = 0; tries < 20 && hashes[documents[at] as number] === hashes[document]; tries++) at = random.integer(documents.length);
  while (hashes[documents[at] as number] === hashes[document]) at = (at + 1) % documents.length;
  const other = documents[at] as number;
  const end = store.documentStart[other + 1] as number;
  const from = (store.documentStart[other] as number) + random.integer(store.documents.sentences[other] as number);
  let to = from + 1;
  while (to < end && tokenAt(store, to) - tokenAt(store, from) < wanted) to += 1;
  return [from, to];
}

/** Consecutive segments, swapped half of the time; a lone sentence is cut in the middle of its tokens. */
function addOrderedPair(builder: IndexBuilder, store: TokenStore, first: number, next: number, longest: number, random: Random): void {
  const start = tokenAt(store, first);
  const end = tokenAt(store, next);
  // A single token has no order to predict.
  if (end - start < 2) return;
  const cut = next - first >= 2 ? tokenAt(store, first + 1 + random.integer(next - first - 1)) : start + 1 + random.integer(end - start - 1);
  if (random.uniform() < 0.5) addPair(builder, cut, end, start, cut, 1, longest, random);
  else addPair(builder, start, cut, cut, end, 0, longest, random);
}

/** Shortens the longer segment, a token at its front or its back at random, until both fit. */
function addPair(builder: IndexBuilder, fromA: number, toA: number, fromB: number, toB: number, label: number, longest: number, random: Random): void {
  let [startA, endA, startB, endB] = [fromA, toA, fromB, toB];
  builder.truncatedTokens += Math.max(0, endA - startA + (endB - startB) - longest);
  while (endA - startA + (endB - startB) > longest) {
    const front = random.uniform() < 0.5;
    if (endA - startA > endB - startB) {
      if (front) startA += 1;
      else endA -= 1;
    } else if (front) startB += 1;
    else endB -= 1;
  }
  builder.add(startA, endA - startA, startB, endB - startB, label);
}
