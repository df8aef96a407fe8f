/** Runs a classifier over encoded rows and scores what comes out. */
import * as tf from '@tensorflow/tfjs';
import { computeMetrics } from '../glue/metrics.js';
import { engineInfo, setMatmulPrecision } from '../src/engine/index.js';
import type { SequenceClassificationModel } from '../src/models/index.js';
import { evaluationBatches } from './batches.js';
import { breathe, type EncodedRow, packRows } from './encodeSplit.js';
import type { TaskSpec } from './taskSpec.js';

export interface ClassifierOutput {
  /** [rows, numLabels], in the order of the rows given. */
  readonly logits: Float32Array;
  readonly numLabels: number;
}

/** Logits of all rows, without dropout, in full precision. Throws InterruptedError where `signal` is aborted in between. */
export async function classify(model: SequenceClassificationModel, encoded: readonly EncodedRow[], batchSize: number, signal?: AbortSignal): Promise<ClassifierOutput> {
  const { numLabels } = model;
  const logits = new Float32Array(encoded.length * numLabels);
  const before = engineInfo().matmulPrecision;
  setMatmulPrecision('highest');
  try {
    for (const positions of evaluationBatches(encoded, batchSize)) {
      await breathe(signal);
      const batch = packRows(encoded, positions);
      const output = tf.tidy(() => model.packedLogits(batch, { training: false }));
      const values = await output.data();
      output.dispose();
      positions.forEach((position, i) => {
        logits.set(values.subarray(i * numLabels, (i + 1) * numLabels), position * numLabels);
      });
    }
  } finally {
    setMatmulPrecision(before);
  }
  return { logits, numLabels };
}

/** The largest logit's class of each row; the first of equals. */
export function argmaxRows({ logits, numLabels }: ClassifierOutput): Int32Array {
  const classes = new Int32Array(logits.length / numLabels);
  for (let row = 0; row < classes.length; row++) {
    let best = 0;
    for (let c = 1; c < numLabels; c++) if ((logits[row * numLabels + c] ?? 0) > (logits[row * numLabels + best] ?? 0)) best = c;
    classes[row] = best;
  }
  return classes;
}

/** Softmax of one row, in float64. */
export function probabilities(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const top = Math.max(...values);
  const exponentials = values.map((value) => Math.exp(value - top));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

export interface Scores {
  /** Mean cross-entropy, or mean squared error. */
  readonly loss: number;
  /** By result-file name, 0..1. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Names of metrics that are undefined for these predictions and stand as 0. */
  readonly undefinedMetrics: readonly string[];
}

/**
 * Loss and metrics of outputs against the rows' labels, in float64.
 * Predictions are mapped back to the task's classes, because F1's positive class is the task's, not the model's.
 * @param labelMap the model's class of each class of the task
 */
export function score(spec: TaskSpec, output: ClassifierOutput, encoded: readonly EncodedRow[], labelMap: readonly number[] | undefined): Scores {
  const { logits, numLabels } = output;
  const rows = encoded.length;
  let loss = 0;
  if (spec.kind === 'regression' || labelMap === undefined) {
    encoded.forEach((row, i) => {
      loss += ((logits[i] ?? 0) - row.label) ** 2 / rows;
    });
    const { values, undefinedMetrics } = computeMetrics(spec.metrics, logits, encoded.map((row) => row.label));
    return { loss, metrics: values, undefinedMetrics };
  }
  encoded.forEach((row, i) => {
    loss -= Math.log(Math.max(Number.MIN_VALUE, probabilities(logits.subarray(i * numLabels, (i + 1) * numLabels))[row.label] ?? 0)) / rows;
  });
  const toTask = (modelClass: number): number => labelMap.indexOf(modelClass);
  const predictions = Array.from(argmaxRows(output), toTask);
  const { values, undefinedMetrics } = computeMetrics(spec.metrics, predictions, encoded.map((row) => toTask(row.label)));
  return { loss, metrics: values, undefinedMetrics };
}

/** Scores with the names of result files: eval_loss, eval_accuracy, …, each ending in `suffix`. */
export function evalEntries(scores: Scores, suffix: string): Record<string, number> {
  return Object.fromEntries([['loss', scores.loss] as const, ...Object.entries(scores.metrics)].map(([name, value]) => [`eval_${name}${suffix}`, value]));
}
