/** Which documents are held out for evaluation, and how many have the text of another: both told by the documents' hashes. */
import type { NextSentenceTask } from '../examples.js';

export interface HeldOutSettings {
  readonly validationSplitPercentage: number;
  readonly nextSentence: NextSentenceTask;
}

/** All hashes in order of size; sorted in an array and not gathered in a Set, which holds 16.7 million entries at most. */
export function sortedHashes(hashes: BigUint64Array): BigUint64Array {
  return hashes.slice().sort();
}

/** Documents whose text an earlier one has. */
export function countRepeated(sorted: BigUint64Array): number {
  let count = 0;
  for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) count += 1;
  return count;
}

/**
 * Documents whose hash lies in the lowest share. A small corpus still holds out those with the lowest hashes, two texts for
 * next-sentence pairs, as long as as many again and more are left to train on; documents with the same text go together.
 */
export function chooseHeldOut(sorted: BigUint64Array, settings: HeldOutSettings): Set<bigint> {
  const share = settings.validationSplitPercentage / 100;
  if (share === 0) return new Set();
  const texts = sorted.filter((hash, i) => i === 0 || hash !== sorted[i - 1]);
  const least = settings.nextSentence === 'nsp' ? 2 : 1;
  const limit = BigInt(Math.floor(share * 2 ** 53)) << 11n;
  const below = texts.filter((hash) => hash < limit).length;
  const most = texts.length - least;
  return new Set(texts.slice(0, most < least ? 0 : Math.min(most, Math.max(least, below))));
}
