import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../src/data/random.js';
import { type Epochs, epochsBySequences, epochsByTokens } from './epochs.js';

/** 101 rows of 3 to 40 tokens, most of them short. */
const random = new Random(11);
const lengths = Int32Array.from({ length: 101 }, () => 3 + Math.floor(38 * random.uniform() ** 2));
const all = Array.from(lengths, (_, row) => row);

/** Micro-batches of each step of an epoch. */
function stepsOf(epochs: Epochs, epoch: number): (readonly Int32Array[])[] {
  const first = epochs.stepsIn(epoch);
  return Array.from({ length: epochs.stepsIn(epoch + 1) - first }, (_, i) => epochs.microBatches(first + i));
}

const tokensIn = (rows: Int32Array): number => rows.reduce((sum, row) => sum + (lengths[row] as number), 0);

for (const [tokensPerBatch, accumulation] of [[40, 1], [41, 3], [97, 2], [333, 1], [1000, 5]] as const) {
  test(`by ${tokensPerBatch} tokens x ${accumulation}: each row once an epoch, no micro-batch above the budget, and none that the next row would have fitted`, () => {
    const epochs = epochsByTokens(lengths, { tokensPerBatch, accumulation, seed: 4 });
    for (let epoch = 0; epoch < 4; epoch++) {
      const steps = stepsOf(epochs, epoch);
      steps.forEach((micro, i) => {
        const last = i === steps.length - 1;
        assert.ok(last ? micro.length >= 1 && micro.length <= accumulation : micro.length === accumulation, `${micro.length} micro-batches in step ${i}`);
      });
      const micro = steps.flat();
      assert.deepEqual(micro.flatMap((rows) => [...rows]).sort((a, b) => a - b), all);
      micro.forEach((rows, i) => {
        assert.ok(rows.length > 0 && tokensIn(rows) <= tokensPerBatch);
        const next = micro[i + 1]?.[0];
        if (next !== undefined) assert.ok(tokensIn(rows) + (lengths[next] as number) > tokensPerBatch, 'the next row would have fitted');
      });
    }
  });
}

test('the shuffle of an epoch is the same, however it is cut', () => {
  const orderOf = (epochs: Epochs, epoch: number): number[] => stepsOf(epochs, epoch).flatMap((micro) => micro.flatMap((rows) => [...rows]));
  for (const epoch of [0, 2]) {
    assert.deepEqual(orderOf(epochsByTokens(lengths, { tokensPerBatch: 61, accumulation: 2, seed: 4 }), epoch), orderOf(epochsBySequences(lengths.length, { batchSize: 7, accumulation: 1, seed: 4 }), epoch));
  }
});

test('epochs differ in their steps; each ends where it was counted, and only there', () => {
  const epochs = epochsByTokens(lengths, { tokensPerBatch: 50, accumulation: 1, seed: 4 });
  const ends = Array.from({ length: 9 }, (_, epoch) => epochs.stepsIn(epoch));
  assert.ok(new Set(ends.slice(1).map((end, i) => end - (ends[i] ?? 0))).size > 1, ends.join());
  const whole = Array.from({ length: (ends[8] as number) + 1 }, (_, step) => step).filter((step) => Number.isInteger(epochs.epochsAfter(step)));
  assert.deepEqual(whole, ends);
  assert.deepEqual(ends.map((end) => epochs.epochsAfter(end)), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test('a part of an epoch is counted in steps of that epoch', () => {
  const epochs = epochsByTokens(lengths, { tokensPerBatch: 50, accumulation: 1, seed: 4 });
  for (const epoch of [0, 3]) {
    const [start, end] = [epochs.stepsIn(epoch), epochs.stepsIn(epoch + 1)];
    assert.equal(epochs.stepsIn(epoch + 0.01), start + 1);
    assert.equal(epochs.stepsIn(epoch + 0.5), start + Math.ceil((end - start) / 2));
    for (let step = start; step <= end; step++) assert.equal(epochs.stepsIn(epochs.epochsAfter(step)), step, 'there and back');
  }
});

test('a step depends on seed and number only, not on what was asked before', () => {
  const options = { tokensPerBatch: 50, accumulation: 2, seed: 4 };
  const inOrder = epochsByTokens(lengths, options);
  const steps = Array.from({ length: inOrder.stepsIn(3) }, (_, step) => inOrder.microBatches(step));
  const anyOrder = epochsByTokens(lengths, options);
  for (const step of [steps.length - 1, 0, inOrder.stepsIn(1), inOrder.stepsIn(2) - 1, 5]) {
    assert.deepEqual(anyOrder.microBatches(step), steps[step]);
    assert.deepEqual(epochsByTokens(lengths, options).microBatches(step), steps[step]);
  }
  assert.notDeepEqual(epochsByTokens(lengths, { ...options, seed: 5 }).microBatches(0), steps[0]);
});

test('one row, and a budget that holds all rows: one step an epoch', () => {
  const one = epochsByTokens(Int32Array.of(7), { tokensPerBatch: 7, accumulation: 4, seed: 1 });
  assert.deepEqual([one.stepsIn(3), one.stepsIn(0.2), one.epochsAfter(5)], [3, 1, 5]);
  assert.deepEqual(one.microBatches(2), [Int32Array.of(0)]);
  const whole = epochsByTokens(lengths, { tokensPerBatch: tokensIn(Int32Array.from(all)), accumulation: 2, seed: 1 });
  assert.equal(whole.stepsIn(2), 2);
  assert.deepEqual(whole.microBatches(1).map((rows) => rows.length), [101]);
});

test('a row above the budget is refused', () => {
  assert.throws(() => epochsByTokens(Int32Array.of(3, 9, 4), { tokensPerBatch: 8, accumulation: 1, seed: 1 }), /row 1 has 9 tokens, above the budget of 8/);
});
