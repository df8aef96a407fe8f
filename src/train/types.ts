/** What a training run is made of: where its batches come from, what it computes, what it reports. */
import type * as tf from '@tensorflow/tfjs';
import type { PackedBatch } from '../data/packedBatch.js';
import type { ForwardContext } from '../encoder/types.js';
import type { MomentOptimizer, OptimizerState } from '../optim/momentOptimizer.js';
import type { ScheduleType } from '../optim/schedules.js';
import type { Utilisation } from './throughput.js';

/** Where the batches come from; a pure function of the step, so that a resumed run sees what an uninterrupted one sees. */
export interface BatchSource<B> {
  /**
   * The micro-batches of the optimizer step with this number, counted from 0. `shareDone` is how much of the run is over, 0..1: of its
   * steps, or of the time under a budget; there it is absent for a step that repeats one of an earlier session.
   */
  microBatches(step: number, shareDone?: number): Promise<readonly B[]> | readonly B[];
  /** Passes over the data in the first `steps` steps. Where the source has epochs, a whole number at their ends and only there. */
  epochsAfter(steps: number): number;
}

/** How often something happens: every so many steps, or at the end of each epoch of the batches. */
export type StepInterval = number | 'epoch';

/** The loss of one micro-batch. */
export interface LossResult {
  /** Scaled so that the losses of a step's micro-batches sum to the step's mean loss. */
  readonly loss: tf.Scalar;
  /** Numbers for the log, summed over micro-batches and over the steps between two log lines; see `summarize`. */
  readonly metrics: Readonly<Record<string, tf.Scalar | number>>;
}

/** One entry of log_history: step, epoch and named numbers. */
export type LogEntry = Readonly<Record<string, number>>;

/** Everything beside the weights that a run needs to go on as if it had never stopped. Plain data but for the optimizer's arrays. */
export interface LoopState {
  /** Optimizer steps done. */
  readonly step: number;
  readonly optimizer: OptimizerState;
  /** Sums since the last log line. */
  readonly windowSums: Readonly<Record<string, number>>;
  readonly windowSteps: number;
  /** Sum of the step losses from step 0 on; divided by `step` it is train_loss. */
  readonly lossSum: number;
  /** Seconds of training so far, all sessions together. */
  readonly elapsedSeconds: number;
  /** Sequences and tokens trained on so far. */
  readonly samplesSeen: number;
  readonly tokensSeen: number;
  readonly history: readonly LogEntry[];
  /** The evaluation due after `step` was interrupted and has to be made first. */
  readonly evaluationDue: boolean;
}

export type ProgressEvent =
  | { readonly type: 'step'; readonly step: number; readonly totalSteps: number; readonly epoch: number; readonly loss: number; readonly learningRate: number; readonly gradNorm: number; readonly tokensPerSecond: number; readonly samplesPerSecond: number; readonly secondsLeft: number; readonly metrics: Readonly<Record<string, number>>; /** Set where this step wrote a log line. */ readonly logged?: LogEntry }
  | { readonly type: 'eval'; readonly step: number; readonly totalSteps: number; readonly metrics: Readonly<Record<string, number>> }
  | { readonly type: 'save'; readonly step: number; readonly path?: string }
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'done'; readonly step: number; readonly seconds: number };

/** Learning rates under a time budget, which depend on the clock: recorded as they are used, replayed after a resume. */
export interface RateRecord {
  /** The factor recorded for the step (from 0), or undefined. */
  recorded(step: number): number | undefined;
  record(step: number, factor: number): void;
}

export interface TrainingOptions<B extends PackedBatch> {
  /** By Hugging Face name. A parameter that no loss touches in a step is left as it is in that step. */
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly optimizer: MomentOptimizer;
  readonly batches: BatchSource<B>;
  /**
   * Called inside a gradient tape, synchronously; `all` are the step's micro-batches, for weighting by tokens or sequences.
   * Tensors made here are disposed afterwards, those of the result included.
   */
  readonly computeLoss: (batch: B, context: ForwardContext, all: readonly B[]) => LossResult;
  /** Ignored as the end of the run under `timeBudgetSeconds`, where it only caps it (use Infinity for no cap). */
  readonly totalSteps: number;
  readonly learningRate: number;
  readonly schedule: ScheduleType;
  /** Number of steps, or below 1 a share of the run (of its steps, or of its time under a budget). */
  readonly warmupSteps: number;
  /** Smallest factor of the schedule, default 0. */
  readonly scheduleFloor?: number | undefined;
  /** Largest global gradient norm; 0 switches clipping off. */
  readonly maxGradNorm: number;
  readonly seed: number;
  /** A log line every so many steps. */
  readonly loggingSteps: number;
  /** When to evaluate, beside after the last step; absent: only then. */
  readonly evalSteps?: StepInterval | undefined;
  /** Metrics of the model as it is now (keys as they shall stand in the log, e.g. eval_loss). */
  readonly evaluate?: ((step: number) => Promise<Record<string, number>>) | undefined;
  /** Asked after each evaluation: true ends the run (early stopping). */
  readonly shouldStop?: (() => boolean) | undefined;
  /** When to save a checkpoint. One is also saved when the run is interrupted. */
  readonly saveSteps?: StepInterval | undefined;
  /** Saves weights and `state`; returns where, for the progress report. */
  readonly save?: ((step: number, state: LoopState) => Promise<string | undefined>) | undefined;
  /** Go on from here; the caller has loaded the weights. */
  readonly resumeState?: LoopState | undefined;
  /** Aborting ends the run after the current step: saves, then throws InterruptedError. Its reason may be 'SIGINT' or 'SIGTERM'. */
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((event: ProgressEvent) => void) | undefined;
  /** Turns the sums of a window of `steps` steps into log values; by default each sum is divided by `steps`. */
  readonly summarize?: ((sums: Readonly<Record<string, number>>, steps: number) => Record<string, number>) | undefined;
  /** With it the log has the model FLOPs utilisation. */
  readonly utilisation?: Utilisation<B> | undefined;
  /** The learning rate is scheduled over this time, all sessions together, and the run ends with it. */
  readonly timeBudgetSeconds?: number | undefined;
  readonly rateRecord?: RateRecord | undefined;
  /** Called for every log and evaluation entry as it is made (metrics.jsonl). */
  readonly onLog?: ((entry: LogEntry) => void | Promise<void>) | undefined;
  /** The clock, in milliseconds; performance.now unless given. */
  readonly now?: (() => number) | undefined;
  /** Row ids of a batch, named when its loss or gradient is not finite. */
  readonly rowIds?: ((batch: B) => ArrayLike<number>) | undefined;
}

export interface TrainingResult {
  readonly state: LoopState;
  /** Seconds spent in this session. */
  readonly runtimeSeconds: number;
  /** Mean of all step losses. */
  readonly trainLoss: number;
  /** Share of the time of this session's steps in which they waited for their batches, 0..1. */
  readonly dataWait: number;
  /** True where `shouldStop` ended the run. */
  readonly stoppedEarly: boolean;
}
