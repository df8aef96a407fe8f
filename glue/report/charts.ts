/** The report's two drawings as inline SVG: scores of each task against the majority baseline, and pretraining curves. */
import { glueTasks } from '../tasks.js';
import type { PretrainingRun } from './collect.js';
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

/** At most `count` points of a curve, evenly taken, its ends kept. */
function thin(points: readonly (readonly [number, number])[], count: number): readonly (readonly [number, number])[] {
  if (points.length <= count) return points;
  const last = points.length - 1;
  return Array.from({ length: count }, (_, i) => points[Math.round((i * last) / (count - 1))] ?? [0, 0]);
}

/** Training and held-out MLM loss by step, with the unigram cross-entropy as a level to beat; empty where there are no points. */
export function curveChart(run: PretrainingRun): string {
  const train = thin(run.trainCurve, 200);
  const held = thin(run.evalCurve, 200);
  const unigram = run.results['eval_unigram_loss'];
  const all = [...train, ...held];
  if (all.length < 2) return '';
  const maxStep = Math.max(...all.map(([step]) => step));
  const losses = [...all.map(([, loss]) => loss), ...(unigram === undefined ? [] : [unigram])];
  const low = Math.floor(Math.min(...losses) * 2) / 2;
  const high = Math.ceil(Math.max(...losses) * 2) / 2;
  const [left, top, width, height] = [48, 12, 420, 240];
  const x = (step: number): number => left + (step / maxStep) * (width - left - 12);
  const y = (loss: number): number => top + ((high - loss) / Math.max(0.5, high - low)) * (height - top - 34);
  const line = (points: readonly (readonly [number, number])[], name: string): string => `<polyline class="${name}" points="${points.map(([step, loss]) => `${round(x(step))},${round(y(loss))}`).join(' ')}"/>`;
  const ticks = Array.from({ length: 5 }, (_, i) => low + ((high - low) * i) / 4);
  const grid = ticks.map((loss) => `<line class="grid" x1="${left}" x2="${width - 12}" y1="${round(y(loss))}" y2="${round(y(loss))}"/><text class="tick" x="${left - 6}" y="${round(y(loss) + 4)}" text-anchor="end">${loss.toFixed(1)}</text>`);
  const level = unigram === undefined ? '' : `<line class="level" x1="${left}" x2="${width - 12}" y1="${round(y(unigram))}" y2="${round(y(unigram))}"/>`;
  const steps = [0, maxStep / 2, maxStep].map((step) => `<text class="tick" x="${round(x(step))}" y="${height - 14}" text-anchor="${step === maxStep ? 'end' : 'middle'}">${Math.round(step)}</text>`);
  const key = `<ul class="key"><li><span class="stroke train"></span>training</li>${held.length > 0 ? '<li><span class="stroke held"></span>held-out</li>' : ''}${unigram === undefined ? '' : '<li><span class="stroke level"></span>unigram</li>'}</ul>`;
  return `<figure>${key}<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Masked-language-model loss in nats by optimizer step">${grid.join('')}${steps.join('')}${level}${line(train, 'train')}${held.length > 0 ? line(held, 'held') : ''}</svg><figcaption>MLM loss (nats) by optimizer step.</figcaption></figure>`;
}
