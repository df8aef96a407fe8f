/** Runs whose model says the same for every row, found in their predictions: whatever they score, nothing that they learned shows there. */
import { glueTasks } from '../tasks.js';
import type { TaskRun } from './collect.js';
import { devSets, type PredictionReader } from './runPredictions.js';

/** By the run's directory, what it predicts for every dev row in words; runs without predictions are not in it. */
export async function constantPredictions(runs: readonly TaskRun[], read: PredictionReader): Promise<Map<string, string>> {
  const constant = new Map<string, string>();
  for (const run of runs) {
    const task = glueTasks[run.task];
    const sets = await Promise.all(devSets(task).map((set) => read(run, task, set)));
    const [first] = sets.flatMap((rows) => rows?.predictions[0] ?? []);
    if (first === undefined || !sets.every((rows) => rows === undefined || rows.predictions.every((value) => value === first))) continue;
    constant.set(run.directory, `predicts ${task.kind === 'regression' ? 'one score' : `"${task.labels[first] ?? first}"`} for every row`);
  }
  return constant;
}
