/**
 * GLUE's metrics as pure functions of predictions and references, in float64.
 * A metric that is undefined for its input (constant predictions, one row) is reported as 0 with a flag, never skipped.
 * Values and what counts as undefined are scikit-learn's (accuracy, F1, Matthews) and scipy's (Pearson, Spearman).
 */

/** A metric's value where it is mathematically undefined. */
export interface UndefinedMetric {
  readonly value: 0;
  readonly undefined: true;
}

export type MetricResult = number | UndefinedMetric;

const undefinedMetric: UndefinedMetric = { value: 0, undefined: true };

/** The number to report: the value, or 0 where it is undefined. */
export function metricValue(result: MetricResult): number {
  return typeof result === 'number' ? result : result.value;
}

function checkLengths(predictions: ArrayLike<number>, references: ArrayLike<number>): number {
  if (predictions.length !== references.length) {
    throw new RangeError(`${predictions.length} predictions against ${references.length} references`);
  }
  if (predictions.length === 0) throw new RangeError('a metric of no rows');
  return predictions.length;
}

/** Share of equal entries, 0..1. */
export function accuracy(predictions: ArrayLike<number>, references: ArrayLike<number>): number {
  const n = checkLengths(predictions, references);
  let correct = 0;
  for (let i = 0; i < n; i++) if (predictions[i] === references[i]) correct += 1;
  return correct / n;
}

/** Binary F1 of class 1, 0..1: 0 where no positive is found; undefined where there is none among predictions and references. */
export function f1(predictions: ArrayLike<number>, references: ArrayLike<number>): MetricResult {
  const n = checkLengths(predictions, references);
  let truePositives = 0;
  let predicted = 0;
  let actual = 0;
  for (let i = 0; i < n; i++) {
    const p = predictions[i] === 1;
    const r = references[i] === 1;
    if (p) predicted += 1;
    if (r) actual += 1;
    if (p && r) truePositives += 1;
  }
  return predicted + actual === 0 ? undefinedMetric : (2 * truePositives) / (predicted + actual);
}

/**
 * Matthews correlation of any number of classes (Gorodkin, 2004, the form that scikit-learn computes), -1..1;
 * 0 by definition, as scikit-learn has it, where predictions or references are constant.
 */
export function matthewsCorrelation(predictions: ArrayLike<number>, references: ArrayLike<number>): number {
  const n = checkLengths(predictions, references);
  const predicted = new Map<number, number>();
  const actual = new Map<number, number>();
  let correct = 0;
  for (let i = 0; i < n; i++) {
    const p = predictions[i] as number;
    const r = references[i] as number;
    predicted.set(p, (predicted.get(p) ?? 0) + 1);
    actual.set(r, (actual.get(r) ?? 0) + 1);
    if (p === r) correct += 1;
  }
  let cross = 0;
  let predictedSquares = 0;
  let actualSquares = 0;
  for (const [label, count] of predicted) {
    cross += count * (actual.get(label) ?? 0);
    predictedSquares += count * count;
  }
  for (const count of actual.values()) actualSquares += count * count;
  const denominator = Math.sqrt((n * n - predictedSquares) * (n * n - actualSquares));
  return denominator === 0 ? 0 : (correct * n - cross) / denominator;
}

/** Sum of `term(i)` for i below `n`, with the rounding errors of the additions added at the end (Neumaier, 1974). */
function compensatedSum(n: number, term: (i: number) => number): number {
  let sum = 0;
  let lost = 0;
  for (let i = 0; i < n; i++) {
    const value = term(i);
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}

/**
 * Differences from the mean, up to a common factor; undefined where all values are the same or one is not finite.
 * Scaled by a power of two, which rounds nothing, so that sums and squares of huge and of tiny values stay in range; and
 * the mean is taken twice, because for values far from zero the first one's rounding error is as large as the differences.
 */
function centred(values: ArrayLike<number>): Float64Array | undefined {
  const centre = Float64Array.from(values);
  let largest = 0;
  let constant = true;
  for (const value of centre) {
    if (!Number.isFinite(value)) return undefined;
    if (value !== centre[0]) constant = false;
    largest = Math.max(largest, Math.abs(value));
  }
  if (constant) return undefined;
  const exponent = Math.max(-1022, Math.min(1022, Math.floor(Math.log2(largest))));
  for (let i = 0; i < centre.length; i++) centre[i] = (centre[i] as number) * 2 ** -exponent;
  for (let pass = 0; pass < 2; pass++) {
    const mean = compensatedSum(centre.length, (i) => centre[i] as number) / centre.length;
    for (let i = 0; i < centre.length; i++) centre[i] = (centre[i] as number) - mean;
  }
  return centre;
}

/** Pearson correlation, -1..1; undefined for fewer than two rows, a constant side, and values that are not finite. */
export function pearson(predictions: ArrayLike<number>, references: ArrayLike<number>): MetricResult {
  const n = checkLengths(predictions, references);
  const p = centred(predictions);
  const r = centred(references);
  if (p === undefined || r === undefined) return undefinedMetric;
  const products = (a: Float64Array, b: Float64Array): number => compensatedSum(n, (i) => (a[i] as number) * (b[i] as number));
  const correlation = products(p, r) / (Math.sqrt(products(p, p)) * Math.sqrt(products(r, r)));
  return Math.max(-1, Math.min(1, correlation));
}

/** Ranks from 1, ties sharing the mean of their ranks. */
export function averageRanks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Float64Array(values.length);
  let start = 0;
  while (start < order.length) {
    let end = start + 1;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end += 1;
    for (let i = start; i < end; i++) ranks[order[i] as number] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/** Spearman's rank correlation with average ranks for ties; undefined for fewer than two rows, a constant side, and a NaN. */
export function spearman(predictions: ArrayLike<number>, references: ArrayLike<number>): MetricResult {
  const n = checkLengths(predictions, references);
  for (let i = 0; i < n; i++) if (Number.isNaN(predictions[i]) || Number.isNaN(references[i])) return undefinedMetric;
  return pearson(averageRanks(predictions), averageRanks(references));
}

/** The metrics by the names that result files use. */
export const metricsByName: Readonly<Record<string, (predictions: ArrayLike<number>, references: ArrayLike<number>) => MetricResult>> = {
  accuracy,
  f1,
  matthews_correlation: matthewsCorrelation,
  pearson,
  spearmanr: spearman,
};

export interface ComputedMetrics {
  /** Each metric by its result-file name, and `combined_score` (their mean) where there are two. */
  readonly values: Readonly<Record<string, number>>;
  /** Names of metrics that were undefined and stand as 0. */
  readonly undefinedMetrics: readonly string[];
}

/** All metrics of a list of names; `combined_score` is their mean where there is more than one. */
export function computeMetrics(names: readonly string[], predictions: ArrayLike<number>, references: ArrayLike<number>): ComputedMetrics {
  const values: Record<string, number> = {};
  const undefinedMetrics: string[] = [];
  for (const name of names) {
    const metric = Object.hasOwn(metricsByName, name) ? metricsByName[name] : undefined;
    if (metric === undefined) throw new RangeError(`unknown metric "${name}"; known: ${Object.keys(metricsByName).join(', ')}`);
    const result = metric(predictions, references);
    if (typeof result !== 'number') undefinedMetrics.push(name);
    values[name] = metricValue(result);
  }
  if (names.length > 1) values['combined_score'] = names.reduce((sum, name) => sum + (values[name] ?? 0), 0) / names.length;
  return { values, undefinedMetrics };
}

/** The metrics as the library exports them. */
export const metrics = { accuracy, f1, matthewsCorrelation, pearson, spearman } as const;
