/** Predictions as rows, as JSON lines and as the table that run_glue.py writes. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import { argmaxRows, type ClassifierOutput, probabilities } from './classify.js';
import type { EncodedRow } from './encodeSplit.js';
import type { Prediction } from './options.js';
import type { TaskSpec, TaskSplit } from './taskSpec.js';

/**
 * One prediction a row, in the rows' order.
 * @param labels the names of the model's classes in its order; undefined for regression
 * @param withGold beside each prediction the row's gold label by the same name; the rows' classes must be the model's
 */
export function toPredictions(output: ClassifierOutput, encoded: readonly EncodedRow[], labels: readonly string[] | undefined, withGold = false): Prediction[] {
  const { logits, numLabels } = output;
  const classes = argmaxRows(output);
  return encoded.map(({ index, label }, i) => {
    const row = Array.from(logits.subarray(i * numLabels, (i + 1) * numLabels));
    const gold = !withGold || Number.isNaN(label) ? {} : { label: labels?.[label] ?? label };
    if (labels === undefined) return { index, prediction: row[0] ?? Number.NaN, logits: row, ...gold };
    const chosen = classes[i] ?? 0;
    return { index, prediction: labels[chosen] ?? String(chosen), score: probabilities(row)[chosen] ?? Number.NaN, logits: row, ...gold };
  });
}

/** One JSON object a line. */
export function predictionLines(predictions: readonly Prediction[]): string {
  return predictions.map((prediction) => `${JSON.stringify(prediction)}\n`).join('');
}

/** `index<TAB>prediction` under a header; numbers with three decimals. */
function predictionTable(predictions: readonly Prediction[]): string {
  const cell = (value: string | number): string => (typeof value === 'number' ? value.toFixed(3) : value);
  return `index\tprediction\n${predictions.map(({ index, prediction }) => `${index}\t${cell(prediction)}\n`).join('')}`;
}

/** Writes predictions/<split>.jsonl below `directory` and, with `table`, predict_results_<task>.txt (`mnli-mm` for the mismatched set, `ax`). */
export async function writePredictionFiles(directory: string, spec: TaskSpec, split: TaskSplit, predictions: readonly Prediction[], table: boolean): Promise<void> {
  const folder = path.join(directory, 'predictions');
  await mkdir(folder, { recursive: true });
  writeFileAtomic(path.join(folder, `${split.name}.jsonl`), predictionLines(predictions));
  if (!table) return;
  const name = split.name === 'ax' ? 'ax' : `${spec.name}${split.suffix === '' ? '' : '-mm'}`;
  writeFileAtomic(path.join(directory, `predict_results_${name}.txt`), predictionTable(predictions));
}
