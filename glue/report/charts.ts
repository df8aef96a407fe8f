/** The scores of each task against the majority baseline as inline SVG. */
import { glueTasks } from '../tasks.js';
import { escapeHtml } from './escapeHtml.js';
import { percentText, reportTasks } from './layout.js';
import { type ReportData, summaryScore } from './reportData.js';

const round = (value: number): string => value.toFixed(1);

/** One line a task: a tick at the majority baseline, a dot for each measured system, on a scale of 0 to 100. */
export function scoreChart(data: ReportData): string {
  const measured = data.systems.filter((system) => system.group === 'measured');
  const majority = data.systems.find((system) => system.group === 'majority');
  const tasks = reportTasks(data).filter((task) => measured.some((system) => system.tasks[task] !== undefined));
  const rowHeight = 34;
  const left = 72;
  const width = 520;
  const span = width - left - 16;
  const x = (value: number): number => left + (Math.max(0, Math.min(100, value)) / 100) * span;
  const height = tasks.length * rowHeight + 34;
  const grid = [0, 25, 50, 75, 100].map((value) => `<line class="grid" x1="${round(x(value))}" x2="${round(x(value))}" y1="8" y2="${height - 22}"/><text class="tick" x="${round(x(value))}" y="${height - 6}" text-anchor="middle">${value}</text>`);
  const rows = tasks.map((task, i) => {
    const y = 24 + i * rowHeight;
    const parts = [`<text x="${left - 10}" y="${y + 5}" text-anchor="end">${escapeHtml(glueTasks[task].title)}</text><line class="axis" x1="${left}" x2="${left + span}" y1="${y}" y2="${y}"/>`];
    const base = majority?.tasks[task];
    const baseScore = base === undefined ? undefined : summaryScore(base);
    if (baseScore !== undefined) parts.push(`<rect class="majority" x="${round(x(baseScore) - 2)}" y="${y - 10}" width="4" height="20"><title>Majority baseline ${percentText(baseScore)}</title></rect>`);
    for (const [index, system] of measured.entries()) {
      const summary = system.tasks[task];
      const score = summary === undefined ? undefined : summaryScore(summary);
      if (score !== undefined) parts.push(`<circle class="system s${index % 6}" cx="${round(x(score))}" cy="${y}" r="7"><title>${escapeHtml(system.name)} ${percentText(score)}</title></circle>`);
    }
    return parts.join('');
  });
  const legend = measured.map((system, index) => `<li><span class="dot s${index % 6}"></span>${escapeHtml(system.name)}</li>`);
  const baseline = majority === undefined ? '' : '<li><span class="bar"></span>Majority baseline</li>';
  const label = `Score of each task, 0 to 100, beside the majority baseline; the same numbers stand in the table of every metric`;
  return `<figure><ul class="key">${legend.join('')}${baseline}</ul><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${grid.join('')}${rows.join('')}</svg><figcaption>The mean of a task's metrics, in percent.</figcaption></figure>`;
}
