/** The tables of the report as plain cells, shared by every format. */
import type { GlueAverage } from '../averages.js';
import { glueAverages } from '../averages.js';
import { type GlueTaskName, glueTaskNames, glueTasks } from '../tasks.js';
import { pointText, trialSummary } from '../trials.js';
import { valueAt } from './trainingLog.js';
import { type ReportData, type ReportSystem, shownMetrics, summaryScore, type TaskSummary } from './reportData.js';

export interface Cell {
  readonly text: string;
  /** Sort key; undefined sorts last. */
  readonly value: number | undefined;
  /** The best measured value of its column. */
  readonly best: boolean;
  readonly note: string | undefined;
}

export interface TableGroup {
  readonly title: string;
  readonly rows: readonly { readonly name: string; readonly note: string | undefined; readonly cells: readonly Cell[] }[];
}

export interface LeaderboardTable {
  /** `detail`: a task's metrics, or an average's definition. */
  readonly columns: readonly { readonly title: string; readonly detail: string; readonly average: boolean }[];
  readonly groups: readonly TableGroup[];
}

/** One decimal, as the field prints percentages. */
export function percentText(value: number): string {
  return value.toFixed(1);
}

/** A number that stands for nothing. */
export const missingText = '–';

const empty: Cell = { text: missingText, value: undefined, best: false, note: undefined };

function taskCell(summary: TaskSummary | undefined): Cell {
  if (summary === undefined) return empty;
  const metrics = shownMetrics(glueTasks[summary.task]);
  const parts = metrics.map(({ key }) => summary.metrics[key]);
  const text = parts.map((metric) => (metric === undefined ? missingText : percentText(metric.mean))).join('/');
  const deviations = parts.map((metric) => metric?.standardDeviation);
  const spread = deviations.every((deviation) => deviation === undefined) ? '' : ` ± ${deviations.map((deviation) => (deviation === undefined ? missingText : percentText(deviation))).join('/')}`;
  return { text: `${text}${spread}${summary.collapsed === undefined ? '' : ' ⚠'}${summary.chosenOf === undefined ? '' : ' ‡'}`, value: summaryScore(summary) ?? parts[0]?.mean, best: false, note: [...(summary.collapsed === undefined ? [] : [summary.collapsed]), ...(summary.chosenOf === undefined ? [] : [chosenText(String(summary.chosenOf))])].join('; ') || undefined };
}

/** What ‡ marks. */
function chosenText(points: string): string {
  return `chosen on dev, the best of ${points} settings`;
}

/** The legend's words for ‡, empty where nothing was chosen on dev. */
export function chosenLegend(data: ReportData): string {
  const counts = [...new Set(data.systems.flatMap(({ tasks }) => Object.values(tasks).flatMap(({ chosenOf }) => chosenOf ?? [])))].sort((a, b) => a - b);
  return counts.length === 0 ? '' : `‡ marks what was ${chosenText(counts.join(' or '))}`;
}

function averageCell(system: ReportSystem, average: GlueAverage): Cell {
  const found = system.averages.find(({ name }) => name === average.name)?.result;
  if (found !== undefined && 'value' in found) return { text: percentText(found.value), value: found.value, best: false, note: undefined };
  const missing = found === undefined ? '' : `not computed: ${found.missing.join(', ')} missing`;
  return { ...empty, note: missing };
}

/** Marks the largest value of every column in which at least two of the rows have one. */
function withBest(rows: TableGroup['rows']): TableGroup['rows'] {
  const bests = (rows[0]?.cells ?? []).map((_, column) => {
    const values = rows.flatMap((row) => row.cells[column]?.value ?? []);
    return values.length < 2 ? undefined : Math.max(...values);
  });
  return rows.map((row) => ({ ...row, cells: row.cells.map((cell, column) => ({ ...cell, best: cell.value !== undefined && cell.value === bests[column] })) }));
}

