import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Point } from './lineChart.js';
import { binned, bySeconds, curvesOf, logEntries, valueAt } from './trainingLog.js';

test('a log becomes a curve for each value that is drawn, by step', () => {
  const entries = logEntries([{ step: 10, mlm_loss: 7.5, epoch: 0.1, note: 'text' }, { step: 20, mlm_loss: 6.5, eval_mlm_loss: null }, 'no entry', { mlm_loss: 1 }, { step: 20, eval_mlm_loss: 6 }]);
  assert.deepEqual(curvesOf(entries), { mlm_loss: [[10, 7.5], [20, 6.5]], eval_mlm_loss: [[20, 6]] });
  assert.deepEqual(logEntries(undefined), []);
});

test('a long curve is drawn by the means of consecutive points, which keep its mean', () => {
  const points = Array.from({ length: 1000 }, (_, i): Point => [i, i % 2]);
  const few = binned(points, 400);
  assert.equal(few.length, Math.ceil(1000 / 3));
  assert.deepEqual(few[0], [1, 1 / 3]);
  assert.deepEqual(few.at(-1), [999, 1]);
  assert.equal(binned(points.slice(0, 400), 400).length, 400);
});

test('between its points a curve is straight; it starts at the origin and stays at its end', () => {
  const curve: Point[] = [[10, 100], [20, 300]];
  assert.deepEqual([0, 5, 10, 15, 20, 99].map((step) => valueAt(curve, step)), [0, 50, 100, 200, 300, 300]);
  assert.equal(valueAt([], 5), undefined);
});

test('by seconds, the steps of a curve become the times at which the log has them', () => {
  const loss: Point[] = [[5, 7], [20, 6]];
  assert.deepEqual(bySeconds(loss, { elapsed_seconds: [[10, 100], [20, 300]] }), [[50, 7], [300, 6]]);
  assert.equal(bySeconds(loss, { mlm_loss: loss }), undefined);
});
