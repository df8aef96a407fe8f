/** Finds out, where a model does not name its labels, whether they were taken in the wrong order. */
import type { TaskSpec } from './taskSpec.js';

/** Rows by the model's class (first index) and the task's gold class (second index). */
export type ConfusionMatrix = readonly (readonly number[])[];

/** One order of the labels and how well the model does with it. */
export interface LabelOrder {
  /** The model's class of each class of the task. */
  readonly labelMap: readonly number[];
  /** Share of rows that are right, 0..1. */
  readonly accuracy: number;
}

/** By how much another order must be better to be believed: in accuracy, and in standard errors. */
const farBetter = { accuracy: 0.1, standardErrors: 4 } as const;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** An empty matrix for so many classes, to be filled by `countRows`. */
export function emptyConfusionMatrix(numLabels: number): number[][] {
  return Array.from({ length: numLabels }, () => new Array<number>(numLabels).fill(0));
}

/** Adds rows to a matrix. @param predictions the model's class of each row @param gold the task's class of each row; rows without one are left out */
export function countRows(confusion: number[][], predictions: ArrayLike<number>, gold: readonly (number | undefined)[]): void {
  gold.forEach((label, i) => {
    const row = confusion[predictions[i] ?? -1];
    if (row !== undefined && label !== undefined) row[label] = (row[label] ?? 0) + 1;
  });
}

function permutations(values: readonly number[]): number[][] {
  if (values.length === 0) return [[]];
  return values.flatMap((value) => permutations(values.filter((other) => other !== value)).map((rest) => [value, ...rest]));
}

/**
 * The order of the labels by which the model is right most often, where it is far better than the one taken: by more than
 * 10 points of accuracy and 4 standard errors. The error is that of McNemar's test, of two ways to read the same predictions:
 * of the rows that only one of them gets right, each has as many if they are equally good. And the model must agree with the
 * gold labels by more than 4 standard errors beyond chance (as Cohen's kappa counts it): one that always answers the same
 * class, or tosses a coin, says nothing about its labels. Undefined where there is none, and for other than 2 or 3 classes.
 * @param taken the model's class of each class of the task, as the model was scored
 */
export function betterOrder(confusion: ConfusionMatrix, taken: readonly number[]): LabelOrder | undefined {
  const classes = taken.length;
  if (classes < 2 || classes > 3) return undefined;
  const count = (predicted: number | undefined, gold: number): number => confusion[predicted ?? -1]?.[gold] ?? 0;
  const predicted = confusion.map(sum);
  const gold = taken.map((_, label) => sum(taken.map((row) => count(row, label))));
  const rows = sum(gold);
  const right = (labelMap: readonly number[]): number => sum(labelMap.map(count));
  const best = permutations([...taken].sort((a, b) => a - b)).reduce((a, b) => (right(b) > right(a) ? b : a), [...taken]);
  const gain = right(best) - right(taken);
  const differing = sum(best.map((row, label) => (row === taken[label] ? 0 : count(row, label) + count(taken[label], label))));
  const chance = sum(best.map((row, label) => ((predicted[row] ?? 0) * (gold[label] ?? 0)) / rows));
  const beyondChance = right(best) - chance;
  const { accuracy, standardErrors } = farBetter;
  const believed = gain > accuracy * rows && gain > standardErrors * Math.sqrt(differing) && beyondChance > standardErrors * Math.sqrt(chance * (1 - chance / rows));
  return believed ? { labelMap: best, accuracy: right(best) / rows } : undefined;
}

/** A warning that names the flag and its value, where `betterOrder` finds another order. */
export function labelOrderWarning(spec: TaskSpec, confusion: ConfusionMatrix, taken: readonly number[]): string | undefined {
  const better = betterOrder(confusion, taken);
  if (better === undefined) return undefined;
  const named = (labelMap: readonly number[]): string[] => labelMap.map((_, output) => spec.labels[labelMap.indexOf(output)] ?? '');
  const rows = sum(confusion.map(sum));
  const accuracy = sum(taken.map((row, label) => confusion[row]?.[label] ?? 0)) / rows;
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  return `the model does not name its labels; taken as ${named(taken).join(', ')} it is right in ${percent(accuracy)} of ${rows} rows, as ${named(better.labelMap).join(', ')} in ${percent(better.accuracy)}. If that is the order of its outputs, give --label-order ${named(better.labelMap).join(',')}`;
}
