/**
 * Counts the words of a corpus in bounded memory, for the vocabulary trainer. The corpus comes in portions: a StretchCounter counts
 * one (in any thread), a WordCounter adds the portions up in their order, so that the result is a function of the corpus alone.
 */
import type { BertNormalizer } from './normalizer.js';
import { maxInputCharsPerWord } from './wordPiece.js';
import { grown, hashOf, scanStretches, StretchTable } from './wordScanner.js';

/** Stretches as they stand in the text that are held at once, and their UTF-16 units; some 300 MB. */
const defaultMaxDistinct = 4_000_000;
const maxUnits = 64_000_000;
/** Longer stretches are skipped: their words would become [UNK]. */
const maxStretchLength = 1024;
/** Stands after each stretch; a line's end is part of none. */
const separator = '\n';

export interface WordCount {
  readonly word: string;
  readonly count: number;
}

/** The distinct stretches of a portion of text as they stand in it, in a form that is cheap to hand to another thread. */
export interface CountedStretches {
  /** In order of first appearance, a line's end after each. */
  readonly text: string;
  /** How often each occurs. */
  readonly counts: Uint32Array<ArrayBuffer>;
}

/** Counts the stretches between blanks of a portion of text, not normalized yet: cheap enough for a thread that gets text alone. */
export class StretchCounter {
  readonly #classes: Uint8Array;
  readonly #table = new StretchTable(1 << 16);
  #counts = new Int32Array(1 << 16);
  readonly #sink = (text: string, start: number, end: number, hash: number): void => {
    if (end - start > maxStretchLength) return;
    let entry = this.#table.find(text, start, end, hash);
    if (entry < 0) {
      entry = this.#table.add(text, start, end, hash);
      if (entry >= this.#counts.length) this.#counts = grown(this.#counts, this.#counts.length * 2);
      this.#counts[entry] = 0;
    }
    this.#counts[entry] = (this.#counts[entry] as number) + 1;
  };

  /** @param classes a BertNormalizer's scanClasses */
  constructor(classes: Uint8Array) {
    this.#classes = classes;
  }

  /** The stretches of `text`, which lines' ends may divide. Stretches over 1024 units are left out. */
  count(text: string): CountedStretches {
    this.#table.clear();
    scanStretches(text, this.#classes, this.#sink);
    const { size } = this.#table;
    const stretches = new Array<string>(size);
    for (let entry = 0; entry < size; entry++) stretches[entry] = this.#table.text(entry);
    stretches.push('');
    return { text: stretches.join(separator), counts: Uint32Array.from(this.#counts.subarray(0, size)) };
  }
}

/** Adds up the counts of portions, and normalizes each distinct stretch once, into words. */
export class WordCounter {
  readonly #normalizer: BertNormalizer;
  readonly #maxDistinct: number;
  readonly #table = new StretchTable(1 << 16);
  #counts = new Float64Array(1 << 16);
  #prunedBelow = 0;

  /** @param maxDistinct distinct stretches to hold; where there are more, the rarest are forgotten */
  constructor(normalizer: BertNormalizer, maxDistinct = defaultMaxDistinct) {
    this.#normalizer = normalizer;
    this.#maxDistinct = maxDistinct;
  }

  /** Adds the next portion of the corpus. */
  add({ text, counts }: CountedStretches): void {
    let start = 0;
    for (const count of counts) {
      const end = text.indexOf(separator, start);
      const hash = hashOf(text, start, end);
      let entry = this.#table.find(text, start, end, hash);
      if (entry < 0) {
        if (this.#table.size >= this.#maxDistinct || this.#table.unitCount >= maxUnits) this.#prune();
        entry = this.#table.add(text, start, end, hash);
        if (entry >= this.#counts.length) this.#counts = grown(this.#counts, this.#counts.length * 2);
        this.#counts[entry] = 0;
      }
      this.#counts[entry] = (this.#counts[entry] as number) + count;
      start = end + 1;
    }
  }

  /** Stretches seen up to this often were forgotten in part; 0 where memory sufficed for all. */
  get prunedBelow(): number {
    return this.#prunedBelow;
  }

  /** Distinct stretches held. */
  get size(): number {
    return this.#table.size;
  }

  /** The normalized words with their counts, in order of first appearance. Words too long for the encoder are left out. */
  words(): WordCount[] {
    const words = new StretchTable(1 << 16);
    let counts = new Float64Array(1 << 16);
    for (let entry = 0; entry < this.#table.size; entry++) {
      for (const word of this.#normalizer.words(this.#table.text(entry))) {
        if (word.length > maxInputCharsPerWord && [...word].length > maxInputCharsPerWord) continue;
        const hash = hashOf(word, 0, word.length);
        let at = words.find(word, 0, word.length, hash);
        if (at < 0) at = words.add(word, 0, word.length, hash);
        if (at >= counts.length) counts = grown(counts, counts.length * 2);
        counts[at] = (counts[at] ?? 0) + (this.#counts[entry] ?? 0);
      }
    }
    return Array.from({ length: words.size }, (_, at) => ({ word: words.text(at), count: counts[at] ?? 0 }));
  }

  /**
   * Forgets the rarest stretches until half the room is free; of those seen equally often the older ones go first. Some rare ones
   * stay, so that a corpus of nothing but rare words still has statistics.
   */
  #prune(): void {
    for (let target = this.#table.size >> 1; this.#table.size > 0; target >>= 1) {
      const sorted = this.#counts.slice(0, this.#table.size).sort();
      const limit = sorted[sorted.length - 1 - target] ?? 0;
      let atLimit = 0;
      let above = 0;
      for (const count of sorted) {
        if (count === limit) atLimit += 1;
        else if (count > limit) above += 1;
      }
      let surplus = atLimit + above - target;
      this.#table.retain(
        (entry) => {
          const count = this.#counts[entry] ?? 0;
          if (count === limit && surplus > 0) {
            surplus -= 1;
            return false;
          }
          return count >= limit;
        },
        (from, to) => {
          this.#counts[to] = this.#counts[from] ?? 0;
        },
      );
      this.#prunedBelow = Math.max(this.#prunedBelow, limit);
      if (this.#table.unitCount <= maxUnits / 2) return;
    }
  }
}
