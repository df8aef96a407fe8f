/** From the Chrome trace of a profiled training run: how much of its time lies between the steps. */
import type { ChromeTrace } from '../../../src/native/profile.js';

export interface StepGaps {
  /** Steps in the trace. */
  readonly steps: number;
  /** Inside the steps. */
  readonly stepSeconds: number;
  /** Between the end of a step and the begin of the next: batches, log, checkpoints, the event loop. */
  readonly betweenSeconds: number;
  readonly medianGapMs: number;
  /** The longest first: those with a checkpoint, where there are any. */
  readonly longestGapsMs: readonly number[];
}

/** @param trace with at least two spans named `step` */
export function stepGaps(trace: ChromeTrace): StepGaps {
  const events = trace.traceEvents as readonly { readonly name: string; readonly cat?: string; readonly ts?: number; readonly dur?: number }[];
  const spans = events
    .filter(({ cat, name }) => cat === 'span' && name === 'step')
    .map(({ ts = Number.NaN, dur = Number.NaN }) => ({ begun: ts, ended: ts + dur, duration: dur }))
    .sort((a, b) => a.begun - b.begun);
  if (spans.length < 2) throw new Error(`a trace of ${spans.length} steps; expected at least 2`);
  const gaps = spans.slice(1).map(({ begun }, i) => (begun - (spans[i]?.ended ?? Number.NaN)) / 1000);
  const longestFirst = [...gaps].sort((a, b) => b - a);
  return {
    steps: spans.length,
    stepSeconds: spans.reduce((sum, { duration }) => sum + duration, 0) / 1e6,
    betweenSeconds: gaps.reduce((sum, gap) => sum + gap, 0) / 1000,
    medianGapMs: longestFirst[Math.floor(gaps.length / 2)] ?? Number.NaN,
    longestGapsMs: longestFirst.slice(0, 3),
  };
}
