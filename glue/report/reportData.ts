/**
 * Turns collected runs into what every format of the report shows: systems, their mean and deviation per task and metric,
 * averages, baselines, published rows and remarks. Values are in percent from here on.
 */
import { type AverageResult, glueAverage, glueAverages, type SystemMetrics, type TaskMetrics, taskScore } from '../averages.js';
import { collapseSignature } from '../baselines.js';
import type { PublishedResult } from '../published.js';
import { type MetricSummary, summarize } from '../summary.js';
import { type GlueTask, type GlueTaskName, glueTaskNames, glueTasks } from '../tasks.js';
import type { CollectedRuns, PretrainingRun, TaskRun } from './collect.js';
import type { Comparison } from './comparisons.js';
import type { HardRow } from './hardest.js';
import type { Outcome } from './outcomes.js';

export interface TaskSummary {
  readonly task: GlueTaskName;
  readonly seeds: readonly number[];
  /** In percent. */
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  /** Of how many points of a search the runs are the best on dev; undefined where settings were given. */
  readonly chosenOf: number | undefined;
  /** Why the result says nothing, where it equals a constant prediction's. */
  readonly collapsed: string | undefined;
  readonly trainRows: number | undefined;
  readonly evalRows: number | undefined;
  readonly trainSeconds: number | undefined;
}

export interface ReportSystem {
  readonly name: string;
  readonly group: 'measured' | 'majority' | 'published';
  /** Fine-tuned without pretraining: a baseline, not one that is ranked. */
  readonly randomWeights: boolean;
  readonly split: 'dev' | 'test';
  readonly source: string | undefined;
  readonly parameters: number | undefined;
  /** Of these, those that fine-tuning changed; absent where all. */
  readonly trainableParameters?: number | undefined;
  readonly tasks: Readonly<Partial<Record<GlueTaskName, TaskSummary>>>;
  readonly averages: readonly { readonly name: string; readonly result: AverageResult }[];
  readonly printedAverage: { readonly value: number; readonly definition: string } | undefined;
}

export interface ReportData {
  readonly title: string;
  readonly systems: readonly ReportSystem[];
  readonly pretraining: readonly PretrainingRun[];
  /** Plain sentences: what is missing and how to add it, samples instead of full data, collapsed results. */
  readonly remarks: readonly string[];
  readonly runs: readonly TaskRun[];
  /** Rows that systems are most surely wrong about, where the predictions are there. */
  readonly hardest: readonly HardRow[];
  /** Gold against predicted, where the predictions are there. */
  readonly outcomes: readonly Outcome[];
  /** Pairs of systems, where their predictions are there. */
  readonly comparisons: readonly Comparison[];
  /** Tasks without a run (AX and, in a report of pretraining alone, all of them left out), each with how to add it. */
  readonly notRun: readonly { readonly task: GlueTaskName; readonly how: string }[];
}

/** The metrics of a task as tables show them, with their column heads. */
export function shownMetrics(task: GlueTask): readonly { readonly key: string; readonly label: string }[] {
  const labels: Readonly<Record<string, string>> = { matthews_correlation: 'MCC', accuracy: 'acc', f1: 'F1', pearson: 'Pearson', spearmanr: 'Spearman' };
  if (task.name === 'mnli') return [{ key: 'accuracy', label: 'm' }, { key: 'accuracy_mm', label: 'mm' }];
  const ordered = task.metrics.includes('f1') ? (['f1', 'accuracy'] as const) : task.metrics;
  return ordered.map((key) => ({ key, label: labels[key] ?? key }));
}

const percent = (metrics: TaskMetrics): TaskMetrics => Object.fromEntries(Object.entries(metrics).map(([key, value]) => [key, value * 100]));

/** The means of a system as the averages want them. */
function meansOf(tasks: ReportSystem['tasks']): SystemMetrics {
  return Object.fromEntries(
    Object.entries(tasks).map(([task, summary]) => [task, Object.fromEntries(Object.entries(summary.metrics).map(([key, metric]) => [key, metric.mean]))]),
  );
}

function averagesOf(tasks: ReportSystem['tasks']): ReportSystem['averages'] {
  const means = meansOf(tasks);
  return glueAverages.map((average) => ({ name: average.name, result: glueAverage(average, means) }));
}

/** How a run collapsed: what its predictions tell, and without them a score that equals the majority's. */
function collapseOf(task: GlueTask, run: TaskRun, constant: ReadonlyMap<string, string>): string | undefined {
  const prediction = run.majority['prediction'];
  return constant.get(run.directory) ?? (prediction === undefined ? undefined : collapseSignature(task, run.metrics, { prediction, metrics: run.majority }));
}

