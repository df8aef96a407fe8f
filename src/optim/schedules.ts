/** Learning-rate schedules as pure functions of the position in the run. */
import { UsageError } from '../data/errors.js';
import { didYouMean } from '../data/nearMatch.js';

export const scheduleTypes = ['linear', 'cosine', 'constant', 'constant_with_warmup', 'linear-bert'] as const;
export type ScheduleType = (typeof scheduleTypes)[number];

/** A schedule by its name in TrainingArguments; throws a UsageError with the near match for any other. */
export function scheduleType(name: string): ScheduleType {
  const found = scheduleTypes.find((type) => type === name);
  if (found !== undefined) return found;
  throw new UsageError(`unknown learning-rate schedule "${name}".${didYouMean(name, scheduleTypes)}`, { hint: `schedules: ${scheduleTypes.join(', ')}` });
}

export interface SchedulePoint {
  readonly type: ScheduleType;
  /** Updates already applied: 0 before the first. Need not be whole (a schedule over time counts in shares of its budget). */
  readonly step: number;
  readonly totalSteps: number;
  readonly warmupSteps: number;
  /** Smallest factor that the decay reaches, 0..1; default 0. */
  readonly floor?: number;
}

/**
 * The factor 0..1 on the peak learning rate for the update after `step` updates. Warm-up is linear from 0 (the very first
 * update of a run with warm-up has factor 0, as in the Trainer and in Google's code), then linear or half-cosine decay to `floor`.
 * 'linear-bert' is the schedule of Google's BERT code: its decay counts from step 0, so that the rate falls at once after the warm-up,
 * from 1 to 1 - warmupSteps / totalSteps.
 */
export function learningRateFactor(point: SchedulePoint): number {
  const { type, step, totalSteps, warmupSteps, floor = 0 } = point;
  if (type === 'constant') return 1;
  if (step < warmupSteps) return step / warmupSteps;
  if (type === 'constant_with_warmup') return 1;
  const decayFrom = type === 'linear-bert' ? 0 : warmupSteps;
  const share = Math.min(1, (step - decayFrom) / Math.max(1e-12, totalSteps - decayFrom));
  const decay = type === 'cosine' ? 0.5 * (1 + Math.cos(Math.PI * share)) : 1 - share;
  return floor + (1 - floor) * Math.max(0, decay);
}

/**
 * The warm-up that two flags and a default ask for, as steps or, below 1, as a share of the run. As in the Trainer steps go before a ratio
 * unless they are 0, and 0 steps without a ratio mean none. Throws a UsageError for values out of range.
 */
export function chosenWarmup(steps: number | undefined, ratio: number | undefined, fallback: number): number {
  if (steps !== undefined && !(steps >= 0 && Number.isFinite(steps))) throw new UsageError(`warmup-steps is ${steps}; expected a number of at least 0`);
  if (ratio !== undefined && !(ratio >= 0 && ratio < 1)) throw new UsageError(`warmup-ratio is ${ratio}; expected a share from 0 to below 1`, { hint: 'give a number of steps as --warmup-steps' });
  if (steps !== undefined && steps > 0) return steps;
  return ratio ?? (steps === 0 ? 0 : fallback);
}

/** Warm-up in steps: a value below 1 is a share of `totalSteps` (rounded up), any other a number of steps. */
export function resolveWarmupSteps(warmup: number, totalSteps: number): number {
  return warmup < 1 ? Math.ceil(warmup * totalSteps) : Math.round(warmup);
}
