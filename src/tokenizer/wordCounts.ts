/** Counts the words of a text stream in bounded memory, for the vocabulary trainer. */
import type { BertNormalizer } from './normalizer.js';
import { maxInputCharsPerWord } from './wordPiece.js';
import { grown, hashOf, scanStretches, StretchTable } from './wordScanner.js';

/** Stretches as they stand in the text that are held at once, and their UTF-16 units; some 300 MB. */
const defaultMaxDistinct = 4_000_000;
const maxUnits = 64_000_000;
/** Longer stretches are skipped: their words would become [UNK]. */
const maxStretchLength = 1024;

export interface WordCount {
  readonly word: string;
  readonly count: number;
}

export class WordCounter {
  readonly #normalizer: BertNormalizer;
  readonly #maxDistinct: number;
  readonly #table = new StretchTable(1 << 16);
  #counts = new Float64Array(1 << 16);
  #prunedBelow = 0;
  readonly #sink = (text: string, start: number, end: number, hash: number): void => {
    if (end - start > maxStretchLength) return;
    let entry = this.#table.find(text, start, end, hash);
    if (entry < 0) {
      if (this.#table.size >= this.#maxDistinct || this.#table.unitCount >= maxUnits) this.#prune();
      entry = this.#table.add(text, start, end, hash);
      if (entry >= this.#counts.length) this.#counts = grown(this.#counts, this.#counts.length * 2);
      this.#counts[entry] = 0;
    }
    this.#counts[entry] = (this.#counts[entry] as number) + 1;
  };

  /** @param maxDistinct distinct stretches to hold; where there are more, the rarest are forgotten */
  constructor(normalizer: BertNormalizer, maxDistinct = defaultMaxDistinct) {
    this.#normalizer = normalizer;
    this.#maxDistinct = maxDistinct;
  }

  add(line: string): void {
    scanStretches(line, this.#normalizer.scanClasses, this.#sink);
  }

  /** Words seen up to this often may be missing, or counted too low; 0 where memory sufficed for all. */
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

  /** Forgets the rarest stretches until at most half the room is taken (lossy counting). */
  #prune(): void {
    for (let limit = 1; this.#table.size > this.#maxDistinct / 2 || this.#table.unitCount > maxUnits / 2; limit *= 2) {
      this.#table.retain(
        (entry) => (this.#counts[entry] ?? 0) > limit,
        (from, to) => {
          this.#counts[to] = this.#counts[from] ?? 0;
        },
      );
      this.#prunedBelow = Math.max(this.#prunedBelow, limit);
    }
  }
}
