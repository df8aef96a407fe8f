/** A user's own tables as a task: which columns hold the texts and the label, which labels there are. */
import path from 'node:path';
import { metricsByName } from '../glue/metrics.js';
import { readTable } from '../glue/tables/readTable.js';
import type { Table } from '../glue/tables/table.js';
import { DataError, UsageError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';
import type { DataOptions, TextRow } from './options.js';
import type { TaskData, TaskExample, TaskSpec, TaskSplit } from './taskSpec.js';

const knownTextColumns: readonly (readonly string[])[] = [['sentence1', 'sentence2'], ['premise', 'hypothesis'], ['question1', 'question2'], ['question', 'sentence'], ['sentence'], ['text']];

/** The text columns: those named, else a known set, else the first two (or one) that are not the label. */
function textColumns(table: Table, options: DataOptions, label: string): readonly string[] {
  const named = options.textColumnNames;
  if (named !== undefined) {
    if (named.length < 1 || named.length > 2) throw new UsageError(`${named.length} text columns given, expected one or two`, { hint: 'for example --text-column-names premise,hypothesis' });
    for (const name of named) requireColumn(table, name, '--text-column-names');
    return named;
  }
  const known = knownTextColumns.find((names) => names.every((name) => table.columns.includes(name)));
  const others = table.columns.filter((name) => name !== label && name !== 'idx' && name !== 'id').slice(0, 2);
  const chosen = known ?? others;
  if (chosen.length === 0) throw new UsageError(`${table.file}: no column with text`, { hint: `its columns are: ${table.columns.join(', ')}; name one with --text-column-names` });
  return chosen;
}

function requireColumn(table: Table, name: string, flag: string): void {
  if (table.columns.includes(name)) return;
  throw new UsageError(`${table.file} has no column "${name}" (${flag}).${didYouMean(name, table.columns)}`, { hint: `its columns are: ${table.columns.join(', ')}` });
}

function cell(table: Table, row: Table['rows'][number], column: string): string {
  const text = row.cells.get(column);
  if (text === undefined) throw new DataError(`no value for "${column}"`, { location: { file: table.file, line: row.line } });
  return text;
}

function labelOf(table: Table, row: Table['rows'][number], column: string, spec: TaskSpec): number {
  const text = cell(table, row, column);
  const location = { file: table.file, line: row.line };
  if (spec.kind === 'regression') {
    const score = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(score)) throw new DataError(`label "${text}", expected a number`, { location });
    return score;
  }
  const index = spec.labels.indexOf(text);
  if (index < 0) throw new DataError(`label "${text}", expected one of ${spec.labels.join(', ')}`, { location, hint: 'the labels are those of the training file' });
  return index;
}

function examplesOf(table: Table, columns: readonly string[], label: string | undefined, spec: TaskSpec): TaskExample[] {
  const [a = '', b] = columns;
  return table.rows.map((row, index) => ({
    index,
    textA: cell(table, row, a),
    textB: b === undefined ? undefined : cell(table, row, b),
    label: label === undefined ? undefined : labelOf(table, row, label, spec),
  }));
}

/** Labels in a fixed order: as numbers where all are whole numbers, else as text by code unit. */
function sortedLabels(table: Table, column: string): string[] {
  const labels = [...new Set(table.rows.map((row) => cell(table, row, column)))];
  const numeric = labels.every((label) => /^-?\d+$/.test(label));
  return labels.sort((x, y) => (numeric ? Number(x) - Number(y) : x < y ? -1 : 1));
}

