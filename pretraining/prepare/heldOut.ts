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
  const limit = BigInt(Math.floor(share * 2 ** 53)) << 11n;
  let texts = 0;
  let below = 0;
  eachText(sorted, (hash) => {
    texts += 1;
    if (hash < limit) below += 1;
    return true;
  });
  const least = settings.nextSentence === 'nsp' ? 2 : 1;
  const most = texts - least;
  const count = most < least ? 0 : Math.min(most, Math.max(least, below));
  const chosen = new Set<bigint>();
  eachText(sorted, (hash) => chosen.size < count && chosen.add(hash) !== undefined);
  return chosen;
}

/** Hands each different hash to `visit` until that returns false. A list of them all would take many times the memory of the array. */
function eachText(sorted: BigUint64Array, visit: (hash: bigint) => boolean): void {
  let last: bigint | undefined;
  for (const hash of sorted) {
    if (hash !== last && !visit(hash)) return;
    last = hash;
  }
}
