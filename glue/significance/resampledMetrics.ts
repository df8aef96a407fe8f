/** GLUE's metrics on resamples of the same rows: each row counts as often as it was drawn. */
import type { MetricName } from '../tasks.js';

/** The value on a resample, 0 where it is undefined. `weights[i]`: how often row i was drawn. */
export type ResampledMetric = (weights: Float64Array) => number;

/**
 * A metric of one run, prepared so that a resample costs time in proportion to the rows.
 * On weights that are all 1 it is what metrics.ts gives; on others what it gives with each row repeated.
 */
export function resampledMetric(name: MetricName, predictions: ArrayLike<number>, references: ArrayLike<number>): ResampledMetric {
  switch (name) {
    case 'accuracy':
      return (weights) => shareOf(weights, (i) => predictions[i] === references[i]);
    case 'f1':
      return (weights) => {
        let [truePositives, positives] = [0, 0];
        for (let i = 0; i < weights.length; i++) {
          const [p, r, w] = [predictions[i] === 1 ? 1 : 0, references[i] === 1 ? 1 : 0, weights[i] as number];
          truePositives += w * p * r;
          positives += w * (p + r);
        }
        return positives === 0 ? 0 : (2 * truePositives) / positives;
      };
    case 'matthews_correlation':
      return matthews(predictions, references);
    case 'pearson':
      return (weights) => correlation(weights, predictions, references);
    case 'spearmanr': {
      const [rankPredictions, rankReferences] = [ranker(predictions), ranker(references)];
      return (weights) => correlation(weights, rankPredictions(weights), rankReferences(weights));
    }
  }
}

function shareOf(weights: Float64Array, holds: (i: number) => boolean): number {
  let [part, whole] = [0, 0];
  for (let i = 0; i < weights.length; i++) {
    whole += weights[i] as number;
    if (holds(i)) part += weights[i] as number;
  }
  return part / whole;
}

function matthews(predictions: ArrayLike<number>, references: ArrayLike<number>): ResampledMetric {
  const classes = 1 + Math.max(0, ...new Set([...Array.from(predictions), ...Array.from(references)]));
  return (weights) => {
    const [predicted, actual] = [new Float64Array(classes), new Float64Array(classes)];
    let [correct, whole] = [0, 0];
    for (let i = 0; i < weights.length; i++) {
      const [p, r, w] = [predictions[i] as number, references[i] as number, weights[i] as number];
      predicted[p] = (predicted[p] as number) + w;
      actual[r] = (actual[r] as number) + w;
      whole += w;
      if (p === r) correct += w;
    }
    let [cross, predictedSquares, actualSquares] = [0, 0, 0];
    for (let label = 0; label < classes; label++) {
      const [p, r] = [predicted[label] as number, actual[label] as number];
      cross += p * r;
      predictedSquares += p * p;
      actualSquares += r * r;
    }
    const denominator = Math.sqrt((whole * whole - predictedSquares) * (whole * whole - actualSquares));
    return denominator > 0 ? (correct * whole - cross) / denominator : 0;
  };
}

/** Weighted Pearson correlation; 0 where a side is constant. */
function correlation(weights: Float64Array, xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  let [whole, sumX, sumY] = [0, 0, 0];
  for (let i = 0; i < weights.length; i++) {
    const w = weights[i] as number;
    whole += w;
    sumX += w * (xs[i] as number);
    sumY += w * (ys[i] as number);
  }
  const [meanX, meanY] = [sumX / whole, sumY / whole];
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < weights.length; i++) {
    const [w, x, y] = [weights[i] as number, (xs[i] as number) - meanX, (ys[i] as number) - meanY];
    xx += w * x * x;
    yy += w * y * y;
    xy += w * x * y;
  }
  const value = xy / Math.sqrt(xx * yy);
  return Number.isFinite(value) ? value : 0;
}

/** Average ranks of the drawn rows: the order is found once, a resample only adds up its weights. */
function ranker(values: ArrayLike<number>): (weights: Float64Array) => Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Float64Array(values.length);
  return (weights) => {
    let below = 0;
    for (let start = 0; start < order.length; ) {
      let [end, tied] = [start, 0];
      while (end < order.length && values[order[end] as number] === values[order[start] as number]) tied += weights[order[end++] as number] as number;
      for (let i = start; i < end; i++) ranks[order[i] as number] = below + (tied + 1) / 2;
      below += tied;
      start = end;
    }
    return ranks;
  };
}