/** Tasks that any system of the report has, in the leaderboard's order. */
export function reportTasks(data: ReportData): readonly GlueTaskName[] {
  return glueTaskNames.filter((task) => data.systems.some((system) => system.tasks[task] !== undefined));
}

/** The leaderboard: a column a task, then the averages; measured, from random weights, baseline, published dev and published test rows apart. */
export function leaderboard(data: ReportData): LeaderboardTable {
  const tasks = reportTasks(data);
  const columns = [
    ...tasks.map((task) => ({ title: glueTasks[task].title, detail: shownMetrics(glueTasks[task]).map(({ label }) => label).join('/'), average: false })),
    ...glueAverages.map(({ name, definition }) => ({ title: name, detail: definition, average: true })),
  ];
  const rowOf = (system: ReportSystem) => ({
    name: system.name,
    note: system.source,
    cells: [...tasks.map((task) => taskCell(system.tasks[task])), ...glueAverages.map((average) => averageCell(system, average))],
  });
  const group = (title: string, choose: (system: ReportSystem) => boolean, rank: boolean): TableGroup => {
    const rows = data.systems.filter(choose).map(rowOf);
    return { title, rows: rank ? withBest(rows) : rows };
  };
  const groups = [
    group('Measured here, dev set', (system) => system.group === 'measured' && !system.randomWeights, true),
    group('From random weights, dev set', (system) => system.group === 'measured' && system.randomWeights, false),
    group('Without a model, dev set', (system) => system.group === 'majority', false),
    group('Published, dev set', (system) => system.group === 'published' && system.split === 'dev', false),
    group('Published, test set (not comparable with dev)', (system) => system.group === 'published' && system.split === 'test', false),
  ];
  return { columns, groups: groups.filter(({ rows }) => rows.length > 0) };
}

export interface MetricRow {
  readonly task: string;
  readonly system: string;
  readonly metric: string;
  readonly mean: string;
  readonly deviation: string;
  readonly seeds: string;
  readonly majority: string;
  readonly trainRows: string;
  readonly evalRows: string;
}

/** Every metric of every measured result, one row each, beside the majority baseline. */
export function metricRows(data: ReportData): MetricRow[] {
  const majority = data.systems.find((system) => system.group === 'majority');
  const measured = data.systems.filter((system) => system.group === 'measured');
  return glueTaskNames.flatMap((task) =>
    measured.flatMap((system) => {
      const summary = system.tasks[task];
      if (summary === undefined) return [];
      return Object.entries(summary.metrics).map(([key, metric]) => {
        const baseline = majority?.tasks[task]?.metrics[key];
        return {
          task: glueTasks[task].title,
          system: system.name,
          metric: key,
          mean: percentText(metric.mean),
          deviation: metric.standardDeviation === undefined ? missingText : percentText(metric.standardDeviation),
          seeds: summary.seeds.join(', '),
          majority: baseline === undefined ? missingText : percentText(baseline.mean),
          trainRows: summary.trainRows === undefined ? missingText : String(summary.trainRows),
          evalRows: summary.evalRows === undefined ? missingText : String(summary.evalRows),
        };
      });
    }),
  );
}

/** Heads of the columns of `systemRows`. */
export const systemColumns = ['System', 'Parameters', 'Trained', 'Training time', 'Eight-task mean'] as const;

/** Size, time and score of each measured system: the seconds are the sum over tasks of the mean over seeds, evaluations left out. */
export function systemRows(data: ReportData): readonly (readonly string[])[] {
  const millions = (count: number | undefined): string => (count === undefined ? missingText : `${(count / 1e6).toFixed(count < 1e6 ? 3 : 2)} M`);
  return data.systems
    .filter(({ group }) => group === 'measured')
    .map(({ name, parameters, trainableParameters, tasks, averages }) => {
      const seconds = Object.values(tasks).reduce((sum, { trainSeconds }) => sum + (trainSeconds ?? Number.NaN), 0);
      const mean = averages.find(({ name: average }) => average === 'Eight-task mean')?.result;
      return [name, millions(parameters), millions(trainableParameters ?? parameters), Number.isNaN(seconds) ? missingText : durationText(seconds), mean !== undefined && 'value' in mean ? percentText(mean.value) : missingText];
    });
}

