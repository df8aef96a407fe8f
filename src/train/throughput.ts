/**
 * How fast a run trains, for its log: tokens a second, the share of time that its steps wait for their batches, and the share of the
 * machine's peak that its model FLOPs come to (model FLOPs utilisation, PaLM's appendix B; see modelFlops.ts). What counts is the time
 * of the steps: batches, forward, backward and update; evaluations and checkpoints do not.
 */
import type { PackedBatch } from '../data/packedBatch.js';
import type { CountFlops } from './modelFlops.js';
import type { PeakFlops } from './peakFlops.js';
import type { LogEntry } from './types.js';

/** The values of a log entry that the clock decides: a resumed run repeats all others exactly. */
export const timedValues = ['tokens_per_second', 'data_wait', 'mfu', 'elapsed_seconds'] as const;

/** What a run's utilisation is told by. */
export interface Utilisation<B extends PackedBatch> {
  readonly countFlops: CountFlops<B>;
  readonly peak: PeakFlops;
}

/** What steps took in this session. */
export interface StepTiming {
  readonly seconds: number;
  /** Of these, how long the steps stood still for their batches. */
  readonly waitSeconds: number;
  readonly tokens: number;
  /** Model FLOPs; 0 where nobody counts them. */
  readonly flops: number;
}

export const noTime: StepTiming = { seconds: 0, waitSeconds: 0, tokens: 0, flops: 0 };

/** The sum of two stretches of time, field by field. */
export function addTiming(a: StepTiming, b: StepTiming): StepTiming {
  return { seconds: a.seconds + b.seconds, waitSeconds: a.waitSeconds + b.waitSeconds, tokens: a.tokens + b.tokens, flops: a.flops + b.flops };
}

/** The values of a log entry: `tokens_per_second`, `data_wait` (0 to 1) and, where FLOPs were counted, `mfu` (0 to 1). */
export function throughputValues({ seconds, waitSeconds, tokens, flops }: StepTiming, peak: PeakFlops | undefined): Record<string, number> {
  const values = { tokens_per_second: tokens / seconds, data_wait: waitSeconds / seconds };
  return flops === 0 || peak === undefined ? values : { ...values, mfu: flops / seconds / (peak.gflops * 1e9) };
}

/** The mean of a run's utilisation over its log entries; undefined where none has one. */
export function meanUtilisation(history: readonly LogEntry[]): number | undefined {
  const values = history.flatMap(({ mfu }) => mfu ?? []);
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
