import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/data/random.js';
import { metricsByName, metricValue } from '../metrics.js';
import type { MetricName } from '../tasks.js';
import { mcNemar } from './mcNemar.js';
import { pairedBootstrap } from './pairedBootstrap.js';
import { resampledMetric } from './resampledMetrics.js';

/** Random predictions and references, of classes or of scores with ties. */
function columns(random: Random, metric: MetricName, rows: number): { predictions: number[]; references: number[] } {
  const classes = metric === 'f1' ? 2 : 3;
  const one = metric === 'pearson' || metric === 'spearmanr' ? () => Math.round(random.uniform() * 12) / 4 : () => random.integer(classes);
  const references = Array.from({ length: rows }, one);
  return { references, predictions: references.map((value) => (random.uniform() < 0.5 ? value : one())) };
}

test('a metric on a resample is the metric of the rows repeated as often as they were drawn', () => {
  const random = new Random(7);
  for (const metric of ['accuracy', 'f1', 'matthews_correlation', 'pearson', 'spearmanr'] as const) {
    for (let round = 0; round < 60; round++) {
      const rows = 1 + random.integer(round < 20 ? 4 : 60);
      const { predictions, references } = columns(random, metric, rows);
      const weights = new Float64Array(rows);
      for (let i = 0; i < rows; i++) {
        const row = random.integer(rows);
        weights[row] = (weights[row] ?? 0) + 1;
      }
      const repeated = (values: readonly number[]): number[] => values.flatMap((value, i) => new Array<number>(weights[i] ?? 0).fill(value));
      const compute = metricsByName[metric] ?? assert.fail(metric);
      const expected = metricValue(compute(repeated(predictions), repeated(references)));
      const prepared = resampledMetric(metric, predictions, references);
      assert.ok(Math.abs(prepared(weights) - expected) < 1e-12, `${metric}: ${prepared(weights)} against ${expected}`);
      const whole = metricValue(compute(predictions, references));
      assert.ok(Math.abs(prepared(new Float64Array(rows).fill(1)) - whole) < 1e-12, 'prepared once, used twice');
    }
  }
});

test('the interval of a difference of accuracies is that of its standard error', () => {
  const random = new Random(11);
  const rows = 2000;
  const references = Array.from({ length: rows }, () => random.integer(2));
  const flipped = (share: number): number[] => references.map((label) => (random.uniform() < share ? 1 - label : label));
  const [good, bad] = [flipped(0.2), flipped(0.23)];
  const result = pairedBootstrap([{ rows, a: [resampledMetric('accuracy', good, references)], b: [resampledMetric('accuracy', bad, references)] }], 4000);
  const gains = references.map((label, i) => Number(good[i] === label) - Number(bad[i] === label));
  const average = gains.reduce((sum, gain) => sum + gain, 0) / rows;
  const error = Math.sqrt(gains.reduce((sum, gain) => sum + (gain - average) ** 2, 0) / rows / rows);
  assert.ok(Math.abs(result.difference - average) < 1e-12);
  assert.ok(Math.abs(result.low - (average - 1.96 * error)) < 0.15 * error && Math.abs(result.high - (average + 1.96 * error)) < 0.15 * error, JSON.stringify({ ...result, average, error }));
  // The p of the normal distribution, from its tail by simulation of the same z.
  const z = average / error;
  let beyond = 0;
  for (let i = 0; i < 200_000; i++) if (Math.abs(random.normal()) >= Math.abs(z)) beyond += 1;
  assert.ok(Math.abs(result.p - beyond / 200_000) < 0.03, `${result.p} against ${beyond / 200_000}`);
  assert.deepEqual(pairedBootstrap([{ rows, a: [resampledMetric('accuracy', good, references)], b: [resampledMetric('accuracy', bad, references)] }], 4000), result, 'the same call, the same result');
});

test('seeds are chance too: a difference that one of three seeds makes is not significant', () => {
  const rows = 1000;
  const references = new Array<number>(rows).fill(1);
  const run = (right: number) => resampledMetric('accuracy', references.map((_, i) => (i < right ? 1 : 0)), references);
  const steady = pairedBootstrap([{ rows, a: [run(800), run(800), run(800)], b: [run(770), run(770), run(770)] }]);
  const oneLucky = pairedBootstrap([{ rows, a: [run(860), run(770), run(770)], b: [run(770), run(770), run(770)] }]);
  assert.ok(Math.abs(steady.difference - oneLucky.difference) < 1e-12 && Math.abs(steady.difference - 0.03) < 1e-12);
  assert.ok(steady.p <= 0.001 && oneLucky.p > 0.3, `${steady.p} and ${oneLucky.p}`);
});

test('equal systems have difference 0 and p 1; two sets are averaged', () => {
  const references = [0, 1, 1, 0, 1];
  const same = resampledMetric('accuracy', [0, 1, 0, 0, 1], references);
  assert.deepEqual(pairedBootstrap([{ rows: 5, a: [same], b: [same] }], 100), { difference: 0, low: 0, high: 0, p: 1, resamples: 100 });
  const right = resampledMetric('accuracy', references, references);
  const wrong = resampledMetric('accuracy', references.map((label) => 1 - label), references);
  assert.equal(pairedBootstrap([{ rows: 5, a: [right], b: [wrong] }, { rows: 5, a: [right], b: [right] }], 100).difference, 0.5);
});

test('McNemar\'s exact test has the textbook\'s values, also for thousands of differing rows', () => {
  const pair = (onlyA: number, onlyB: number, both = 7) => {
    const references = new Array<number>(onlyA + onlyB + both).fill(1);
    return mcNemar(references.map((_, i) => (i < onlyA || i >= onlyA + onlyB ? 1 : 0)), references.map((_, i) => (i >= onlyA ? 1 : 0)), references);
  };
  assert.deepEqual(pair(0, 0), { onlyA: 0, onlyB: 0, p: 1 });
  // 2 (1 + 6) / 2^6 and 2 (1 + 10 + 45) / 2^10.
  assert.ok(Math.abs(pair(1, 5).p - 14 / 64) < 1e-12);
  assert.ok(Math.abs(pair(8, 2).p - 112 / 1024) < 1e-12);
  assert.equal(pair(4, 4).p, 1);
  const many = pair(1600, 1500);
  // The normal approximation with continuity correction: z = 99 / sqrt(3100), two-sided 0.0754.
  assert.ok(Math.abs(many.p - 0.0754) < 0.001, String(many.p));
  assert.throws(() => mcNemar([1], [1, 0], [1, 0]), RangeError);
});
