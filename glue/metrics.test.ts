import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accuracy, averageRanks, computeMetrics, f1, matthewsCorrelation, metricValue, pearson, spearman } from './metrics.js';

const near = (actual: number, expected: number): void => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} against ${expected}`);

describe('accuracy', () => {
  test('is the share of equal entries', () => near(accuracy([1, 0, 2, 1], [1, 1, 2, 0]), 0.5));
  test('refuses lists of unequal length and empty lists', () => {
    assert.throws(() => accuracy([1], [1, 0]), /1 predictions against 2 references/);
    assert.throws(() => accuracy([], []), /no rows/);
  });
});

describe('F1', () => {
  // 2 true positives, 1 false positive, 2 false negatives: precision 2/3, recall 1/2, F1 = 4/7.
  test('is the harmonic mean of precision and recall of class 1', () => near(metricValue(f1([1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 1, 0])), 4 / 7));
  test('is undefined without positives anywhere, reported as 0', () => assert.deepEqual(f1([0, 0], [0, 0]), { value: 0, undefined: true }));
  test('is 0 where every positive is missed', () => assert.equal(f1([0, 0], [1, 1]), 0));
  test('of always predicting the majority of MRPC dev (279 of 408) is .812', () => {
    const references = Array.from({ length: 408 }, (_, i) => (i < 279 ? 1 : 0));
    assert.equal(metricValue(f1(references.map(() => 1), references)).toFixed(3), '0.812');
  });
});

describe('Matthews correlation', () => {
  // Confusion counts TP 6, TN 3, FP 1, FN 2: (18 - 2) / sqrt(7 * 8 * 4 * 5) = 16 / sqrt(1120).
  const predictions = [1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0];
  const references = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1];
  test('of two classes is the phi coefficient', () => near(matthewsCorrelation(predictions, references), 16 / Math.sqrt(1120)));
  // Three classes, worked by hand: n 6, correct 4, cross sum 12, sums of squares 12 and 14: (24 - 12) / sqrt(24 * 22).
  test('of three classes follows the multi-class form', () => near(matthewsCorrelation([0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 0]), 12 / Math.sqrt(24 * 22)));
  test('of constant predictions is 0', () => assert.equal(matthewsCorrelation([1, 1, 1], [1, 0, 1]), 0));
  test('of perfect and inverted predictions is 1 and -1', () => {
    near(matthewsCorrelation([0, 1, 1], [0, 1, 1]), 1);
    near(matthewsCorrelation([1, 0, 0], [0, 1, 1]), -1);
  });
});

describe('Pearson and Spearman', () => {
  // Means 2 and 10/3: covariance 3, squares 2 and 14/3: 3 / sqrt(28 / 3).
  test('Pearson of a hand-worked case', () => near(metricValue(pearson([1, 2, 3], [2, 3, 5])), 3 / Math.sqrt(28 / 3)));
  test('Spearman sees order only', () => near(metricValue(spearman([1, 10, 100], [2, 3, 50])), 1));
  test('ties share the mean of their ranks', () => assert.deepEqual([...averageRanks([5, 1, 5, 3])], [3.5, 1, 3.5, 2]));
  // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
  test('Spearman with ties', () => near(metricValue(spearman([1, 2, 2, 3], [1, 2, 3, 4])), 4.5 / Math.sqrt(4.5 * 5)));
  test('constant predictions and single rows are undefined, reported as 0', () => {
    assert.deepEqual(pearson([2.5, 2.5, 2.5], [1, 2, 3]), { value: 0, undefined: true });
    assert.deepEqual(spearman([1], [4]), { value: 0, undefined: true });
  });
  test('values that are not finite have no Pearson correlation; infinities have ranks, NaN has none', () => {
    assert.deepEqual(pearson([1, Number.POSITIVE_INFINITY, 2], [1, 3, 2]), { value: 0, undefined: true });
    near(metricValue(spearman([1, Number.POSITIVE_INFINITY, 2], [1, 3, 2])), 1);
    assert.deepEqual(spearman([1, Number.NaN, 2], [1, 3, 2]), { value: 0, undefined: true });
  });
  test('squares out of the range of float64 lose nothing', () => {
    near(metricValue(pearson([1e300, 2e300, 3e300], [2e-310, 3e-310, 5e-310])), 3 / Math.sqrt(28 / 3));
    near(metricValue(pearson([-Number.MAX_VALUE, Number.MAX_VALUE], [0, Number.MIN_VALUE])), 1);
  });
  test('constant predictions that do not sum exactly are still undefined', () => {
    assert.deepEqual(pearson([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], [1, 2, 3, 4, 5, 6, 8]), { value: 0, undefined: true });
  });
});

describe('metrics by name', () => {
  test('combined_score is the mean of two metrics and absent for one', () => {
    const both = computeMetrics(['accuracy', 'f1'], [1, 1, 0, 0], [1, 0, 0, 1]);
    near(both.values['combined_score'] ?? Number.NaN, 0.5);
    assert.equal('combined_score' in computeMetrics(['accuracy'], [1], [1]).values, false);
  });
  test('undefined metrics are named', () => assert.deepEqual(computeMetrics(['pearson', 'spearmanr'], [1, 1], [0, 5]).undefinedMetrics, ['pearson', 'spearmanr']));
  test('an unknown name, a property of Object included, throws', () => assert.throws(() => computeMetrics(['constructor'], [1], [1]), /unknown metric/));
});
