/** Every metric of every system as CSV (RFC 4180), a row each: for spreadsheets and plots. */
import { glueTaskNames, glueTasks } from '../tasks.js';
import type { ReportData } from './reportData.js';

/** A field with quotes where it needs them; one that a spreadsheet would take for a formula starts with an apostrophe. */
export function csvField(text: string): string {
  const inert = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

const columns = ['system', 'group', 'split', 'task', 'metric', 'mean', 'standard_deviation', 'seeds', 'values', 'train_rows', 'dev_rows', 'train_seconds', 'parameters', 'trained_parameters', 'constant_prediction', 'chosen_on_dev_of'];

/** Scores in percent as they are, not rounded; averages are rows of the task `average`. `chosen_on_dev_of`: how many settings the runs are the best of. */
export function csvReport(data: ReportData): string {
  const rows: string[][] = [columns];
  const text = (value: number | undefined): string => (value === undefined ? '' : String(value));
  for (const { name, group, split, tasks, averages, parameters, trainableParameters } of data.systems) {
    for (const task of glueTaskNames) {
      const summary = tasks[task];
      if (summary === undefined) continue;
      for (const [metric, { mean, standardDeviation, values }] of Object.entries(summary.metrics)) {
        rows.push([
          name, group, split, glueTasks[task].title, metric, text(mean), text(standardDeviation), summary.seeds.join(' '), values.join(' '), text(summary.trainRows), text(summary.evalRows),
          text(summary.trainSeconds), text(parameters), text(trainableParameters ?? parameters), summary.collapsed === undefined ? '' : 'yes', text(summary.chosenOf),
        ]);
      }
    }
    for (const { name: average, result } of averages) if ('value' in result) rows.push([name, group, split, 'average', average, text(result.value), '', '', '', '', '', '', text(parameters), text(trainableParameters ?? parameters), '', '']);
  }
  return rows.map((row) => `${row.map(csvField).join(',')}\r\n`).join('');
}
