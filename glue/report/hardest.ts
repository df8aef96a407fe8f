/** The dev rows that each system is most surely wrong about, over all its seeds. */
import { loadGlue } from '../loadGlue.js';
import { type GlueTask, type GlueTaskName, glueTaskNames, glueTasks } from '../tasks.js';
import type { TaskRun } from './collect.js';
import { devSets, type PredictedRows, type PredictionReader } from './runPredictions.js';

export interface HardRow {
  readonly task: GlueTaskName;
  readonly system: string;
  /** dev or dev_mm */
  readonly set: string;
  /** Row of the dev file, from 0. */
  readonly index: number;
  readonly gold: string;
  /** What the seeds predicted, each once, in the order of the seeds. */
  readonly predicted: readonly string[];
  /** Mean confidence in the wrong label (less that in the right one), 0..1; of scores the mean error. */
  readonly hardness: number;
  /** The texts, where a data folder was given. */
  readonly texts: readonly string[] | undefined;
}

/** Rows that are shown of each system and task. */
const shown = 3;

/** @param data folder of the GLUE release, for the texts; without it rows have their numbers only */
export async function hardestRows(runs: readonly TaskRun[], read: PredictionReader, data: string | undefined): Promise<HardRow[]> {
  const hard: HardRow[] = [];
  const loaded = new Map<string, ReturnType<typeof textsOf>>();
  // The texts of a set are the same for every system.
  const textsOnce = (task: GlueTask, set: string): ReturnType<typeof textsOf> => {
    const found = loaded.get(`${task.name} ${set}`) ?? textsOf(task, set, data);
    loaded.set(`${task.name} ${set}`, found);
    return found;
  };
  for (const name of glueTaskNames) {
    const task = glueTasks[name];
    for (const system of new Set(runs.filter((run) => run.task === name).map((run) => run.system))) {
      const own = runs.filter((run) => run.task === name && run.system === system);
      for (const set of devSets(task)) hard.push(...(await hardestOf(task, system, own, set, read, textsOnce)));
    }
  }
  return hard;
}

async function hardestOf(task: GlueTask, system: string, runs: readonly TaskRun[], set: string, read: PredictionReader, textsOnce: (task: GlueTask, set: string) => ReturnType<typeof textsOf>): Promise<HardRow[]> {
  const found: PredictedRows[] = [];
  for (const run of runs) {
    const rows = await read(run, task, set);
    if (rows !== undefined && rows.references.length === (found[0]?.references.length ?? rows.references.length)) found.push(rows);
  }
  const [first] = found;
  if (first === undefined) return [];
  const hardness = first.references.map((_, i) => found.reduce((sum, rows) => sum + hardnessOf(task, rows, i), 0) / found.length);
  const order = Array.from(hardness.keys()).sort((a, b) => (hardness[b] as number) - (hardness[a] as number) || a - b);
  const texts = await textsOnce(task, set);
  const named = (value: number): string => task.labels[value] ?? value.toFixed(2);
  return order
    .filter((i) => (hardness[i] as number) > 0)
    .slice(0, shown)
    .map((i) => ({
      task: task.name, system, set, index: i, gold: named(first.references[i] as number), predicted: [...new Set(found.map(({ predictions }) => named(predictions[i] as number)))], hardness: hardness[i] as number, texts: texts?.[i],
    }));
}

function hardnessOf(task: GlueTask, { predictions, references, scores }: PredictedRows, i: number): number {
  const [predicted, gold] = [predictions[i] as number, references[i] as number];
  if (task.kind === 'regression') return Math.abs(predicted - gold);
  return predicted === gold ? -(scores[i] as number) : (scores[i] as number);
}

/** The texts of a dev set by row; undefined where the data are not there. */
async function textsOf(task: GlueTask, set: string, data: string | undefined): Promise<readonly (readonly string[])[] | undefined> {
  if (data === undefined) return undefined;
  try {
    const { examples } = await loadGlue(data, task.name, set);
    return examples.map(({ textA, textB }) => (textB === undefined ? [textA] : [textA, textB]));
  } catch {
    return undefined;
  }
}
