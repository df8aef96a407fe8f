/** What a model that never looks at its input scores: the line under which a result says nothing. */
import { computeMetrics } from './metrics.js';
import type { GlueTask } from './tasks.js';

export interface MajorityBaseline {
  /** The class predicted everywhere (regression: the mean training score). */
  readonly prediction: number;
  /** Metrics on the evaluated references, 0..1. */
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Predicts the most frequent class of the training labels (the smaller number of equals; regression: their mean) for every
 * reference row and scores that. Both lists must be non-empty.
 */
export function majorityBaseline(task: Pick<GlueTask, 'kind' | 'labels'> & { readonly metrics: readonly string[] }, trainLabels: readonly number[], references: readonly number[]): MajorityBaseline {
  if (trainLabels.length === 0) throw new RangeError('a majority of no labels');
  let prediction: number;
  if (task.kind === 'regression') {
    prediction = trainLabels.reduce((sum, label) => sum + label, 0) / trainLabels.length;
  } else {
    const counts = task.labels.map((_, label) => trainLabels.filter((found) => found === label).length);
    prediction = counts.indexOf(Math.max(...counts));
  }
  const { values } = computeMetrics(task.metrics, references.map(() => prediction), references);
  return { prediction, metrics: values };
}

/**
 * The name of a collapse signature: scores that equal those of a constant prediction on the official dev set.
 * Metrics are 0..1; undefined where the result is not that of a collapsed model.
 */
export function collapseSignature(task: GlueTask, metrics: Readonly<Record<string, number>>, majority: MajorityBaseline): string | undefined {
  const equal = task.metrics.every((name) => {
    const value = metrics[name];
    return value !== undefined && Math.abs(value - (majority.metrics[name] ?? Number.NaN)) < 5e-4;
  });
  if (!equal) return undefined;
  return `scores what ${task.kind === 'regression' ? 'one score' : `"${task.labels[majority.prediction] ?? majority.prediction}"`} for every row scores`;
}
