/**
 * The WordPiece model: greedy longest match of a word against the vocabulary, with a bounded cache of the words met before.
 * Special tokens, pairs and truncation are left to bertTokenizer.ts.
 */
import type { BertNormalizer } from './normalizer.js';
import { PieceTrie } from './pieceTrie.js';
import { grown, scanStretches, StretchTable } from './wordScanner.js';

/** Words with more characters become [UNK], as in the original BERT. */
export const maxInputCharsPerWord = 100;

/** Bounds of the cache: it is emptied when one is reached. Longer stretches are not kept. */
const maxCachedWords = 1 << 17;
const maxCachedUnits = 1 << 21;
const maxCachedLength = 64;

export interface WordPieceOptions {
  readonly vocab: readonly string[];
  readonly unkTokenId: number;
  readonly continuingSubwordPrefix: string;
  readonly maxInputCharsPerWord: number;
}

export class WordPiece {
  readonly #normalizer: BertNormalizer;
  readonly #options: WordPieceOptions;
  /** Pieces that start a word. */
  readonly #initial = new PieceTrie();
  /** Pieces that go on with one, by their text without the prefix. */
  readonly #continuing = new PieceTrie();

  readonly #cache = new StretchTable(1 << 13);
  /** By cache entry: an id, or for anything but one id the bitwise complement of a place in `#idLists`. */
  #cachedIds: Int32Array = new Int32Array(1 << 13);
  /** Lists one after another: how many, then the ids. */
  #idLists: Int32Array = new Int32Array(1 << 14);
  #idListsLength = 0;

  #ids: Int32Array = new Int32Array(256);
  #idCount = 0;
  readonly #sink = (text: string, start: number, end: number, hash: number): void => this.#addStretch(text, start, end, hash);

  constructor(normalizer: BertNormalizer, options: WordPieceOptions) {
    this.#normalizer = normalizer;
    this.#options = options;
    const prefix = options.continuingSubwordPrefix;
    options.vocab.forEach((token, id) => {
      // A token that starts with the prefix can also start a word: the word may begin with those characters where nothing splits them off.
      this.#initial.add(token, id);
      if (token.startsWith(prefix)) this.#continuing.add(token.slice(prefix.length), id);
    });
  }

  /** The ids of `text`, without any special token. The result is a view that the next call overwrites. */
  encode(text: string): Int32Array {
    this.#idCount = 0;
    scanStretches(text, this.#normalizer.scanClasses, this.#sink);
    return this.#ids.subarray(0, this.#idCount);
  }

  #addStretch(text: string, start: number, end: number, hash: number): void {
    const entry = this.#cache.find(text, start, end, hash);
    if (entry < 0) {
      this.#addNew(text, start, end, hash);
      return;
    }
    const value = this.#cachedIds[entry] as number;
    if (value >= 0) {
      if (this.#idCount === this.#ids.length) this.#ids = grown(this.#ids, this.#ids.length * 2);
      this.#ids[this.#idCount++] = value;
      return;
    }
    const at = ~value;
    const count = this.#idLists[at] as number;
    for (let i = 1; i <= count; i++) this.#push(this.#idLists[at + i] as number);
  }

  #addNew(text: string, start: number, end: number, hash: number): void {
    const first = this.#idCount;
    for (const word of this.#normalizer.words(text.slice(start, end))) this.#matchWord(word);
    if (end - start > maxCachedLength) return;
    const cache = this.#cache;
    const count = this.#idCount - first;
    if (cache.size >= maxCachedWords || cache.unitCount + end - start > maxCachedUnits) {
      cache.clear();
      this.#idListsLength = 0;
    }
    const entry = cache.add(text, start, end, hash);
    if (entry >= this.#cachedIds.length) this.#cachedIds = grown(this.#cachedIds, this.#cachedIds.length * 2);
    if (count === 1) {
      this.#cachedIds[entry] = this.#ids[first] ?? 0;
      return;
    }
    const at = this.#idListsLength;
    this.#idListsLength = at + count + 1;
    if (this.#idListsLength > this.#idLists.length) this.#idLists = grown(this.#idLists, Math.max(this.#idListsLength, this.#idLists.length * 2));
    this.#idLists[at] = count;
    this.#idLists.set(this.#ids.subarray(first, this.#idCount), at + 1);
    this.#cachedIds[entry] = ~at;
  }

  /** Greedy longest match from the left; a word with a stretch that no piece matches is one [UNK]. */
  #matchWord(word: string): void {
    const { unkTokenId, maxInputCharsPerWord: limit } = this.#options;
    if (word.length > limit && countCharacters(word) > limit) {
      this.#push(unkTokenId);
      return;
    }
    const first = this.#idCount;
    let start = 0;
    while (start < word.length) {
      const pieces = start === 0 ? this.#initial : this.#continuing;
      const id = pieces.longestAt(word, start);
      if (id < 0) {
        this.#idCount = first;
        this.#push(unkTokenId);
        return;
      }
      this.#push(id);
      start += pieces.matchedLength;
    }
  }

  #push(id: number): void {
    if (this.#idCount === this.#ids.length) this.#ids = grown(this.#ids, this.#ids.length * 2);
    this.#ids[this.#idCount++] = id;
  }
}

function countCharacters(text: string): number {
  let count = text.length;
  for (let i = 1; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) count -= 1;
  return count;
}
