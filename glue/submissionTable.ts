/**
 * One table of a GLUE submission: its file names, how a prediction is written, and every fault of a table, ours or a foreign one.
 * Header `index<TAB>prediction`, an index from 0 counting up, label strings or (STS-B) a number from 0 to 5.
 */
import { fileLabels, type GlueSplit, type GlueTask, glueTaskNames, glueTasks } from './tasks.js';

/** One file of the zip. */
export interface SubmissionFile {
  /** With its ending, as in the zip. */
  readonly name: string;
  readonly task: GlueTask;
  readonly split: GlueSplit & ('test' | 'test_mismatched');
  /** Rows without the header. */
  readonly rows: number;
}

/** The eleven files, in the table's order of tasks. */
export const submissionFiles: readonly SubmissionFile[] = glueTaskNames.flatMap((taskName) => {
  const task = glueTasks[taskName];
  return (['test', 'test_mismatched'] as const).flatMap((split) => {
    const name = task.submission[split];
    const layout = task.splits[split];
    return name === undefined || layout === undefined ? [] : [{ name: `${name}.tsv`, task, split, rows: layout.officialRows }];
  });
});

const header = 'index\tprediction';

/**
 * The table's text.
 * @param predictions a row each: the label's name (of the task's `labels`) or, for regression, a number, which is clipped to the range
 * @throws RangeError for a label that the task does not have, a number that is none, and another number of rows
 */
export function submissionTable(file: SubmissionFile, predictions: readonly (string | number)[]): string {
  if (predictions.length !== file.rows) throw new RangeError(`${file.name}: ${predictions.length} predictions, expected ${file.rows}`);
  return `${header}\n${predictions.map((prediction, index) => `${index}\t${cell(file, prediction, index)}\n`).join('')}`;
}

function cell({ name, task }: SubmissionFile, prediction: string | number, row: number): string {
  if (task.kind === 'regression') {
    const [low, high] = task.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    if (typeof prediction !== 'number' || Number.isNaN(prediction)) throw new RangeError(`${name}: prediction ${JSON.stringify(prediction)} of row ${row}, expected a number`);
    return Math.min(high, Math.max(low, prediction)).toFixed(3);
  }
  const text = fileLabels(task)[task.labels.indexOf(String(prediction))];
  if (text === undefined) throw new RangeError(`${name}: prediction ${JSON.stringify(prediction)} of row ${row}, expected one of ${task.labels.join(', ')}`);
  return text;
}

/** Faults that are listed of one file; the rest is counted. */
const mostFaults = 5;

/** Every fault of a table as one line, each with file, line and column (from 1); after five the rest is counted. */
export function tableFaults(file: SubmissionFile, text: string): string[] {
  const faults: string[] = [];
  let more = 0;
  const fault = (line: number, column: number, message: string): void => {
    if (faults.length < mostFaults) faults.push(`${file.name}:${line}:${column}: ${message}`);
    else more += 1;
  };
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const shown = (found: string | undefined): string => JSON.stringify((found ?? '').slice(0, 60));
  const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
  if (withoutReturn(lines[0] ?? '') !== header) fault(1, 1, `header ${shown(lines[0])}, expected "index<TAB>prediction"`);
  const labels = fileLabels(file.task);
  const [low, high] = file.task.range ?? [0, 0];
  for (const [row, source] of lines.slice(1).entries()) {
    const line = row + 2;
    const fields = withoutReturn(source).split('\t');
    if (fields.length !== 2) {
      fault(line, 1, `${fields.length} tab-separated fields, expected an index and a prediction`);
      continue;
    }
    const [index, prediction] = fields as [string, string];
    if (index !== String(row)) fault(line, 1, `index ${shown(index)}, expected ${row}: they count up from 0 in the order of the test file`);
    if (file.task.kind === 'regression') {
      const score = /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(prediction) ? Number(prediction) : Number.NaN;
      if (!(score >= low && score <= high)) fault(line, 2, `prediction ${shown(prediction)}, expected a number from ${low} to ${high}`);
    } else if (!labels.includes(prediction)) fault(line, 2, `prediction ${shown(prediction)}, expected one of ${labels.join(', ')}`);
  }
  if (more > 0) faults.push(`${file.name}: and ${more} more`);
  if (lines.length - 1 !== file.rows) faults.push(`${file.name}: ${Math.max(0, lines.length - 1)} rows, expected ${file.rows}`);
  return faults;
}