/** Heads of the columns of `hardRows`. */
export const hardColumns = ['Task', 'System', 'Row', 'Gold', 'Predicted', 'Texts', 'Confidence, or error'] as const;

/** Rows that systems are most surely wrong about; texts are cut to a readable length. */
export function hardRows(data: ReportData): readonly (readonly string[])[] {
  const cut = (text: string): string => (text.length > 200 ? `${text.slice(0, 199)}…` : text);
  return data.hardest.map(({ task, system, set, index, gold, predicted, hardness, texts }) => [
    glueTasks[task].title, system, `${set} ${index}`, gold, predicted.join(', '), texts?.map(cut).join(' ‖ ') ?? missingText, hardness.toFixed(2),
  ]);
}

/** Heads of the columns of `comparisonRows`. */
export const comparisonColumns = ['Task', 'System', 'against', 'Difference', '95 % interval', 'p', 'McNemar', 'Dev rows'] as const;

/** What stands under the table of comparisons. */
export const comparisonNote =
  'Difference of the task\'s score, the mean of its metrics. Interval and p: paired bootstrap over dev rows, and over the seeds of either system by themselves, 1,000 resamples; with one seed the chance of seeds is not in it, with two or three it is rather too small. ✓ where the interval excludes 0. McNemar: exact test of two single runs, with the rows that only one of them has right. Where a task has more than six systems, each is compared with the first alone; runs without predictions, or of other rows, with none. Each row stands for itself: of twenty comparisons of equals one would have a ✓.';

/** A small p as a bound. */
function pText(p: number, least: number): string {
  return p <= least ? `≤ ${Number(least.toPrecision(2))}` : p.toPrecision(2);
}

/** Pairs of systems, a row each. */
export function comparisonRows(data: ReportData): readonly (readonly string[])[] {
  const signed = (value: number): string => `${value > 0 ? '+' : ''}${percentText(value)}`;
  return data.comparisons.map(({ task, a, b, difference, low, high, p, resamples, mcNemar, rows }) => [
    glueTasks[task].title, a, b, `${signed(difference)}${low > 0 || high < 0 ? ' ✓' : ''}`, `${signed(low)} to ${signed(high)}`, pText(p, 1 / resamples),
    mcNemar === undefined ? missingText : `${mcNemar.onlyA} / ${mcNemar.onlyB}, p ${pText(mcNemar.p, 1e-6)}`, String(rows),
  ]);
}

/** Heads of the columns of `searchRows`. */
export const searchColumns = ['Task', 'System', 'Setting', 'Chosen on dev', 'Seeds', 'Metric', 'Mean', '±'] as const;

/** Every point of every search that chose a run of the report. A run that diverged has no value; its point counts as worse than any without. */
export function searchRows(data: ReportData): readonly (readonly string[])[] {
  const seen = new Set<string>();
  return glueTaskNames.flatMap((task) =>
    data.runs.flatMap(({ task: own, system, search }) => {
      // The runs of one search all carry it.
      const key = JSON.stringify([system, search]);
      if (own !== task || search === undefined || seen.has(key)) return [];
      seen.add(key);
      return search.trials.map((trial) => {
        const summary = trialSummary(trial);
        const scale = search.metric === 'loss' ? (value: number): string => value.toFixed(4) : (value: number): string => percentText(100 * value);
        const seeds = trial.runs.map(({ seed, status }) => (status === 'complete' ? String(seed) : `${seed} (${status})`)).join(', ');
        const deviation = summary?.standardDeviation;
        return [glueTasks[task].title, system, pointText(trial.point), trial.directory === search.chosen ? '✓' : '', seeds, search.metric, summary === undefined ? missingText : scale(summary.mean), deviation === undefined ? missingText : scale(deviation)];
      });
    }),
  );
}