function taskSummary(task: GlueTask, runs: readonly TaskRun[], constant: ReadonlyMap<string, string>): TaskSummary {
  const keys = [...shownMetrics(task).map(({ key }) => key), ...(task.metrics.length > 1 ? ['combined_score'] : [])];
  const metrics: Record<string, MetricSummary> = {};
  for (const key of keys) {
    const values = runs.flatMap((run) => (run.metrics[key] === undefined ? [] : [run.metrics[key] * 100]));
    if (values.length > 0) metrics[key] = summarize(values);
  }
  const collapsed = runs.flatMap((run) => {
    const how = collapseOf(task, run, constant);
    return how === undefined ? [] : [{ how, seed: run.seed }];
  });
  const some = collapsed.length === runs.length ? '' : ` with ${collapsed.length === 1 ? 'seed' : 'seeds'} ${collapsed.map(({ seed }) => seed).join(', ')}`;
  const first = runs[0];
  const seconds = runs.flatMap((run) => run.trainSeconds ?? []);
  return {
    task: task.name,
    seeds: runs.map((run) => run.seed),
    metrics,
    chosenOf: runs.every(({ search }) => search === undefined) ? undefined : Math.max(...runs.map(({ search }) => search?.trials.length ?? 1)),
    collapsed: collapsed[0] === undefined ? undefined : `${collapsed[0].how}${some}`,
    trainRows: first?.trainRows,
    evalRows: first?.evalRows,
    trainSeconds: seconds.length === 0 ? undefined : summarize(seconds).mean,
  };
}

function measuredSystems(runs: readonly TaskRun[], constant: ReadonlyMap<string, string>): ReportSystem[] {
  const names = [...new Set(runs.map((run) => run.system))];
  return names.map((name) => {
    const own = runs.filter((run) => run.system === name);
    const tasks = Object.fromEntries(
      glueTaskNames.flatMap((task) => {
        const ofTask = own.filter((run) => run.task === task).sort((a, b) => a.seed - b.seed);
        return ofTask.length === 0 ? [] : [[task, taskSummary(glueTasks[task], ofTask, constant)]];
      }),
    );
    return { name, group: 'measured', randomWeights: own.every((run) => run.randomWeights), split: 'dev', source: undefined, parameters: own[0]?.parameters, trainableParameters: own[0]?.trainableParameters, tasks, averages: averagesOf(tasks), printedAverage: undefined };
  });
}

function majoritySystem(runs: readonly TaskRun[]): ReportSystem | undefined {
  const tasks: Partial<Record<GlueTaskName, TaskSummary>> = {};
  for (const run of runs) {
    if (tasks[run.task] !== undefined || run.majority['prediction'] === undefined) continue;
    const { prediction: _, ...metrics } = run.majority;
    tasks[run.task] = fixedSummary(run.task, percent(metrics), run.evalRows);
  }
  if (Object.keys(tasks).length === 0) return undefined;
  return { name: 'Majority baseline', group: 'majority', randomWeights: false, split: 'dev', source: 'the most frequent training label (STS-B: the mean score) for every row', parameters: undefined, tasks, averages: averagesOf(tasks), printedAverage: undefined };
}

function fixedSummary(task: GlueTaskName, metrics: TaskMetrics, evalRows: number | undefined): TaskSummary {
  return {
    task, seeds: [], chosenOf: undefined, collapsed: undefined, trainRows: undefined, evalRows, trainSeconds: undefined,
    metrics: Object.fromEntries(Object.entries(metrics).map(([key, value]) => [key, summarize([value])])),
  };
}

function publishedSystem(row: PublishedResult): ReportSystem {
  const tasks = Object.fromEntries(Object.entries(row.metrics).map(([task, metrics]) => [task, fixedSummary(task as GlueTaskName, metrics, undefined)]));
  return { name: row.name, group: 'published', randomWeights: false, split: row.split, source: row.source, parameters: undefined, tasks, averages: averagesOf(tasks), printedAverage: row.printedAverage };
}

/** `MRPC 1200 of 3668` where runs of the task saw other rows than the official release has: a sample, or another release; each count once. */
function otherRows(name: GlueTaskName, runs: readonly TaskRun[], found: 'trainRows' | 'evalRows', official: 'officialTrainRows' | 'officialEvalRows'): string[] {
  const counts = runs.flatMap((run) => (run.task === name && run[found] !== undefined && run[official] !== undefined && run[found] !== run[official] ? [`${run[found]} of ${run[official]}`] : []));
  return counts.length === 0 ? [] : [`${glueTasks[name].title} ${[...new Set(counts)].join(', ')}`];
}

