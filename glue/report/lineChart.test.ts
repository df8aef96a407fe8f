import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LineChart, lineChart, roundTicks, tickText } from './lineChart.js';

const ticks: readonly [low: number, high: number, count: number, expected: readonly number[]][] = [
  [0, 100, 5, [0, 20, 40, 60, 80, 100]],
  [6.4, 8.24, 5, [6, 6.5, 7, 7.5, 8, 8.5]],
  [0, 0.001, 4, [0, 0.0005, 0.001]],
  [0, 0.7, 7, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]],
  [0.4, 1, 3, [0.4, 0.6, 0.8, 1]],
  [-3, 3, 3, [-4, -2, 0, 2, 4]],
  [0, 0, 4, [0, 0.5]],
  [2.5, 2.5, 5, [2.5, 3]],
];
for (const [low, high, count, expected] of ticks) test(`ticks from ${low} to ${high} are round and reach beyond both`, () => assert.deepEqual(roundTicks(low, high, count), expected));

test('numbers at ticks are short', () => {
  assert.deepEqual([0, 6.5, 1500, 15000, 2_500_000, 0.0004, 0.05, -20].map(tickText), ['0', '6.5', '1500', '15k', '2.5M', '4e\u22124', '0.05', '-20']);
});

const chart: LineChart = {
  label: 'a <label>',
  series: [
    { name: 'main', color: 7, points: [[0, 10], [50, 20], [100, 0]], dots: true },
    { name: 'behind & before', color: 0, points: [[0, 20], [100, 20]], faint: true },
  ],
  levels: [{ name: 'chance', value: 5 }, { name: 'almost the same', value: 5.1 }],
  width: 170,
  height: 150,
  xText: String,
  yText: (y) => `${y} %`,
  xUnit: 'steps',
};

/** The drawing's area: x from 56 to 156, y from 110 (at 0) up to 10 (at 20). */
test('points lie where the axes say: lines, dots and levels', () => {
  const svg = lineChart(chart);
  assert.match(svg, /<polyline class="c1" points="56\.0,60\.0 106\.0,10\.0 156\.0,110\.0">/);
  assert.match(svg, /<circle class="point c1" cx="106\.0" cy="10\.0" r="3\.5"><title>main, 50 steps: 20 %<\/title>/);
  assert.match(svg, /<line class="level" x1="56" x2="156" y1="85\.0" y2="85\.0"\/>/);
  assert.match(svg, />chance: 5 %<\/text>/);
  assert.doesNotMatch(svg, /almost the same/);
});

test('thin lines come first, so that the others lie over them; text from data is escaped', () => {
  const svg = lineChart(chart);
  assert.ok(svg.indexOf('behind &amp; before') < svg.indexOf('>main<'));
  assert.match(svg, /aria-label="a &lt;label&gt;"/);
});

test('the axis has the values to include, and fewer than two points are no drawing', () => {
  const series = [{ name: 'one', color: 0, points: [[0, 50], [10, 60]] as const }];
  assert.match(lineChart({ ...chart, levels: [], series, include: [100] }), />100 %<\/text>/);
  assert.doesNotMatch(lineChart({ ...chart, levels: [], series }), />100 %<\/text>/);
  assert.equal(lineChart({ ...chart, series: [{ name: 'one', color: 0, points: [[3, 1]] }] }), '');
});