/** What each pretraining figure means, in the order to show them; losses in nats, shares as percentages. */
export const pretrainingFigures: readonly { readonly key: string; readonly label: string; readonly share: boolean }[] = [
  { key: 'eval_mlm_loss', label: 'held-out MLM loss (nats)', share: false },
  { key: 'eval_unigram_loss', label: "training unigrams' cross-entropy on the same targets (nats)", share: false },
  { key: 'eval_perplexity', label: 'held-out MLM perplexity', share: false },
  { key: 'eval_mlm_accuracy', label: 'held-out MLM accuracy', share: true },
  { key: 'eval_nsp_accuracy', label: 'held-out NSP accuracy', share: true },
  { key: 'eval_nsp_majority', label: 'larger NSP class', share: true },
  { key: 'parameters', label: 'parameters', share: false },
  { key: 'steps', label: 'optimizer steps', share: false },
  { key: 'epoch', label: 'epochs', share: false },
  { key: 'train_runtime', label: 'seconds', share: false },
  { key: 'train_tokens_per_second', label: 'tokens a second', share: false },
  { key: 'train_mfu', label: 'model FLOPs utilisation, mean over the log', share: true },
  { key: 'peak_gflops', label: 'of the measured peak (GFLOPS)', share: false },
];

/** The text of one pretraining figure. */
export function figureText(value: number, share: boolean): string {
  if (share) return `${percentText(value * 100)} %`;
  return Number.isInteger(value) ? String(value) : value.toFixed(value < 100 ? 3 : 0);
}

/** Minutes, or hours from two on. */
function durationText(seconds: number): string {
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(2)} h`;
}

/** At most this many evaluations of a run are listed. */
const listedEvaluations = 8;

/** Heads of the columns of `courseRows`. */
export const courseColumns = ['Run', 'Step', 'Time', 'Training MLM loss', 'Held-out MLM loss', 'Held-out NSP accuracy', 'Tokens a second'] as const;

/** How pretraining went: some evaluations of each run, evenly taken, the first and the last among them. */
export function courseRows(data: ReportData): readonly (readonly string[])[] {
  return data.pretraining.flatMap(({ name, curves }) => {
    const held = curves['eval_mlm_loss'] ?? [];
    const count = Math.min(held.length, listedEvaluations);
    return Array.from({ length: count }, (_, i) => {
      const [step, loss] = held[count === 1 ? 0 : Math.round((i * (held.length - 1)) / (count - 1))] ?? [0, 0];
      const at = (curve: string, text: (value: number) => string): string => {
        const value = valueAt(curves[curve] ?? [], step);
        return value === undefined ? missingText : text(value);
      };
      return [name, String(Math.round(step)), at('elapsed_seconds', durationText), at('mlm_loss', (value) => value.toFixed(3)), loss.toFixed(3), at('eval_nsp_accuracy', (share) => figureText(share, true)), at('tokens_per_second', (rate) => String(Math.round(rate)))];
    });
  });
}

/** Every command of the report's runs, once each, pretraining first. */
export function runCommands(data: ReportData): readonly string[] {
  return [...new Set([...data.pretraining, ...data.runs].flatMap((run) => run.command ?? []))];
}

/** Engine, precision, machine and versions of the runs, a text for each combination that occurs. */
export function runPlaces(data: ReportData): readonly string[] {
  const places = [...data.pretraining, ...data.runs].map(({ engine, precision, machine, versions }) =>
    [engine && `engine ${engine}`, precision && `precision ${precision}`, machine, ...Object.entries(versions).map(([name, version]) => `${name} ${version}`)]
      .filter((part) => part !== undefined && part !== '')
      .join(', '),
  );
  return [...new Set(places)].filter((text) => text !== '');
}
