/**
 * The three averages over tasks that publications use, by name. Within a task first, then across tasks.
 * Inputs and outputs are in the same unit (0..1, or percent).
 */
import type { GlueTaskName } from './tasks.js';

/** Metrics of one system on one task, by result-file name; MNLI's mismatched one is `accuracy_mm`. */
export type TaskMetrics = Readonly<Record<string, number>>;
export type SystemMetrics = Readonly<Partial<Record<GlueTaskName, TaskMetrics>>>;

export interface GlueAverage {
  readonly name: string;
  readonly definition: string;
  /** Tasks that must all be there. */
  readonly tasks: readonly GlueTaskName[];
  /** Metric names of each entry of the mean: entries of one list are averaged first. */
  readonly entries: readonly { readonly task: GlueTaskName; readonly metrics: readonly string[] }[];
}

const eight: readonly GlueTaskName[] = ['cola', 'sst2', 'mrpc', 'stsb', 'qqp', 'mnli', 'qnli', 'rte'];

const withinTask: Readonly<Record<string, readonly string[]>> = {
  cola: ['matthews_correlation'],
  sst2: ['accuracy'],
  mrpc: ['f1', 'accuracy'],
  stsb: ['pearson', 'spearmanr'],
  qqp: ['f1', 'accuracy'],
  mnli: ['accuracy', 'accuracy_mm'],
  qnli: ['accuracy'],
  rte: ['accuracy'],
  wnli: ['accuracy'],
};

const macroEntries = (tasks: readonly GlueTaskName[]): GlueAverage['entries'] => tasks.map((task) => ({ task, metrics: withinTask[task] ?? [] }));

/** The averages that reports show, by name, each with what goes into it. */
export const glueAverages: readonly GlueAverage[] = [
  {
    name: 'Leaderboard',
    definition: 'mean of nine tasks, WNLI included, AX not; a task with two metrics, and MNLI with its two sets, is averaged first',
    tasks: [...eight, 'wnli'],
    entries: macroEntries([...eight, 'wnli']),
  },
  {
    name: 'BERT paper',
    definition: 'mean without WNLI; MNLI matched and mismatched are entries of their own; F1 for QQP and MRPC, Spearman for STS-B',
    tasks: eight,
    entries: [
      { task: 'mnli', metrics: ['accuracy'] },
      { task: 'mnli', metrics: ['accuracy_mm'] },
      { task: 'qqp', metrics: ['f1'] },
      { task: 'qnli', metrics: ['accuracy'] },
      { task: 'sst2', metrics: ['accuracy'] },
      { task: 'cola', metrics: ['matthews_correlation'] },
      { task: 'stsb', metrics: ['spearmanr'] },
      { task: 'mrpc', metrics: ['f1'] },
      { task: 'rte', metrics: ['accuracy'] },
    ],
  },
  {
    name: 'Eight-task mean',
    definition: "mean of the eight tasks without WNLI; each task's metrics, and MNLI's two sets, are averaged first",
    tasks: eight,
    entries: macroEntries(eight),
  },
];

export type AverageResult = { readonly value: number } | { readonly missing: readonly string[] };

/** An average of a system's metrics, or what is missing for it (`task` or `task.metric`): nothing is averaged over fewer tasks. */
export function glueAverage(average: GlueAverage, system: SystemMetrics): AverageResult {
  const missing = new Set<string>();
  let sum = 0;
  for (const { task, metrics } of average.entries) {
    const found = system[task];
    if (found === undefined) {
      missing.add(task);
      continue;
    }
    for (const metric of metrics) {
      const value = found[metric];
      if (value === undefined) missing.add(`${task}.${metric}`);
      else sum += value / metrics.length;
    }
  }
  return missing.size > 0 ? { missing: [...missing] } : { value: sum / average.entries.length };
}

/** The score of one task as the macro averages see it: the mean of its metrics, or undefined where one is missing. */
export function taskScore(task: GlueTaskName, metrics: TaskMetrics): number | undefined {
  const names = task === 'ax' ? ['matthews_correlation'] : (withinTask[task] ?? []);
  let sum = 0;
  for (const name of names) {
    const value = metrics[name];
    if (value === undefined) return undefined;
    sum += value / names.length;
  }
  return sum;
}
