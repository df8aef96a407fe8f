/**
 * The curves of pretraining runs, all runs in one drawing, by optimizer step and by time: a switch of the page shows the one or the
 * other, without a script.
 */
import type { PretrainingRun } from './collect.js';
import { escapeHtml } from './escapeHtml.js';
import { type LineChart, lineChart, type Point, type Series, tickText } from './lineChart.js';
import { bySeconds } from './trainingLog.js';

interface CurveChart {
  readonly title: string;
  /** Names in the log: of the training steps, and of the evaluations on held-out documents. */
  readonly train?: string;
  readonly held?: string;
  /** Names in the results: what is reached without the model, as a dashed line. */
  readonly level?: { readonly key: string; readonly name: string };
  readonly include?: readonly number[];
  yText(y: number): string;
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`;

const lossChart: CurveChart = { title: 'Masked-word loss (nats)', train: 'mlm_loss', held: 'eval_mlm_loss', level: { key: 'eval_unigram_loss', name: 'word frequencies alone' }, yText: tickText };

const smallCharts: readonly CurveChart[] = [
  { title: 'Masked words found', train: 'mlm_accuracy', held: 'eval_mlm_accuracy', include: [0], yText: percent },
  { title: 'Next-sentence accuracy', train: 'nsp_accuracy', held: 'eval_nsp_accuracy', level: { key: 'eval_nsp_majority', name: 'always the larger class' }, include: [1], yText: percent },
  { title: 'Learning rate', train: 'learning_rate', include: [0], yText: tickText },
  { title: 'Gradient norm, before clipping', train: 'grad_norm', include: [0], yText: tickText },
  { title: 'Tokens a second', train: 'tokens_per_second', include: [0], yText: tickText },
  { title: 'Model FLOPs utilisation', train: 'mfu', include: [0], yText: percent },
];

/** How the horizontal axis counts. */
interface Axis {
  readonly id: 'step' | 'time';
  readonly unit: string;
  /** Undefined where the run's log cannot tell. */
  along(curve: readonly Point[], run: PretrainingRun): readonly Point[] | undefined;
}

const stepAxis: Axis = { id: 'step', unit: 'steps', along: (curve) => curve };

/** Hours, or minutes where the longest run takes no two hours; undefined where no log has times. */
function timeAxis(runs: readonly PretrainingRun[]): Axis | undefined {
  const seconds = Math.max(0, ...runs.map((run) => run.curves['elapsed_seconds']?.at(-1)?.[1] ?? 0));
  if (seconds === 0) return undefined;
  const [unit, size] = seconds < 7200 ? ['minutes', 60] : ['hours', 3600];
  return { id: 'time', unit, along: (curve, run) => bySeconds(curve, run.curves)?.map(([second, value]) => [second / size, value]) };
}

/** The levels of a chart, each value once. */
function levelsOf({ level }: CurveChart, runs: readonly PretrainingRun[]): NonNullable<LineChart['levels']> {
  if (level === undefined) return [];
  const values = new Set(runs.flatMap((run) => run.results[level.key] ?? []));
  return [...values].map((value) => ({ name: level.name, value }));
}

function drawing(chart: CurveChart, runs: readonly PretrainingRun[], axis: Axis, width: number, height: number): string {
  const seriesOf = (run: PretrainingRun, color: number, key: string | undefined, held: boolean): Series[] => {
    const curve = key === undefined ? undefined : run.curves[key];
    const points = curve && axis.along(curve, run);
    if (points === undefined || points.length === 0) return [];
    // Where there is nothing but the training steps, they are the main line.
    const faint = !held && chart.held !== undefined && (run.curves[chart.held] ?? []).length > 0;
    return [{ name: `${run.name}${held ? ', held out' : ''}`, color, points, dots: held && points.length <= 60, faint }];
  };
  const series = runs.flatMap((run, color) => [...seriesOf(run, color, chart.train, false), ...seriesOf(run, color, chart.held, true)]);
  const label = `${chart.title} of ${runs.map(({ name }) => name).join(', ')} by ${axis.unit}`;
  return lineChart({ label, series, levels: levelsOf(chart, runs), include: chart.include ?? [], width, height, xText: tickText, yText: chart.yText, xUnit: axis.unit });
}

/** A wide one scrolls on a narrow screen. */
function figure(chart: CurveChart, svg: string, wide: boolean): string {
  return svg === '' ? '' : `<figure${wide ? ` tabindex="0" role="region" aria-label="${escapeHtml(chart.title)}"` : ''}><h3>${escapeHtml(chart.title)}</h3>${svg}</figure>`;
}

function panel(runs: readonly PretrainingRun[], axis: Axis): string {
  const large = figure(lossChart, drawing(lossChart, runs, axis, 1180, 360), true);
  const small = smallCharts.map((chart) => figure(chart, drawing(chart, runs, axis, 440, 230), false)).join('');
  return large === '' && small === '' ? '' : `<div class="curves by-${axis.id}">${large}<div class="small">${small}</div></div>`;
}

/** The legend, the switch and all drawings; empty where no run has a log. */
export function pretrainingCurves(runs: readonly PretrainingRun[]): string {
  const logged = runs.filter((run) => Object.values(run.curves).some((curve) => curve.length > 1));
  const bySteps = panel(logged, stepAxis);
  if (bySteps === '') return '';
  const time = timeAxis(logged);
  const byTime = time === undefined ? '' : panel(logged, time);
  const names = logged.map((run, color) => `<li><span class="stroke c${color % 6}"></span>${escapeHtml(run.name)}</li>`).join('');
  const strokes = '<li><span class="stroke dotted"></span>held-out documents</li><li><span class="stroke thin"></span>training steps</li><li><span class="stroke level"></span>without a model</li>';
  const choice = (id: string, text: string, checked: boolean): string => `<input type="radio" name="axis" id="by-${id}"${checked ? ' checked' : ''}><label for="by-${id}">${escapeHtml(text)}</label>`;
  const choices = byTime === '' ? '' : `${choice('step', 'by step', true)}${choice('time', 'by time', false)}`;
  return `<div class="switch">${choices}<ul class="key">${names}${strokes}</ul>${bySteps}${byTime}</div>`;
}
