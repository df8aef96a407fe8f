/**
 * Trains a WordPiece vocabulary as the Rust tokenizers library's WordPieceTrainer: special tokens, the alphabet, its characters
 * inside words (with "##"), then merges of the most frequent pairs. Ties are broken by ids, so the result is a function of the corpus
 * (the library's own is not: it numbers the "##" characters in the order of a randomly seeded hash table).
 */
import os from 'node:os';
import { UsageError } from '../data/errors.js';
import { bertSpecialTokens } from './bertTokenizerOptions.js';
import { PairMerger, type SymbolWords } from './pairMerger.js';
import { type CorpusOptions, type CountingLimits, countCorpus } from './vocabCorpus.js';
import { Pace } from './vocabPace.js';
import type { WordCount } from './wordCounts.js';

export type { VocabularyProgress } from './vocabPace.js';

export interface TrainVocabularyOptions extends Omit<CorpusOptions, 'threads'> {
  /** Entries, special tokens included; fewer come out where the corpus has no more frequent pairs. */
  readonly vocabSize: number;
  /** Fold case and strip accents. */
  readonly lowercase: boolean;
  /** Fewest occurrences of a pair that is merged; default 2. */
  readonly minFrequency?: number | undefined;
  /** Most distinct characters; of more, the rarest are dropped. Default 1000. */
  readonly limitAlphabet?: number | undefined;
  /** That count words; the result does not depend on it. Default: as many as there are processors. */
  readonly threads?: number | undefined;
}

const { pad, unk, cls, sep, mask } = bertSpecialTokens;
const specialTokens = [pad, unk, cls, sep, mask];
const prefix = '##';

/**
 * The vocabulary by id: [PAD] [UNK] [CLS] [SEP] [MASK], characters, pieces.
 * @param limits for tests
 * @throws UsageError for settings that cannot be (a size below the alphabet's says how small it may be), DataError for a corpus without words,
 * InterruptedError where `signal` aborts
 */
export async function trainVocabulary(options: TrainVocabularyOptions, limits: CountingLimits = {}): Promise<string[]> {
  const { vocabSize, lowercase, minFrequency = 2, limitAlphabet = 1000, threads = os.availableParallelism() } = options;
  for (const [name, value, least] of [['vocabSize', vocabSize, specialTokens.length + 1], ['minFrequency', minFrequency, 0], ['limitAlphabet', limitAlphabet, 1], ['threads', threads, 1]] as const) {
    if (!Number.isSafeInteger(value) || value < least) throw new UsageError(`trainVocabulary: ${name} is ${value}; expected a whole number of at least ${least}`);
  }
  const words = await countCorpus({ ...options, threads }, { cleanText: true, tokenizeChineseChars: true, stripAccents: lowercase, lowercase }, limits);
  const { vocab, firstIds, continuingIds } = alphabetOf(words, limitAlphabet);
  if (vocabSize < vocab.length) {
    throw new UsageError(`trainVocabulary: vocabSize is ${vocabSize}, but the special tokens and the characters of this corpus take ${vocab.length} entries`, {
      hint: `Ask for at least ${vocab.length} entries, or limit the alphabet.`,
    });
  }
  const merger = new PairMerger(toSymbols(words, firstIds, continuingIds), minFrequency);
  const ids = new Map(vocab.map((token, id) => [token, id]));
  const pace = new Pace(options);
  while (vocab.length < vocabSize) {
    const next = merger.next();
    if (next === undefined) break;
    const right = vocab[next.right] ?? '';
    const token = (vocab[next.left] ?? '') + (right.startsWith(prefix) ? right.slice(prefix.length) : right);
    // The same piece can arise from two different pairs.
    let id = ids.get(token);
    if (id === undefined) {
      id = vocab.length;
      vocab.push(token);
      ids.set(token, id);
    }
    merger.merge(next.pair, id);
    await pace.pause('merging pairs', vocab.length, vocabSize);
  }
  options.onProgress?.({ stage: 'merging pairs', done: vocab.length, total: vocab.length });
  return vocab;
}

/** Special tokens and characters with their ids: as first of a word, and further on. Both in the order of code points. */
function alphabetOf(words: readonly WordCount[], limit: number): { vocab: string[]; firstIds: Map<string, number>; continuingIds: Map<string, number> } {
  const counts = new Map<string, number>();
  const inside = new Set<string>();
  for (const { word, count } of words) {
    let first = true;
    for (const character of word) {
      counts.set(character, (counts.get(character) ?? 0) + count);
      if (!first) inside.add(character);
      first = false;
    }
  }
  const byPoint = (a: string, b: string): number => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0);
  const entries = (character: string): number => (inside.has(character) ? 2 : 1);
  // The Rust library leaves it to chance which of equally rare characters stay; here those go first that take two entries.
  const kept = [...counts]
    .sort(([a, countA], [b, countB]) => countB - countA || entries(a) - entries(b) || byPoint(a, b))
    .slice(0, limit)
    .map(([character]) => character)
    .sort(byPoint);
  const vocab: string[] = [...specialTokens];
  const firstIds = new Map<string, number>();
  const continuingIds = new Map<string, number>();
  for (const character of kept) firstIds.set(character, vocab.push(character) - 1);
  for (const character of kept) if (inside.has(character)) continuingIds.set(character, vocab.push(prefix + character) - 1);
  return { vocab, firstIds, continuingIds };
}

/** Words as symbols; characters outside the alphabet are left out, as the Rust library does. */
function toSymbols(words: readonly WordCount[], firstIds: ReadonlyMap<string, number>, continuingIds: ReadonlyMap<string, number>): SymbolWords {
  const symbols = new Int32Array(words.reduce((sum, { word }) => sum + word.length, 0));
  const starts = new Int32Array(words.length + 1);
  let length = 0;
  words.forEach(({ word }, w) => {
    let ids = firstIds;
    for (const character of word) {
      const id = ids.get(character);
      if (id !== undefined) symbols[length++] = id;
      ids = continuingIds;
    }
    starts[w + 1] = length;
  });
  return { symbols, starts, counts: Float64Array.from(words, ({ count }) => count) };
}
