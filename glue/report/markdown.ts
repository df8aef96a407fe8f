/** The report as Markdown (GitHub's tables). Text from data is escaped so that it cannot form markup. */
import { glueAverages } from '../averages.js';
import { glueTasks } from '../tasks.js';
import { type Cell, chosenLegend, comparisonColumns, comparisonNote, comparisonRows, courseColumns, courseRows, figureText, hardColumns, hardRows, leaderboard, metricRows, pretrainingFigures, runCommands, runPlaces, searchColumns, searchRows, systemColumns, systemRows } from './layout.js';
import type { ReportData } from './reportData.js';

/** Line breaks, control and bidirectional characters folded to blanks. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters in data are exactly what is taken out
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, ' ');
}

/** On one line, with what Markdown or HTML would interpret escaped. */
export function markdownText(text: string): string {
  return oneLine(text).replaceAll(/[\\`*_{}[\]<>#|~&]/g, (character) => (character === '&' ? '&amp;' : character === '<' ? '&lt;' : `\\${character}`));
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function cellText(cell: Cell): string {
  return cell.best ? `**${cell.text}**` : cell.text;
}

/** A code span that may hold backticks. */
function codeSpan(code: string): string {
  const text = oneLine(code);
  const fence = '`'.repeat(Math.max(0, ...[...text.matchAll(/`+/g)].map((run) => run[0].length)) + 1);
  return `${fence}${fence.length > 1 ? ' ' : ''}${text}${fence.length > 1 ? ' ' : ''}${fence}`;
}

/** The whole report. */
export function markdownReport(data: ReportData): string {
  const lines: string[] = [`# ${markdownText(data.title)}`, ''];
  if (data.runs.length > 0) lines.push(...leaderboardSection(data));
  if (data.runs.length > 0) lines.push('## Size and time', '', tableRow([...systemColumns]), tableRow(systemColumns.map((_, i) => (i === 0 ? '---' : '---:'))), ...systemRows(data).map((row) => tableRow(row.map(markdownText))), '');
  if (data.pretraining.length > 0) lines.push(...pretrainingSection(data));
  if (data.runs.length > 0) lines.push(...metricSection(data));
  lines.push(...searchSection(data));
  if (data.comparisons.length > 0) lines.push(...comparisonSection(data));
  if (data.hardest.length > 0) lines.push('## Most surely wrong', '', tableRow([...hardColumns]), tableRow(hardColumns.map((_, i) => (i < hardColumns.length - 1 ? '---' : '---:'))), ...hardRows(data).map((row) => tableRow(row.map(markdownText))), '');
  if (data.remarks.length > 0) lines.push('## To read the numbers right', '', ...data.remarks.map((remark) => `- ${markdownText(remark)}`), '');
  lines.push(...commandSection(data));
  return lines.join('\n');
}

function leaderboardSection(data: ReportData): string[] {
  const table = leaderboard(data);
  const lines = ['## Leaderboard', '', tableRow(['System', ...table.columns.map(({ title }) => title)]), tableRow(['---', ...table.columns.map(() => '---:')])];
  lines.push(tableRow(['', ...table.columns.map((column) => (column.average ? 'average' : column.detail))]));
  for (const group of table.groups) {
    lines.push(tableRow([`*${group.title}*`, ...table.columns.map(() => '')]));
    for (const row of group.rows) lines.push(tableRow([markdownText(row.name), ...row.cells.map(cellText)]));
  }
  const chosen = chosenLegend(data);
  lines.push('', `Scores are percentages; ± is the standard deviation over seeds; bold is the best measured; ⚠ marks the score of a constant prediction${chosen === '' ? '' : `; ${chosen}`}.`, '');
  lines.push(...glueAverages.map(({ name, definition }) => `- ${name}: ${definition}.`), '');
  return lines;
}

function pretrainingSection(data: ReportData): string[] {
  const figures = pretrainingFigures.filter(({ key }) => data.pretraining.some((run) => run.results[key] !== undefined));
  const lines = ['## Pretraining', '', tableRow(['', ...data.pretraining.map((run) => markdownText(run.name))]), tableRow(['---', ...data.pretraining.map(() => '---:')])];
  for (const { key, label, share } of figures) {
    lines.push(tableRow([label, ...data.pretraining.map((run) => (run.results[key] === undefined ? '–' : figureText(run.results[key], share)))]));
  }
  const course = courseRows(data);
  if (course.length > 0) {
    lines.push('', 'The curves are drawn in [report.html](report.html#pretraining).', '', tableRow([...courseColumns]), tableRow(courseColumns.map((_, i) => (i === 0 ? '---' : '---:'))));
    lines.push(...course.map((row) => tableRow(row.map(markdownText))));
  }
  lines.push('', ...data.pretraining.flatMap((run) => run.notes.map((note) => `- ${markdownText(run.name)}: ${markdownText(note)}`)), '');
  return lines;
}

function metricSection(data: ReportData): string[] {
  const lines = ['## Every metric', '', tableRow(['Task', 'System', 'Metric', 'Mean', '±', 'Seeds', 'Majority', 'Train rows', 'Dev rows'])];
  lines.push(tableRow(['---', '---', '---', '---:', '---:', '---', '---:', '---:', '---:']));
  for (const row of metricRows(data)) {
    lines.push(tableRow([row.task, markdownText(row.system), row.metric.replaceAll('_', '\\_'), row.mean, row.deviation, row.seeds, row.majority, row.trainRows, row.evalRows]));
  }
  for (const { task, how } of data.notRun) lines.push(tableRow([glueTasks[task].title, markdownText(how), '', '', '', '', '', '', '']));
  return [...lines, ''];
}

function searchSection(data: ReportData): string[] {
  const rows = searchRows(data).map((row) => tableRow(row.map(markdownText)));
  return rows.length === 0 ? [] : ['## Settings chosen on dev', '', tableRow([...searchColumns]), tableRow(searchColumns.map((_, i) => (i < 6 ? '---' : '---:'))), ...rows, ''];
}

function comparisonSection(data: ReportData): string[] {
  const rows = comparisonRows(data).map((row) => tableRow(row.map(markdownText)));
  return ['## Differences between systems', '', tableRow([...comparisonColumns]), tableRow(comparisonColumns.map((_, i) => (i < 3 ? '---' : '---:'))), ...rows, '', comparisonNote, ''];
}

function commandSection(data: ReportData): string[] {
  const commands = runCommands(data);
  const lines = commands.length === 0 ? [] : ['## Commands', '', ...commands.map((command) => `- ${codeSpan(command)}`), ''];
  const machine = runPlaces(data);
  return machine.length === 0 ? lines : [...lines, '## Where it ran', '', ...machine.map((text) => `- ${markdownText(text)}`), ''];
}
