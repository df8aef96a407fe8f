/** Every pair of systems on every task that both were run on: how far apart they are, and whether chance would do it. */
import { mcNemar, type McNemarResult } from '../significance/mcNemar.js';
import { type BootstrapResult, type PairedRows, pairedBootstrap } from '../significance/pairedBootstrap.js';
import { type ResampledMetric, resampledMetric } from '../significance/resampledMetrics.js';
import { type GlueTask, type GlueTaskName, glueTaskNames, glueTasks } from '../tasks.js';
import type { TaskRun } from './collect.js';
import { devSets, type PredictedRows, type PredictionReader } from './runPredictions.js';

/** One pair on one task. Differences are a less b, in percent of the task's score (the mean of its metrics, and of MNLI's two sets). */
export interface Comparison extends BootstrapResult {
  readonly task: GlueTaskName;
  readonly a: string;
  readonly b: string;
  /** Rows of all dev sets. */
  readonly rows: number;
  /** Where each system has one run, of a classification with one dev set. */
  readonly mcNemar: McNemarResult | undefined;
}

/** Resamples of a comparison: the least p that can come out is one in so many. */
const resamples = 1000;

/** Systems of a task that are compared each with each; where there are more, with the first. */
const mostSystems = 6;

/** The runs of one system, one entry a dev set. */
interface SystemRuns {
  readonly name: string;
  readonly sets: readonly { readonly rows: PredictedRows[]; readonly references: Float64Array }[];
}

/**
 * The comparisons of all runs whose predictions are there, with gold labels and of the same rows. Seeds of one system may be more than those of the other.
 */
export async function compareSystems(runs: readonly TaskRun[], read: PredictionReader): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const name of glueTaskNames) {
    const task = glueTasks[name];
    const systems: SystemRuns[] = [];
    for (const system of new Set(runs.filter((run) => run.task === name).map((run) => run.system))) {
      const found = await systemRuns(system, runs.filter((run) => run.task === name && run.system === system), task, read);
      if (found !== undefined) systems.push(found);
    }
    for (const [i, a] of systems.entries()) {
      for (const b of systems.slice(i + 1)) {
        if ((i === 0 || systems.length <= mostSystems) && sameRows(a, b)) comparisons.push(compare(task, a, b));
      }
    }
  }
  return comparisons;
}

async function systemRuns(name: string, runs: readonly TaskRun[], task: GlueTask, read: PredictionReader): Promise<SystemRuns | undefined> {
  const sets: SystemRuns['sets'][number][] = [];
  for (const set of devSets(task)) {
    const rows: PredictedRows[] = [];
    for (const run of [...runs].sort((a, b) => a.seed - b.seed)) {
      const found = await read(run, task, set);
      if (found === undefined) return undefined;
      rows.push(found);
    }
    const references = rows[0]?.references;
    if (references === undefined || rows.some((other) => !equal(other.references, references))) return undefined;
    sets.push({ rows, references });
  }
  return { name, sets };
}

function equal(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function sameRows(a: SystemRuns, b: SystemRuns): boolean {
  return a.sets.every(({ references }, i) => equal(references, b.sets[i]?.references ?? new Float64Array(0)));
}

/** The mean of the task's metrics. */
function taskMetric(task: GlueTask, { predictions, references }: PredictedRows): ResampledMetric {
  const metrics = task.metrics.map((metric) => resampledMetric(metric, predictions, references));
  return (weights) => (100 * metrics.reduce((sum, metric) => sum + metric(weights), 0)) / metrics.length;
}

function compare(task: GlueTask, a: SystemRuns, b: SystemRuns): Comparison {
  const sets: PairedRows[] = a.sets.map(({ rows, references }, i) => ({
    rows: references.length,
    a: rows.map((run) => taskMetric(task, run)),
    b: (b.sets[i]?.rows ?? []).map((run) => taskMetric(task, run)),
  }));
  const single = task.kind === 'classification' && [...a.sets, ...b.sets].every(({ rows }) => rows.length === 1);
  // MNLI's two sets are one list of rows here.
  const all = (lists: readonly (Float64Array | undefined)[]): number[] => lists.flatMap((list) => [...(list ?? [])]);
  return {
    task: task.name,
    a: a.name,
    b: b.name,
    rows: sets.reduce((sum, { rows }) => sum + rows, 0),
    ...pairedBootstrap(sets, resamples),
    mcNemar: single ? mcNemar(all(a.sets.map(({ rows }) => rows[0]?.predictions)), all(b.sets.map(({ rows }) => rows[0]?.predictions)), all(a.sets.map(({ references }) => references))) : undefined,
  };
}
