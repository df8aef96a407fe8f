import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { computeMetrics, metricsByName } from './metrics.js';

/** Columns written out, or made from whole numbers: start + step * ((factor * i * i + i) mod modulus). */
interface Sequence {
  readonly factor: number;
  readonly modulus: number;
  readonly step: number;
  readonly start: number;
}

type Column = readonly (number | 'NaN' | 'Infinity' | '-Infinity')[];

interface MetricCase {
  readonly name: string;
  readonly expected: Readonly<Record<string, number | 'undefined'>>;
  readonly predictions?: Column;
  readonly references?: Column;
  readonly rows?: number;
  readonly predictionSequence?: Sequence;
  readonly referenceSequence?: Sequence;
}

// Compiled to dist/glue; the fixture stays beside the source. Made by scripts/goldens/makeMetricFixtures.py.
const file = path.resolve(import.meta.dirname, '../../glue/fixtures/metrics.json');
const { cases, versions } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly MetricCase[]; readonly versions: Readonly<Record<string, string>> };

function column(values: Column | undefined, sequence: Sequence | undefined, rows = 0): number[] {
  if (sequence === undefined) return (values ?? []).map(Number);
  const { factor, modulus, step, start } = sequence;
  return Array.from({ length: rows }, (_, i) => start + step * ((factor * i * i + i) % modulus));
}

describe(`metrics as scikit-learn ${versions['scikit-learn']} and scipy ${versions['scipy']} compute them, to 1e-12`, () => {
  test('every metric stands in the fixture, with and without a value where it can lack one', () => {
    const values = (name: string): unknown[] => cases.flatMap(({ expected }) => (name in expected ? [expected[name]] : []));
    for (const name of Object.keys(metricsByName)) assert.ok(values(name).length >= 20, name);
    for (const name of ['f1', 'pearson', 'spearmanr']) assert.ok(values(name).includes('undefined'), name);
  });
  for (const { name, expected, ...columns } of cases) {
    test(name, () => {
      const predictions = column(columns.predictions, columns.predictionSequence, columns.rows);
      const references = column(columns.references, columns.referenceSequence, columns.rows);
      const { values, undefinedMetrics } = computeMetrics(Object.keys(expected), predictions, references);
      for (const [metric, value] of Object.entries(expected)) {
        const actual = values[metric] ?? Number.NaN;
        assert.equal(undefinedMetrics.includes(metric), value === 'undefined', `${metric} is ${actual}, undefined: ${undefinedMetrics.includes(metric)}; expected ${value}`);
        if (value === 'undefined') assert.equal(actual, 0, metric);
        else assert.ok(Math.abs(actual - value) <= 1e-12, `${metric} is ${actual}, expected ${value}`);
      }
    });
  }
});
