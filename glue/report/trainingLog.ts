/** The log of a run as curves by step, from trainer_state.json or, while the run goes on, from metrics.jsonl. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Point } from './lineChart.js';

/** Values of a log entry by name; losses in nats, shares 0 to 1. */
export type LogEntry = Readonly<Record<string, number>>;

/** By name of the logged value, each by optimizer step. */
export type Curves = Readonly<Record<string, readonly Point[]>>;

/** What the report draws or lists. */
const drawn = new Set(['mlm_loss', 'mlm_accuracy', 'nsp_accuracy', 'learning_rate', 'grad_norm', 'tokens_per_second', 'mfu', 'elapsed_seconds', 'eval_mlm_loss', 'eval_mlm_accuracy', 'eval_nsp_accuracy']);

/** A longer curve is drawn by the means of consecutive entries, so that this many are left. */
const mostPoints = 400;

/** Entries with their numbers; what is none is left out. */
export function logEntries(history: unknown): LogEntry[] {
  if (!Array.isArray(history)) return [];
  return history.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return [];
    return [Object.fromEntries(Object.entries(entry).filter((pair): pair is [string, number] => typeof pair[1] === 'number' && Number.isFinite(pair[1])))];
  });
}

/** Entries of a metrics.jsonl, none where it is absent; a line that a kill cut is left out. */
export async function readMetricLines(directory: string): Promise<LogEntry[]> {
  let text: string;
  try {
    text = await readFile(path.join(directory, 'metrics.jsonl'), 'utf8');
  } catch {
    return [];
  }
  const parsed = text.split('\n').flatMap((line): unknown[] => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  return logEntries(parsed);
}

/** The curves of a log that reports draw, by the name of the value; long ones binned. */
export function curvesOf(entries: readonly LogEntry[]): Curves {
  const curves = new Map<string, Point[]>();
  for (const { step, ...values } of entries) {
    if (step === undefined) continue;
    for (const [name, value] of Object.entries(values)) {
      if (!drawn.has(name)) continue;
      const curve = curves.get(name) ?? [];
      curve.push([step, value]);
      curves.set(name, curve);
    }
  }
  return Object.fromEntries([...curves].map(([name, curve]) => [name, binned(curve, mostPoints)]));
}

/** The means of runs of consecutive points, at most `count` of them; the points themselves where there are no more. */
export function binned(points: readonly Point[], count: number): readonly Point[] {
  if (points.length <= count) return points;
  const size = Math.ceil(points.length / count);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, bin) => {
    const part = points.slice(bin * size, (bin + 1) * size);
    const mean = (axis: 0 | 1): number => part.reduce((sum, point) => sum + point[axis], 0) / part.length;
    return [mean(0), mean(1)];
  });
}

/** The value of a curve at a step, straight between its points and, before the first, from the origin; its last value beyond the end. */
export function valueAt(curve: readonly Point[], step: number): number | undefined {
  let before: Point = [0, 0];
  for (const point of curve) {
    if (step <= point[0]) return before[1] + ((point[1] - before[1]) * (step - before[0])) / Math.max(1e-9, point[0] - before[0]);
    before = point;
  }
  return curve.at(-1)?.[1];
}

/** A curve by seconds of the run instead of steps; undefined where its log has no times. */
export function bySeconds(curve: readonly Point[], curves: Curves): readonly Point[] | undefined {
  const elapsed = curves['elapsed_seconds'];
  return elapsed === undefined ? undefined : curve.map(([step, value]) => [valueAt(elapsed, step) ?? 0, value]);
}
