/** What both sides of the comparison put for a text: 32-bit words, each an id and, above it, the segment. */
import type { BertTokenizer } from '../../../src/tokenizer/index.js';

/** One text, or a pair. */
export type Item = string | readonly [string, string];

const segmentShift = 24;

/**
 * Our ids of a text without special tokens, or of a pair with them and its segments.
 * @param maxLength tokens that a pair is cut to, null for none
 */
export function idWords(tokenizer: BertTokenizer, item: Item, maxLength: number | null): ArrayLike<number> {
  if (typeof item === 'string') return tokenizer.encodeToIds(item);
  const { inputIds, tokenTypeIds } = tokenizer.encode(item[0], item[1], maxLength === null ? {} : { maxLength });
  return inputIds.map((id, i) => id | ((tokenTypeIds[i] ?? 0) << segmentShift));
}

/** The id of a word. */
export function idOf(word: number): number {
  return word & ((1 << segmentShift) - 1);
}

/** The segment of a word: 0, or 1 for the second text of a pair. */
export function segmentOf(word: number): number {
  return word >>> segmentShift;
}
