/**
 * GLUE's metrics as pure functions of predictions and references, in float64.
 * A metric that is undefined for its input (constant predictions, one row) is reported as 0 with a flag, never skipped.
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

/** Binary F1 of class 1; 0 where there is no positive at all among predictions and references or no true positive. */
export function f1(predictions: ArrayLike<number>, references: ArrayLike<number>): number {
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
  return truePositives === 0 ? 0 : (2 * truePositives) / (predicted + actual);
}

/**
 * Matthews correlation of any number of classes (Gorodkin, 2004, the form that scikit-learn computes), -1..1;
 * 0 where predictions or references are constant.
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

/** Pearson correlation, -1..1; undefined for fewer than two rows or a constant side. */
export function pearson(predictions: ArrayLike<number>, references: ArrayLike<number>): MetricResult {
  const n = checkLengths(predictions, references);
  let meanP = 0;
  let meanR = 0;
  let constantP = true;
  let constantR = true;
  for (let i = 0; i < n; i++) {
    meanP += (predictions[i] as number) / n;
    meanR += (references[i] as number) / n;
    if (predictions[i] !== predictions[0]) constantP = false;
    if (references[i] !== references[0]) constantR = false;
  }
  if (constantP || constantR) return undefinedMetric;
  let covariance = 0;
  let varianceP = 0;
  let varianceR = 0;
  for (let i = 0; i < n; i++) {
    const p = (predictions[i] as number) - meanP;
    const r = (references[i] as number) - meanR;
    covariance += p * r;
    varianceP += p * p;
    varianceR += r * r;
  }
  const correlation = covariance / (Math.sqrt(varianceP) * Math.sqrt(varianceR));
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

/** Spearman's rank correlation with average ranks for ties; undefined as Pearson is. */
export function spearman(predictions: ArrayLike<number>, references: ArrayLike<number>): MetricResult {
  checkLengths(predictions, references);
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
