/** A run's predictions of the dev rows beside their gold labels, as fine-tuning leaves them in predictions/. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { classNumbers, type GlueTask } from '../tasks.js';
import type { TaskRun } from './collect.js';

/** Classes by the task's order, or scores. */
export interface PredictedRows {
  readonly predictions: Float64Array;
  readonly references: Float64Array;
  /** Probability of the predicted class; 0 where it is not told. */
  readonly scores: Float64Array;
}

/** The dev sets of a task as files of predictions/. */
export function devSets(task: GlueTask): readonly string[] {
  return task.splits.dev_mismatched === undefined ? ['dev'] : ['dev', 'dev_mm'];
}

/** Gives one dev set of a run, see `readPredictions`. */
export type PredictionReader = (run: TaskRun, task: GlueTask, set: string) => Promise<PredictedRows | undefined>;

/** A reader that reads each file once, whoever asks for it. */
export function predictionReader(): PredictionReader {
  const known = new Map<string, Promise<PredictedRows | undefined>>();
  return (run, task, set) => {
    const key = path.join(run.directory, set);
    const found = known.get(key) ?? readPredictions(run, task, set);
    known.set(key, found);
    return found;
  };
}

/** One dev set of a run; undefined where the file is absent or broken, has no gold labels (older runs), or labels that the task does not know. */
async function readPredictions(run: TaskRun, task: GlueTask, set: string): Promise<PredictedRows | undefined> {
  let lines: string[];
  try {
    lines = (await readFile(path.join(run.directory, 'predictions', `${set}.jsonl`), 'utf8')).split('\n').filter((line) => line !== '');
  } catch {
    return undefined;
  }
  const classOf = classNumbers(task);
  const [predictions, references, scores] = [new Float64Array(lines.length), new Float64Array(lines.length), new Float64Array(lines.length)];
  for (const [i, line] of lines.entries()) {
    let row: unknown;
    try {
      row = JSON.parse(line);
    } catch {
      return undefined;
    }
    if (typeof row !== 'object' || row === null || !('prediction' in row) || !('label' in row)) return undefined;
    predictions[i] = classOf(row.prediction);
    references[i] = classOf(row.label);
    scores[i] = 'score' in row && typeof row.score === 'number' ? row.score : 0;
    if (Number.isNaN(predictions[i]) || Number.isNaN(references[i])) return undefined;
  }
  return lines.length === 0 ? undefined : { predictions, references, scores };
}
