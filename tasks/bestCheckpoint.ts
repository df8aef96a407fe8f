/** Which evaluation of a run was the best, and whether to go on: pure functions of the log, so that a resumed run agrees. */
import type { LogEntry } from '../src/train/types.js';

export interface BestEvaluation {
  readonly step: number;
  readonly value: number;
  /** Evaluations after it. */
  readonly since: number;
}

/** The best evaluation in the log, the first of equals; undefined where there was none. A loss is best where it is smallest. */
export function bestEvaluation(history: readonly LogEntry[], metric: string): BestEvaluation | undefined {
  let best: { step: number; value: number; since: number } | undefined;
  for (const entry of history) {
    const value = entry[`eval_${metric}`];
    const step = entry['step'];
    if (value === undefined || step === undefined) continue;
    const better = best === undefined || (metric === 'loss' ? value < best.value : value > best.value);
    if (better) best = { step, value, since: 0 };
    else if (best !== undefined) best.since += 1;
  }
  return best;
}

/** True where the last `patience` evaluations brought nothing better. */
export function outOfPatience(history: readonly LogEntry[], metric: string, patience: number | undefined): boolean {
  return patience !== undefined && (bestEvaluation(history, metric)?.since ?? 0) >= patience;
}
