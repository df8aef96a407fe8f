import assert from 'node:assert/strict';
import { test } from 'node:test';
import { glueTasks } from '../glue/tasks.js';
import { UsageError } from '../src/data/errors.js';
import type { EncodedRow } from './encodeSplit.js';
import { checkedSliceKinds, sliceKinds, slicesOf, wordOverlap, wordsOf } from './slices.js';
import { specOfGlue, type TaskExample } from './taskSpec.js';

test('words are those of the corpora\'s spellings, overlap is Jaccard\'s', () => {
  assert.deepEqual(wordsOf("It isn't; it is n't 3 Füße, don’t"), ['it', 'is', 'not', 'it', 'is', 'not', '3', 'füße', 'do', 'not']);
  assert.equal(wordOverlap('a b c', 'B c d'), 0.5);
  assert.equal(wordOverlap('A. a', 'a'), 1);
  assert.equal(wordOverlap('a', 'b'), 0);
  assert.equal(wordOverlap('', ''), 1);
});

/** Rows of RTE: text, length in tokens, gold, predicted. */
const rows: readonly [a: string, b: string, length: number, gold: number, predicted: number][] = [
  ['the river runs', 'the river runs', 9, 0, 0],
  ['the river runs', 'a mill stands', 16, 1, 0],
  ['nobody came', 'somebody came', 17, 1, 1],
  ["it does n't run", 'it does run', 300, 1, 0],
];

const spec = specOfGlue(glueTasks.rte);
const examples: TaskExample[] = rows.map(([textA, textB, , label], index) => ({ index, textA, textB, label }));

/** As a model encodes and answers them whose classes are numbered the other way round. */
const labelMap = [1, 0];
const encoded: EncodedRow[] = rows.map(([, , length, gold], index) => ({ index, inputIds: new Int32Array(length), tokenTypeIds: new Int32Array(length), label: labelMap[gold] ?? -1 }));
const logits = Float32Array.from(rows.flatMap(([, , , , predicted]) => (labelMap[predicted] === 0 ? [2, 0] : [0, 2])));

test('each slice has its rows and the metrics of those alone, whatever the order of the model\'s classes', () => {
  const slices = slicesOf(sliceKinds, spec, examples, encoded, { logits, numLabels: 2 }, labelMap);
  assert.deepEqual(
    slices.map(({ kind, name, rows: count, metrics }) => [kind, name, count, metrics['accuracy']]),
    [
      ['length', '1 to 16 tokens', 2, 0.5],
      ['length', '17 to 32 tokens', 1, 1],
      ['length', 'over 256 tokens', 1, 0],
      ['label', 'entailment', 1, 1],
      ['label', 'not_entailment', 3, 1 / 3],
      ['overlap', '0 to 0.25', 1, 0],
      ['overlap', '0.25 to 0.5', 1, 1],
      ['overlap', '0.75 to 1', 2, 0.5],
      ['negation', 'with negation', 2, 0.5],
      ['negation', 'without negation', 2, 0.5],
    ],
  );
  const losses = slices.filter(({ kind }) => kind === 'label').map(({ metrics, rows: count }) => (metrics['loss'] ?? Number.NaN) * count);
  const right = Math.log(1 + Math.exp(-2));
  assert.ok(Math.abs((losses[0] ?? 0) + (losses[1] ?? 0) - (2 * right + 2 * (right + 2))) < 1e-6);
});

test('scores fall into their units, single sentences have no overlap', () => {
  const scores = [0, 0.9, 1, 4.9, 5];
  const stsb = scores.map((label, index): TaskExample => ({ index, textA: 'a', textB: 'a', label }));
  const rowsOfScores = scores.map((label, index): EncodedRow => ({ index, inputIds: new Int32Array(5), tokenTypeIds: new Int32Array(5), label }));
  const slices = slicesOf(['label'], specOfGlue(glueTasks.stsb), stsb, rowsOfScores, { logits: Float32Array.from(scores), numLabels: 1 }, undefined);
  assert.deepEqual(slices.map(({ name, rows: count, undefinedMetrics }) => [name, count, undefinedMetrics.length > 0]), [['0 to 1', 2, false], ['1 to 2', 1, true], ['4 to 5', 2, false]]);
  const single = examples.map(({ textB: _, ...row }) => row);
  assert.deepEqual(slicesOf(['overlap'], specOfGlue(glueTasks.cola), single as TaskExample[], encoded, { logits, numLabels: 2 }, [0, 1]), []);
});

test('an unknown kind is refused with the near match', () => {
  assert.throws(() => checkedSliceKinds(['lenght']), (error) => error instanceof UsageError && /Did you mean "length"/.test(error.message));
});