function tasksNotRun(runs: readonly TaskRun[]): ReportData['notRun'] {
  const run = new Set(runs.map(({ task }) => task));
  if (run.size === 0) return [];
  return glueTaskNames.flatMap((task) => {
    if (task === 'ax' || run.has(task)) return [];
    const terms = task === 'qqp' ? "Quora's terms forbid passing its rows on: take QQP/train.tsv and QQP/dev.tsv from the GLUE benchmark, then " : '';
    return [{ task, how: `not run; ${terms}bertwright finetune --task ${task} --data GLUE_DIR --model MODEL --output RUN` }];
  });
}

/** What a reader has to know to read the numbers right. */
function remarksOf(collected: CollectedRuns, systems: readonly ReportSystem[]): string[] {
  const remarks: string[] = [];
  const run = new Set(collected.taskRuns.map((taskRun) => taskRun.task));
  const sampled = [...run].flatMap((name) => otherRows(name, collected.taskRuns, 'trainRows', 'officialTrainRows'));
  if (sampled.length > 0) remarks.push(`Trained on other rows than the official ones (a sample, or another release), so the scores are not those of the full tasks: ${sampled.join('; ')}.`);
  const scored = [...run].flatMap((name) => otherRows(name, collected.taskRuns, 'evalRows', 'officialEvalRows'));
  if (scored.length > 0) remarks.push(`Scored on other rows than the official dev sets: ${scored.join('; ')}.`);
  for (const system of systems) {
    for (const summary of Object.values(system.tasks)) {
      if (summary.collapsed !== undefined) remarks.push(`${system.name} on ${glueTasks[summary.task].title} ${summary.collapsed}: nothing that it may have learned shows there.`);
    }
  }
  for (const system of systems) {
    for (const { task, seeds } of Object.values(system.tasks)) {
      if (new Set(seeds).size < seeds.length) remarks.push(`${system.name} on ${glueTasks[task].title} has several runs of one seed (${seeds.join(', ')}): the mean is over all of them, whatever their settings.`);
    }
  }
  for (const system of systems) {
    const chosen = Object.values(system.tasks).flatMap(({ task, chosenOf }) => (chosenOf === undefined ? [] : [`${glueTasks[task].title} (of ${chosenOf})`]));
    if (chosen.length > 0) remarks.push(`${system.name} has the best of several settings, chosen on the same dev rows that it is scored on, so its scores are higher than they would be on other rows: ${chosen.join(', ')}.`);
  }
  for (const system of systems) {
    const inherited = collected.taskRuns.filter((taskRun) => taskRun.system === system.name && taskRun.inheritedFrom !== undefined);
    const titles = [...new Set(inherited.map(({ task }) => glueTasks[task].title))];
    if (inherited[0] !== undefined) remarks.push(`${system.name} stands with the runs of ${inherited[0].inheritedFrom} on the tasks that did not start there: ${titles.join(', ')}.`);
  }
  for (const { directory, reason } of collected.unfinished) remarks.push(`${directory} is not in the tables: ${reason}.`);
  return remarks;
}

function defaultTitle({ taskRuns }: CollectedRuns): string {
  return taskRuns.length > 0 ? 'GLUE report' : 'Pretraining report';
}

/** Everything that the formats show, from the collected runs, what their predictions tell and the published rows asked for. */
export function buildReportData(
  collected: CollectedRuns,
  published: readonly PublishedResult[],
  { constant, ...analysis }: Pick<ReportData, 'comparisons' | 'outcomes' | 'hardest'> & { readonly constant: ReadonlyMap<string, string> },
  title = defaultTitle(collected),
): ReportData {
  const measured = measuredSystems(collected.taskRuns, constant);
  const majority = majoritySystem(collected.taskRuns);
  const systems = [...measured, ...(majority === undefined ? [] : [majority]), ...published.map(publishedSystem)];
  return { title, systems, pretraining: collected.pretrainingRuns, remarks: remarksOf(collected, measured), runs: collected.taskRuns.filter(({ inheritedFrom }) => inheritedFrom === undefined), ...analysis, notRun: tasksNotRun(collected.taskRuns) };
}

/** A task's score in percent as the averages see it, for one system. */
export function summaryScore(summary: TaskSummary): number | undefined {
  return taskScore(summary.task, Object.fromEntries(Object.entries(summary.metrics).map(([key, metric]) => [key, metric.mean])));
}
