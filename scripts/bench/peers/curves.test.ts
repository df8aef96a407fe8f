import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StepValues, curvesSvg, differenceOf } from './curves.js';

function curveOf(losses: readonly number[]): StepValues[] {
  return losses.map((loss) => ({ loss, mlm_loss: loss - 0.5, nsp_loss: 0.5, grad_norm: 2 * loss, learning_rate: 0 }));
}

test('the largest difference is told with its step, whichever curve is above', () => {
  const [a, b] = [curveOf([8, 7, 6, 5]), curveOf([8, 7.5, 5.25, 5.25])];
  assert.deepEqual(differenceOf(a, b, 'loss'), { largest: 0.75, step: 3, mean: 0.375, atEnd: 0.25 });
  assert.deepEqual(differenceOf(b, a, 'grad_norm').largest, 1.5);
  assert.equal(differenceOf(a, b, 'nsp_loss').largest, 0);
});

test('differences that cancel out over the last tenth are none at the end', () => {
  const a = curveOf(Array.from({ length: 20 }, () => 3));
  const b = curveOf(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 2.5 : 3.5)));
  const { largest, atEnd } = differenceOf(a, b, 'loss');
  assert.deepEqual([largest, atEnd], [0.5, 0]);
});

test('curves of other lengths and losses that are no numbers are refused', () => {
  assert.throws(() => differenceOf(curveOf([1, 2]), curveOf([1]), 'loss'), /curves of 2 and 1 steps/);
  assert.throws(() => differenceOf([], [], 'loss'), /curves of 0 and 0 steps/);
  assert.throws(() => differenceOf(curveOf([1, 2]), curveOf([1, Number.NaN]), 'loss'), /step 2: loss is 2 and NaN/);
});

test('the drawing has a line for each curve, a point for each step, and text that is no markup', () => {
  const losses = [{ label: 'a <b> & c', color: '#111', width: 2, values: [4, 3, 2] }];
  const differences = [{ label: 'd', color: '#222', width: 1, dash: '4 2', values: [0, 1e-6, 1e-3] }];
  const svg = curvesSvg('x < y', losses, differences);
  const points = [...svg.matchAll(/<polyline [^>]*points="([^"]*)"/g)].map(([, list = '']) => list.split(' ').map((pair) => pair.split(',').map(Number)));
  assert.deepEqual(points.map((list) => list.length), [3, 2], 'a difference of 0 has no place on a logarithmic scale');
  assert.ok((points[0]?.[0]?.[1] ?? Number.NaN) < (points[0]?.[2]?.[1] ?? Number.NaN), 'a falling loss goes down');
  assert.ok((points[1]?.[0]?.[1] ?? Number.NaN) > (points[1]?.[1]?.[1] ?? Number.NaN), 'a growing difference goes up');
  assert.match(svg, /a &lt;b&gt; &amp; c/);
  assert.match(svg, /x &lt; y/);
});
