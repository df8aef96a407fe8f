import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutAllByTokens, cutBySequences, cutByTokens } from './packing.js';

test('by sequences: equal parts', () => {
  assert.deepEqual([...cutBySequences(7, 3)], [0, 7, 14, 21]);
});

const cases: readonly (readonly [what: string, lengths: readonly number[], budget: number, batches: number | undefined, bounds: readonly number[]])[] = [
  ['one pass, the open end not counted', [4, 4, 4, 4, 4], 8, undefined, [0, 2, 4]],
  ['a batch that ends with the pass is open too', [4, 4, 4, 4], 8, undefined, [0, 2]],
  ['a batch ends before the example that does not fit', [5, 4, 3, 1, 8, 2], 9, undefined, [0, 2, 4, 5]],
  ['an example as long as the budget stands alone', [9, 9, 1, 9], 9, undefined, [0, 1, 2, 3]],
  ['all that fits into one is no full batch', [1, 2, 3], 100, undefined, [0]],
  ['places count on where the order starts over', [5, 4, 3], 7, 4, [0, 1, 3, 4, 6]],
  ['no batch has an example twice', [1, 2, 3], 100, 2, [0, 3, 6]],
];

for (const [what, lengths, budget, batches, bounds] of cases) {
  test(`by tokens: ${what}`, () => {
    assert.deepEqual([...cutByTokens(Int32Array.from(lengths), budget, batches)], bounds);
  });
}

const passes: readonly (readonly [what: string, lengths: readonly number[], budget: number, bounds: readonly number[]])[] = [
  ['the last micro-batch has what is left', [4, 4, 4, 4, 4], 8, [0, 2, 4, 5]],
  ['which may be as much as fits', [4, 4, 4, 4], 8, [0, 2, 4]],
  ['a single row', [7], 7, [0, 1]],
  ['all of it in one', [1, 2, 3], 6, [0, 3]],
  ['one row each', [5, 6, 5], 9, [0, 1, 2, 3]],
];

for (const [what, lengths, budget, bounds] of passes) {
  test(`a whole pass by tokens: ${what}`, () => {
    assert.deepEqual([...cutAllByTokens(Int32Array.from(lengths), budget)], bounds);
  });
}
