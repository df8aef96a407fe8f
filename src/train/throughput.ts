/**
 * Adds to the log entries of a run how fast it trains: tokens a second, and the share of the machine's peak that its model FLOPs come
 * to (model FLOPs utilisation, PaLM's appendix B; see modelFlops.ts). Of an entry's steps the time in batches, forward, backward and
 * update counts; evaluations and checkpoints do not.
 */
import type { PackedBatch } from '../data/packedBatch.js';
import type { CountFlops } from './modelFlops.js';
import type { PeakFlops } from './peakFlops.js';
import type { LogEntry, TrainingOptions } from './types.js';

/** The values of a log entry that the clock decides: a resumed run repeats all others exactly. */
export const timedValues = ['tokens_per_second', 'mfu', 'elapsed_seconds'] as const;

export interface ThroughputOptions<B extends PackedBatch> {
  /** Undefined: no utilisation is logged. */
  readonly countFlops?: CountFlops<B> | undefined;
  readonly peak: PeakFlops;
  /** In milliseconds; performance.now unless given. */
  readonly now?: (() => number) | undefined;
}

/** The mean of a run's utilisation over its log entries; undefined where none has one. */
export function meanUtilisation(history: readonly LogEntry[]): number | undefined {
  const values = history.flatMap(({ mfu }) => mfu ?? []);
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The options of a run whose log entries also have `tokens_per_second`, `mfu` (0 to 1) and `elapsed_seconds`: of the run's start,
 * all sessions together, evaluations and checkpoints included.
 */
export function withThroughput<B extends PackedBatch>(options: TrainingOptions<B>, throughput: ThroughputOptions<B>): TrainingOptions<B> {
  const { batches, evaluate, save, summarize = meanOf, resumeState } = options;
  // What an evaluation or a checkpoint takes is no part of the step before it.
  const after = <Arguments extends readonly unknown[], Result>(call: ((...args: Arguments) => Result) | undefined): ((...args: Arguments) => Result) | undefined =>
    call && ((...args) => {
      watch.end();
      return call(...args);
    });
  const watch = new StepWatch(throughput, resumeState?.elapsedSeconds ?? 0);
  return {
    ...options,
    batches: {
      stepsPerEpoch: batches.stepsPerEpoch,
      microBatches: async (step) => {
        watch.begin(step);
        const made = await batches.microBatches(step);
        watch.holds(made);
        return made;
      },
    },
    evaluate: after(evaluate),
    save: after(save),
    summarize: (sums, steps) => ({ ...summarize(sums, steps), ...watch.take() }),
  };
}

function meanOf(sums: Readonly<Record<string, number>>, steps: number): Record<string, number> {
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / steps]));
}

interface Work {
  seconds: number;
  tokens: number;
  flops: number;
}

/** Times steps from the request for their batches to whatever follows them. */
class StepWatch<B extends PackedBatch> {
  readonly #options: ThroughputOptions<B>;
  readonly #elapsedBefore: number;
  #sessionStartedAt: number | undefined;
  #open: { readonly step: number; readonly startedAt: number; tokens: number; flops: number } | undefined;
  #window: Work = { seconds: 0, tokens: 0, flops: 0 };

  constructor(options: ThroughputOptions<B>, elapsedBefore: number) {
    this.#options = options;
    this.#elapsedBefore = elapsedBefore;
  }

  #now(): number {
    return (this.#options.now?.() ?? performance.now()) / 1000;
  }

  begin(step: number): void {
    const startedAt = this.#now();
    // Batches that are asked for twice were first taken for the estimate before the first step, which is no part of the run.
    if (this.#open?.step === step) this.#sessionStartedAt = startedAt;
    else this.end();
    this.#sessionStartedAt ??= startedAt;
    this.#open = { step, startedAt, tokens: 0, flops: 0 };
  }

  holds(batches: readonly B[]): void {
    const open = this.#open;
    if (open === undefined) return;
    for (const batch of batches) {
      open.tokens += batch.inputIds.length;
      open.flops += this.#options.countFlops?.(batch) ?? 0;
    }
  }

  end(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#window.seconds += this.#now() - open.startedAt;
    this.#window.tokens += open.tokens;
    this.#window.flops += open.flops;
  }

  /** The values of the steps since the last time. */
  take(): Record<string, number> {
    this.end();
    const { seconds, tokens, flops } = this.#window;
    this.#window = { seconds: 0, tokens: 0, flops: 0 };
    if (seconds === 0) return {};
    return {
      tokens_per_second: tokens / seconds,
      ...(flops === 0 ? {} : { mfu: flops / seconds / (this.#options.peak.gflops * 1e9) }),
      elapsed_seconds: this.#elapsedBefore + this.#now() - (this.#sessionStartedAt ?? this.#now()),
    };
  }
}
