/**
 * The report as one self-contained HTML file: no network, a Content-Security-Policy, light and dark, narrow, wide and print.
 * All text from data passes `escapeHtml`, so it is inert.
 */
import { createHash } from 'node:crypto';
import { glueAverages } from '../averages.js';
import { glueTasks } from '../tasks.js';
import { scoreChart } from './charts.js';
import { escapeHtml } from './escapeHtml.js';
import { type Cell, chosenLegend, comparisonColumns, comparisonNote, comparisonRows, figureText, hardColumns, hardRows, leaderboard, metricRows, missingText, pretrainingFigures, runCommands, runPlaces, searchColumns, searchRows, systemColumns, systemRows } from './layout.js';
import { outcomeCharts } from './outcomeCharts.js';
import { pretrainingCurves } from './pretrainingCurves.js';
import type { ReportData } from './reportData.js';
import { sortScript } from './sortScript.js';
import { taskCurves } from './taskCurves.js';
import { reportStyle } from './style.js';

/** The whole page. */
export function htmlReport(data: ReportData): string {
  const curves = taskCurves(data);
  const searched = searchRows(data);
  const body = [
    `<header><h1>${escapeHtml(data.title)}</h1><p>${escapeHtml(subtitle(data))}</p></header>`,
    data.runs.length > 0 ? leaderboardSection(data) : '',
    data.runs.length > 0 ? section('scores', 'Scores against the majority baseline', scoreChart(data)) : '',
    data.runs.length > 0 ? section('systems', 'Size and time', plainTable('Table of size and time', systemColumns, systemRows(data), 1)) : '',
    curves === '' ? '' : section('curves', 'Dev scores while fine-tuning', curves),
    data.pretraining.length > 0 ? pretrainingSection(data) : '',
    data.runs.length > 0 ? metricSection(data) : '',
    searched.length === 0 ? '' : section('searches', 'Settings chosen on dev', plainTable('Table of settings that were tried', searchColumns, searched, 6)),
    data.comparisons.length > 0 ? comparisonSection(data) : '',
    data.outcomes.length > 0 ? section('outcomes', 'Predicted against gold', outcomeCharts(data.outcomes)) : '',
    data.hardest.length > 0 ? section('hardest', 'Most surely wrong', `<details><summary>${data.hardest.length} rows of the dev sets</summary>${plainTable('Table of rows most surely wrong', hardColumns, hardRows(data), hardColumns.length - 1)}</details>`) : '',
    data.remarks.length > 0 ? section('remarks', 'To read the numbers right', list(data.remarks.map(escapeHtml))) : '',
    commandSection(data),
  ];
  const hash = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${hash(reportStyle)}; script-src ${hash(sortScript)}">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(data.title)}</title>
<style>${reportStyle}</style>
</head>
<body>
<main>
${body.filter((part) => part !== '').join('\n')}
</main>
<script>${sortScript}</script>
</body>
</html>
`;
}

function subtitle(data: ReportData): string {
  const systems = data.systems.filter((system) => system.group === 'measured').length;
  const parts = [
    ...(data.runs.length > 0 ? [`${data.runs.length} fine-tuning ${data.runs.length === 1 ? 'run' : 'runs'} of ${systems} ${systems === 1 ? 'system' : 'systems'}`] : []),
    ...(data.pretraining.length > 0 ? [`${data.pretraining.length} pretraining ${data.pretraining.length === 1 ? 'run' : 'runs'}`] : []),
  ];
  return `${parts.join(', ')}.${data.runs.length > 0 ? ' Scores are percentages on the dev sets.' : ''}`;
}

function section(id: string, title: string, content: string): string {
  return `<section aria-labelledby="${id}"><h2 id="${id}">${escapeHtml(title)}</h2>\n${content}\n</section>`;
}

function list(items: readonly string[]): string {
  return `<ul>${items.map((item) => `<li>${item}</li>`).join('')}</ul>`;
}

function scrollable(label: string, table: string, fit = false): string {
  return `<div class="scroll${fit ? ' fit' : ''}" role="region" aria-label="${escapeHtml(label)}" tabindex="0">${table}</div>`;
}

function scoreCell(cell: Cell): string {
  const classes = ['number', cell.best ? 'best' : '', cell.value === undefined ? 'missing' : ''].filter((name) => name !== '').join(' ');
  const title = cell.note === undefined || cell.note === '' ? '' : ` title="${escapeHtml(cell.note)}"`;
  return `<td class="${classes}" data-value="${cell.value ?? ''}"${title}>${escapeHtml(cell.text)}</td>`;
}

function leaderboardSection(data: ReportData): string {
  const table = leaderboard(data);
  const head = table.columns
    .map(({ title, detail, average }) => `<th scope="col" class="number${average ? ' average' : ''}"${average ? ` title="${escapeHtml(detail)}"` : ''}>${escapeHtml(title)}<small>${average ? 'average' : escapeHtml(detail)}</small></th>`)
    .join('');
  const groups = table.groups.map((group) => {
    const rows = group.rows.map((row) => `<tr><th scope="row"${row.note === undefined ? '' : ` title="${escapeHtml(row.note)}"`}>${escapeHtml(row.name)}</th>${row.cells.map(scoreCell).join('')}</tr>`);
    return `<tbody><tr class="group"><th scope="rowgroup" colspan="${table.columns.length + 1}"><span>${escapeHtml(group.title)}</span></th></tr>${rows.join('')}</tbody>`;
  });
  const html = `<table class="leaderboard sortable"><thead><tr><th scope="col">System</th>${head}</tr></thead>${groups.join('')}</table>`;
  const chosen = chosenLegend(data);
  const legend = `<p class="legend">± is the standard deviation over seeds, bold the best measured, ⚠ the score of a constant prediction. ${chosen === '' ? '' : `${escapeHtml(chosen)}. `}An average needs all of its tasks.</p>`;
  const rules = `<details><summary>How the three averages are formed</summary><dl>${glueAverages.map(({ name, definition }) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(definition)}</dd>`).join('')}</dl></details>`;
  return section('leaderboard', 'Leaderboard', `${scrollable('Leaderboard table', html)}${legend}${rules}`);
}

function pretrainingSection(data: ReportData): string {
  const runs = data.pretraining;
  const figures = pretrainingFigures.filter(({ key }) => runs.some((run) => run.results[key] !== undefined));
  const heads = runs.map(({ name }) => `<th scope="col" class="number">${escapeHtml(name)}</th>`).join('');
  const rows = figures.map(({ key, label, share }) => {
    const cells = runs.map(({ results: { [key]: value } }) => (value === undefined ? `<td class="number missing">${missingText}</td>` : `<td class="number">${escapeHtml(figureText(value, share))}</td>`));
    return `<tr><th scope="row">${escapeHtml(label)}</th>${cells.join('')}</tr>`;
  });
  const table = scrollable('Pretraining figures', `<table class="figures"><thead><tr><th scope="col">Figure</th>${heads}</tr></thead><tbody>${rows.join('')}</tbody></table>`, true);
  const notes = runs.flatMap((run) => run.notes.map((note) => escapeHtml(`${run.name}: ${note}`)));
  return section('pretraining', 'Pretraining', `${pretrainingCurves(runs)}${table}${notes.length === 0 ? '' : list(notes)}`);
}

/** A table that sorts; its first columns are text, the others numbers. */
function plainTable(label: string, heads: readonly string[], rows: readonly (readonly string[])[], textColumns: number): string {
  const kind = (i: number): string => (i < textColumns ? '' : ' class="number"');
  const head = heads.map((title, i) => `<th scope="col"${kind(i)}>${escapeHtml(title)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((text, i) => `<td${kind(i)}>${escapeHtml(text)}</td>`).join('')}</tr>`).join('');
  return scrollable(label, `<table class="sortable"><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`, true);
}

function metricSection(data: ReportData): string {
  const heads = ['Task', 'System', 'Metric', 'Mean', '±', 'Seeds', 'Majority', 'Train rows', 'Dev rows'];
  const numeric = new Set([3, 4, 6, 7, 8]);
  const head = heads.map((title, i) => `<th scope="col"${numeric.has(i) ? ' class="number"' : ''}>${escapeHtml(title)}</th>`).join('');
  const rows = metricRows(data).map((row) => {
    const cells = [row.task, row.system, row.metric, row.mean, row.deviation, row.seeds, row.majority, row.trainRows, row.evalRows];
    return `<tr>${cells.map((text, i) => `<td${numeric.has(i) ? ' class="number"' : ''}>${escapeHtml(text)}</td>`).join('')}</tr>`;
  });
  const missing = data.notRun.map(({ task, how }) => `<tr><td>${glueTasks[task].title}</td><td class="missing note" colspan="${heads.length - 1}">${escapeHtml(how)}</td></tr>`);
  return section('metrics', 'Every metric', scrollable('Table of every metric', `<table class="sortable"><thead><tr>${head}</tr></thead><tbody>${[...rows, ...missing].join('')}</tbody></table>`));
}

function comparisonSection(data: ReportData): string {
  return section('differences', 'Differences between systems', `${plainTable('Table of differences', comparisonColumns, comparisonRows(data), 3)}<p class="legend">${escapeHtml(comparisonNote)}</p>`);
}

function commandSection(data: ReportData): string {
  const commands = runCommands(data);
  const where = runPlaces(data).map(escapeHtml);
  const parts = [where.length === 0 ? '' : `<p>${where.join('<br>')}</p>`, commands.length === 0 ? '' : `<pre>${commands.map(escapeHtml).join('\n')}</pre>`].filter((part) => part !== '');
  return parts.length === 0 ? '' : section('commands', 'Commands and machine', `<details open><summary>What was run, and where</summary>${parts.join('')}</details>`);
}
