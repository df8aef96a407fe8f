/**
 * The merges of byte-pair encoding (Sennrich et al., 2016) that the WordPiece vocabulary grows by: again and again the most frequent
 * pair of neighbours becomes one symbol, with counts kept up to date in the words that have the pair.
 */
import { PairHeap } from './pairHeap.js';
import { PairTable } from './pairTable.js';

export interface SymbolWords {
  /** The symbols of all words, one word after another. Changed in place. */
  readonly symbols: Int32Array;
  /** Where each word starts, and the end, [words + 1]. */
  readonly starts: Int32Array;
  /** How often each word occurs. */
  readonly counts: Float64Array;
}

/** Finds the most frequent pair and merges it, over and over; of equally frequent ones the one with the smaller ids. */
export class PairMerger {
  readonly #symbols: Int32Array;
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;
  readonly #counts: Float64Array;
  readonly #pairs = new PairTable();
  readonly #heap = new PairHeap(this.#pairs);
  readonly #least: number;
  /** Pairs whose count rose in the present merge. */
  readonly #risen = new Set<number>();

  /** @param minFrequency fewest occurrences of a pair that is merged */
  constructor(words: SymbolWords, minFrequency: number) {
    this.#symbols = words.symbols;
    this.#starts = words.starts;
    this.#counts = words.counts;
    this.#lengths = Int32Array.from(words.counts, (_, word) => (words.starts[word + 1] ?? 0) - (words.starts[word] ?? 0));
    this.#least = Math.max(1, minFrequency);
    for (let word = 0; word < this.#lengths.length; word++) {
      const start = words.starts[word] as number;
      const end = words.starts[word + 1] as number;
      for (let i = start + 1; i < end; i++) this.#rise(words.symbols[i - 1] as number, words.symbols[i] as number, word);
    }
    this.#risen.clear();
    for (let pair = 0; pair < this.#pairs.size; pair++) if (this.#pairs.count(pair) >= this.#least) this.#heap.push(pair);
  }

  /** The next pair to merge; undefined where none is frequent enough. It must be merged before the next call. */
  next(): { readonly pair: number; readonly left: number; readonly right: number } | undefined {
    const pair = this.#heap.pop(this.#least);
    return pair === undefined ? undefined : { pair, left: this.#pairs.left(pair), right: this.#pairs.right(pair) };
  }

  /** Replaces the pair by `symbol` in all words. */
  merge(pair: number, symbol: number): void {
    const left = this.#pairs.left(pair);
    const right = this.#pairs.right(pair);
    this.#pairs.takeWords(pair, (word) => this.#mergeInWord(word, left, right, symbol));
    this.#pairs.clearCount(pair);
    for (const risen of this.#risen) if (this.#pairs.count(risen) >= this.#least) this.#heap.push(risen);
    this.#risen.clear();
  }

  #mergeInWord(word: number, left: number, right: number, symbol: number): void {
    const symbols = this.#symbols;
    const start = this.#starts[word] as number;
    const end = start + (this.#lengths[word] as number);
    let to = start;
    for (let from = start; from < end; from++, to++) {
      const here = symbols[from] as number;
      if (here !== left || from + 1 >= end || symbols[from + 1] !== right) {
        symbols[to] = here;
        continue;
      }
      if (to > start) {
        const before = symbols[to - 1] as number;
        this.#pairs.change(before, left, -(this.#counts[word] as number));
        this.#rise(before, symbol, word);
      }
      if (from + 2 < end) {
        const after = symbols[from + 2] as number;
        this.#pairs.change(right, after, -(this.#counts[word] as number));
        this.#rise(symbol, after, word);
      }
      symbols[to] = symbol;
      from += 1;
    }
    this.#lengths[word] = to - start;
  }

  #rise(left: number, right: number, word: number): void {
    const pair = this.#pairs.change(left, right, this.#counts[word] as number);
    this.#pairs.occursIn(pair, word);
    this.#risen.add(pair);
  }
}
