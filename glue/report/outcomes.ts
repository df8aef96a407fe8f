/** What each system predicted for which gold label: confusion matrices, and of scores how many of each fell where. */
import { type GlueTaskName, glueTaskNames, glueTasks } from '../tasks.js';
import type { TaskRun } from './collect.js';
import { devSets, type PredictionReader } from './runPredictions.js';

/** Of one system on one task, the dev rows of all its seeds and sets together. */
export interface Outcome {
  readonly task: GlueTaskName;
  readonly system: string;
  /** Labels, or of scores the low ends of steps of half a point. */
  readonly classes: readonly string[];
  /** counts[gold][predicted]. */
  readonly counts: readonly (readonly number[])[];
  readonly seeds: number;
}

/** Width of a cell of scores. */
const scoreStep = 0.5;

/** The outcomes of all runs whose predictions are there with gold labels, in the order of tasks and systems. */
export async function collectOutcomes(runs: readonly TaskRun[], read: PredictionReader): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const name of glueTaskNames) {
    const task = glueTasks[name];
    const [low, high] = task.range ?? [0, 0];
    const steps = Math.round((high - low) / scoreStep);
    const classes = task.kind === 'classification' ? task.labels : Array.from({ length: steps }, (_, i) => String(low + i * scoreStep));
    const classOf = task.kind === 'classification' ? (value: number) => value : (value: number) => Math.min(steps - 1, Math.max(0, Math.floor((value - low) / scoreStep)));
    for (const system of new Set(runs.filter((run) => run.task === name).map((run) => run.system))) {
      const counts = classes.map(() => new Array<number>(classes.length).fill(0));
      const found = new Set<number>();
      for (const run of runs.filter((one) => one.task === name && one.system === system)) {
        for (const set of devSets(task)) {
          const rows = await read(run, task, set);
          if (rows === undefined) continue;
          found.add(run.seed);
          rows.references.forEach((gold, i) => {
            const row = counts[classOf(gold)] as number[];
            const predicted = classOf(rows.predictions[i] as number);
            row[predicted] = (row[predicted] ?? 0) + 1;
          });
        }
      }
      if (found.size > 0) outcomes.push({ task: name, system, classes, counts, seeds: found.size });
    }
  }
  return outcomes;
}