/** The metrics of scores (`labels` undefined) or of labels; f1 needs two, the second of which is the positive one. */
function metricNames({ metricName }: DataOptions, labels: readonly string[] | undefined): readonly string[] {
  const ofScores = ['pearson', 'spearmanr'];
  if (metricName === undefined) return labels === undefined ? ofScores : ['accuracy'];
  const names = Object.keys(metricsByName);
  const fitting = names.filter((name) => ofScores.includes(name) === (labels === undefined) && (name !== 'f1' || labels?.length === 2));
  if (fitting.includes(metricName)) return [metricName];
  if (names.includes(metricName)) {
    throw new UsageError(`the metric ${metricName} does not fit ${labels === undefined ? 'scores' : `${labels.length} labels`}`, { hint: `choose ${fitting.join(', ')}${labels === undefined ? '' : '; for numbers as labels give --do-regression'}` });
  }
  throw new UsageError(`unknown metric "${metricName}".${didYouMean(metricName, names)}`, { hint: `metrics: ${names.join(', ')}` });
}

function splitOf(name: string, table: Table, examples: readonly TaskExample[]): TaskSplit {
  return { name, suffix: '', files: [table.file], examples, skipped: 0 };
}

/** A task named after its file; without labels one of scores. */
function specOf(file: string, columns: readonly string[], labels: readonly string[] | undefined, options: DataOptions): TaskSpec {
  const metrics = metricNames(options, labels);
  const stem = path.basename(file, path.extname(file));
  return {
    name: stem,
    title: stem,
    pair: columns.length === 2,
    kind: labels === undefined ? 'regression' : 'classification',
    labels: labels ?? [],
    labelAliases: labels ?? [],
    metrics,
    selectBy: metrics.length > 1 ? 'combined_score' : (metrics[0] ?? 'accuracy'),
  };
}

/** Reads train, validation and test tables. The labels are those of the training file. Errors name file, line and column. */
export async function loadOwnData(options: DataOptions): Promise<TaskData> {
  const { trainFile, validationFile, testFile } = options;
  if (trainFile === undefined) throw new UsageError('neither a task nor a training file was given', { hint: 'give --task NAME or --train-file FILE' });
  const train = await readTable(trainFile);
  const label = options.labelColumnName ?? 'label';
  requireColumn(train, label, '--label-column-name');
  const columns = textColumns(train, options, label);
  const regression = options.doRegression === true;
  const labels = regression ? [] : sortedLabels(train, label);
  if (!regression && labels.length < 2) throw new DataError(`the column "${label}" has only the value "${labels[0] ?? ''}"; expected two labels or more`, { location: { file: trainFile } });
  const spec = specOf(trainFile, columns, regression ? undefined : labels, options);
  const dev: TaskSplit[] = [];
  if (validationFile !== undefined) {
    const table = await readTable(validationFile);
    for (const name of [...columns, label]) requireColumn(table, name, 'a column of the training file');
    dev.push(splitOf('dev', table, examplesOf(table, columns, label, spec)));
  }
  const test: TaskSplit[] = [];
  if (testFile !== undefined) {
    const table = await readTable(testFile);
    for (const name of columns) requireColumn(table, name, 'a column of the training file');
    test.push(splitOf('test', table, examplesOf(table, columns, undefined, spec)));
  }
  return { spec, train: splitOf('train', train, examplesOf(train, columns, label, spec)), dev, test };
}

/** A validation table for a fine-tuned model, whose classes are `labels`; undefined where it gives a score. */
export async function loadOwnValidation(file: string, options: DataOptions, labels: readonly string[] | undefined): Promise<{ readonly spec: TaskSpec; readonly split: TaskSplit }> {
  const table = await readTable(file);
  const label = options.labelColumnName ?? 'label';
  requireColumn(table, label, '--label-column-name');
  const columns = textColumns(table, options, label);
  const spec = specOf(file, columns, labels, options);
  return { spec, split: splitOf('dev', table, examplesOf(table, columns, label, spec)) };
}

/** The texts of a table to predict; labels, if any, are not looked at. */
export async function readTexts(file: string, options: DataOptions): Promise<TextRow[]> {
  const table = await readTable(file);
  const [a = '', b] = textColumns(table, options, options.labelColumnName ?? 'label');
  return table.rows.map((row) => ({ textA: cell(table, row, a), textB: b === undefined ? undefined : cell(table, row, b) }));
}
