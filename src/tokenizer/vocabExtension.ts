/** Adds words of a new domain to the vocabulary of a tokenizer. What becomes of a model's weights is left to models/vocabularyExtension.ts. */
import os from 'node:os';
import { DataError, UsageError } from '../data/errors.js';
import { BertTokenizer } from './bertTokenizer.js';
import { type CorpusOptions, countCorpus } from './vocabCorpus.js';

export interface ExtendVocabularyOptions extends Omit<CorpusOptions, 'threads'> {
  /** Most words to add. */
  readonly add: number;
  /** Fewest occurrences of a word that is added; default 2. */
  readonly minFrequency?: number | undefined;
  /** As of trainVocabulary. */
  readonly threads?: number | undefined;
}

export interface AddedWord {
  readonly word: string;
  /** Occurrences in the corpus. */
  readonly count: number;
  /** Ids of the pieces that stood for it before; [UNK] alone where it could not be spelled. */
  readonly pieces: readonly number[];
}

export interface ExtendedVocabulary {
  /** The old entries with their ids, then the words. */
  readonly tokenizer: BertTokenizer;
  /** In the order of their ids. */
  readonly added: readonly AddedWord[];
}

/**
 * Makes whole words of those that save most: the most pieces fewer over the corpus, an unknown word counting as one. Of equal ones
 * the more frequent come first, then by their letters. Fewer are added where the corpus has no more.
 * @throws UsageError for settings that cannot be, DataError where there is no word to add, and as countCorpus
 */
export async function extendVocabulary(tokenizer: BertTokenizer, options: ExtendVocabularyOptions): Promise<ExtendedVocabulary> {
  const { add, minFrequency = 2, threads = os.availableParallelism() } = options;
  for (const [name, value] of [['add', add], ['minFrequency', minFrequency], ['threads', threads]] as const) {
    if (!Number.isSafeInteger(value) || value < 1) throw new UsageError(`extendVocabulary: ${name} is ${value}; expected a whole number of at least 1`);
  }
  const { lowercase, stripAccents = lowercase, cleanText, tokenizeChineseChars, maxInputCharsPerWord } = tokenizer.options;
  const words = await countCorpus({ ...options, threads }, { cleanText, tokenizeChineseChars, stripAccents, lowercase });
  const known = new Set(tokenizer.vocab);
  const candidates: (AddedWord & { readonly saved: number })[] = [];
  for (const { word, count } of words) {
    if (count < minFrequency || known.has(word) || [...word].length > maxInputCharsPerWord) continue;
    const pieces = [...tokenizer.encodeToIds(word)];
    candidates.push({ word, count, pieces, saved: count * Math.max(1, pieces.length - 1) });
  }
  if (candidates.length === 0) {
    throw new DataError(`the vocabulary of ${tokenizer.vocabSize} entries has every word that occurs ${minFrequency} times or more in the corpus`, {
      hint: 'Give text of the new domain, or lower --min-frequency.',
    });
  }
  candidates.sort((a, b) => b.saved - a.saved || b.count - a.count || (a.word < b.word ? -1 : 1));
  const added = candidates.slice(0, add).map(({ word, count, pieces }) => ({ word, count, pieces }));
  return { tokenizer: BertTokenizer.fromVocab([...tokenizer.vocab, ...added.map(({ word }) => word)], tokenizer.options), added };
}
