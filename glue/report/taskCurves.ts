/** How fine-tuning went: the dev score after each evaluation, a small drawing a task, a line a run, coloured by system. */
import { type GlueTaskName, glueTaskNames, glueTasks } from '../tasks.js';
import { escapeHtml } from './escapeHtml.js';
import { lineChart, type Point, type Series, tickText } from './lineChart.js';
import type { ReportData } from './reportData.js';

/** All drawings; empty where no run was evaluated more than once. */
export function taskCurves({ runs, systems }: ReportData): string {
  const measured = systems.filter(({ group }) => group === 'measured').map(({ name }) => name);
  const charts = glueTaskNames.flatMap((task) => {
    const series = runs
      .filter((run) => run.task === task && run.scoresByEpoch.length > 1)
      .map((run): Series => ({ name: `${run.system}, seed ${run.seed}`, color: Math.max(0, measured.indexOf(run.system)), points: run.scoresByEpoch, dots: true }));
    const drawing = lineChart({ label: label(task, series), series, width: 340, height: 190, xText: tickText, yText: (y) => (100 * y).toFixed(0), xUnit: 'epochs' });
    return drawing === '' ? [] : [`<figure><h3>${escapeHtml(glueTasks[task].title)}</h3>${drawing}</figure>`];
  });
  if (charts.length === 0) return '';
  const key = measured.map((name, color) => `<li><span class="stroke c${color % 6}"></span>${escapeHtml(name)}</li>`).join('');
  return `<ul class="key">${key}</ul><div class="curves"><div class="small">${charts.join('')}</div></div>`;
}

function label(task: GlueTaskName, series: readonly Series[]): string {
  const ends = series.map(({ name, points }) => `${name} ends at ${(100 * (points.at(-1) as Point)[1]).toFixed(1)}`);
  return `Dev score of ${glueTasks[task].title} over the epochs: ${ends.join('; ')}`;
}
