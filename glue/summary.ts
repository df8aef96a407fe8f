/** Mean and deviation over seeds. */

/** Mean over `n` values, sample standard deviation (undefined for one value), and each value. */
export interface MetricSummary {
  readonly mean: number;
  readonly n: number;
  readonly standardDeviation: number | undefined;
  readonly values: readonly number[];
}

/** Summarizes at least one value; the unit is that of the values. */
export function summarize(values: readonly number[]): MetricSummary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, n: values.length, standardDeviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : undefined, values };
}
