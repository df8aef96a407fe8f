import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseHeldOut, countRepeated, sortedHashes } from './heldOut.js';

const percent = (share: number): bigint => (BigInt(share) << 64n) / 100n;

test('documents below the share are held out, with at least two texts for next-sentence pairs and one else', () => {
  const sorted = sortedHashes(BigUint64Array.of(percent(60), percent(2), percent(2), percent(30), percent(4), percent(70), percent(90), percent(80)));
  const chosen = (validationSplitPercentage: number, nextSentence: 'nsp' | 'none'): bigint[] => [...chooseHeldOut(sorted, { validationSplitPercentage, nextSentence })];
  assert.deepEqual(chosen(35, 'nsp'), [percent(2), percent(4), percent(30)]);
  assert.deepEqual(chosen(1, 'nsp'), [percent(2), percent(4)]);
  assert.deepEqual(chosen(1, 'none'), [percent(2)]);
  assert.deepEqual(chosen(0, 'nsp'), []);
});

test('what is held out leaves as many texts to train on as are needed', () => {
  const four = BigUint64Array.of(1n, 2n, 3n, 4n);
  assert.equal(chooseHeldOut(four, { validationSplitPercentage: 50, nextSentence: 'nsp' }).size, 2);
  assert.equal(chooseHeldOut(four.subarray(0, 3), { validationSplitPercentage: 50, nextSentence: 'nsp' }).size, 0);
  assert.equal(chooseHeldOut(four.subarray(0, 2), { validationSplitPercentage: 50, nextSentence: 'sop' }).size, 1);
});

test('repeated documents are those after the first of a text', () => {
  assert.equal(countRepeated(sortedHashes(BigUint64Array.of(5n, 1n, 5n, 5n, 2n, 1n))), 3);
  assert.equal(countRepeated(new BigUint64Array(0)), 0);
});
