/** The leaderboard, all metrics and the differences between systems as LaTeX tables (booktabs), to be \input into a paper. Text from data is escaped so that it cannot form commands. */
import { type Cell, chosenLegend, comparisonColumns, comparisonNote, comparisonRows, leaderboard, metricRows } from './layout.js';
import { glueAverages } from '../averages.js';
import type { ReportData } from './reportData.js';

const replacements: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}', '{': '\\{', '}': '\\}', '&': '\\&', '%': '\\%', $: '\\$', '#': '\\#', _: '\\_', '~': '\\textasciitilde{}', '^': '\\textasciicircum{}',
  '–': '--', '±': '$\\pm$', '✓': '$\\checkmark$', '≤': '$\\leq$', '‖': '$\\parallel$', '⚠': '$^{\\dagger}$', '‡': '$^{\\ddagger}$', '<': '\\textless{}', '>': '\\textgreater{}', '|': '\\textbar{}', '"': '\\textquotedbl{}', '`': '\\textasciigrave{}',
};

/** On one line, with what LaTeX would interpret escaped. */
export function latexText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters in data are exactly what is taken out
  const line = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, ' ');
  return line.replaceAll(/[\\{}&%$#_~^–±✓≤‖⚠‡<>|"`]/gu, (character) => replacements[character] ?? character);
}

function cellText(cell: Cell): string {
  const text = latexText(cell.text);
  return cell.best ? `\\textbf{${text}}` : text;
}

function row(cells: readonly string[]): string {
  return `${cells.join(' & ')} \\\\`;
}

/** A table of texts; the first `left` columns are words. */
function plainTable(columns: readonly string[], rows: readonly (readonly string[])[], left: number, caption: string, label: string): string[] {
  if (rows.length === 0) return [];
  return [
    '', '\\begin{table*}', '\\centering', '\\small', `\\begin{tabular}{${'l'.repeat(left)}${'r'.repeat(columns.length - left)}}`, '\\toprule',
    row(columns.map(latexText)), '\\midrule', ...rows.map((cells) => row(cells.map(latexText))),
    '\\bottomrule', '\\end{tabular}', `\\caption{${latexText(caption)}}`, `\\label{${label}}`, '\\end{table*}',
  ];
}

/** The tables with their captions; empty of tables where the report has no fine-tuning runs. */
export function latexReport(data: ReportData): string {
  const lines = ['% Made by bertwright report; needs \\usepackage{booktabs,amssymb}.'];
  if (data.runs.length === 0) return `${lines.join('\n')}\n% No fine-tuning runs.\n`;
  const table = leaderboard(data);
  const width = table.columns.length + 1;
  lines.push('\\begin{table*}', '\\centering', '\\small', `\\begin{tabular}{l${'r'.repeat(table.columns.length)}}`, '\\toprule');
  lines.push(row(['System', ...table.columns.map(({ title }) => latexText(title))]));
  lines.push(row(['', ...table.columns.map(({ average, detail }) => (average ? 'average' : latexText(detail)))]));
  for (const group of table.groups) {
    lines.push('\\midrule', `\\multicolumn{${width}}{l}{\\textit{${latexText(group.title)}}} \\\\`);
    for (const { name, cells } of group.rows) lines.push(row([latexText(name), ...cells.map(cellText)]));
  }
  const definitions = glueAverages.map(({ name, definition }) => `${name}: ${definition}`).join('. ');
  const chosen = chosenLegend(data);
  lines.push('\\bottomrule', '\\end{tabular}');
  lines.push(`\\caption{${latexText(`${data.title}. Percentages; ± is the standard deviation over seeds; bold is the best measured here; ⚠ marks the score of a constant prediction${chosen === '' ? '' : `; ${chosen}`}. ${definitions}.`)}}`);
  lines.push('\\label{tab:glue}', '\\end{table*}');
  const metrics = metricRows(data).map(({ task, system, metric, mean, deviation, seeds, majority, trainRows, evalRows }) => [task, system, metric, mean, deviation, seeds, majority, trainRows, evalRows]);
  lines.push(...plainTable(['Task', 'System', 'Metric', 'Mean', '±', 'Seeds', 'Majority', 'Train rows', 'Dev rows'], metrics, 3, `${data.title}: every metric, in percent, on the dev sets.`, 'tab:glue-metrics'));
  lines.push(...plainTable(comparisonColumns, comparisonRows(data), 3, comparisonNote, 'tab:glue-differences'));
  return `${lines.join('\n')}\n`;
}
