/**
 * The training loop: micro-batches, gradients, clipping, learning rate, update, log, evaluation, checkpoint, interruption.
 * It knows nothing of models or files; everything random is a function of the seed and the step.
 */
import { InterruptedError } from '../data/errors.js';
import type { PackedBatch } from '../data/packedBatch.js';
import { learningRateFactor, resolveWarmupSteps } from '../optim/schedules.js';
import { estimateRun, estimateText } from './estimate.js';
import { optimizerStep } from './step.js';
import { addTiming, noTime, throughputValues } from './throughput.js';
import type { LogEntry, LoopState, StepInterval, TrainingOptions, TrainingResult } from './types.js';

export type { BatchSource, LogEntry, LoopState, LossResult, ProgressEvent, RateRecord, StepInterval, TrainingOptions, TrainingResult } from './types.js';

/** The state before the first step. */
function initialState(optimizer: LoopState['optimizer']): LoopState {
  return { step: 0, optimizer, windowSums: {}, windowSteps: 0, lossSum: 0, elapsedSeconds: 0, samplesSeen: 0, tokensSeen: 0, history: [], evaluationDue: false };
}

/** Lets timers, signals and messages through. */
function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function meanOf(sums: Readonly<Record<string, number>>, steps: number): Record<string, number> {
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / steps]));
}

/**
 * Trains until `totalSteps` steps are done, the time budget is spent, `shouldStop` says so, or `signal` is aborted.
 * The parameters are updated in place. Throws NonFiniteError, before the update, where a loss or gradient is NaN or infinite,
 * and InterruptedError after the state was saved. What `evaluate` or `save` throw comes through.
 */
export async function runTraining<B extends PackedBatch>(options: TrainingOptions<B>): Promise<TrainingResult> {
  const run = new TrainingRun(options);
  return run.run();
}

class TrainingRun<B extends PackedBatch> {
  readonly #options: TrainingOptions<B>;
  readonly #now: () => number;
  #startedAt: number;
  readonly #elapsedBefore: number;
  #step: number;
  #windowSums: Record<string, number>;
  #windowSteps: number;
  #lossSum: number;
  #samplesSeen: number;
  #tokensSeen: number;
  readonly #tokensBefore: number;
  readonly #samplesBefore: number;
  readonly #stepBefore: number;
  readonly #history: LogEntry[];
  #evaluationDue: boolean;
  /** Of this session: since the last log line, and as a whole. */
  #window = noTime;
  #session = noTime;

  constructor(options: TrainingOptions<B>) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#startedAt = this.#now();
    if (options.resumeState !== undefined) options.optimizer.load(options.resumeState.optimizer);
    const state = options.resumeState ?? initialState({ step: 0, moments: new Map() });
    this.#step = this.#stepBefore = state.step;
    this.#windowSums = { ...state.windowSums };
    this.#windowSteps = state.windowSteps;
    this.#lossSum = state.lossSum;
    this.#samplesSeen = this.#samplesBefore = state.samplesSeen;
    this.#tokensSeen = this.#tokensBefore = state.tokensSeen;
    this.#elapsedBefore = state.elapsedSeconds;
    this.#history = [...state.history];
    this.#evaluationDue = state.evaluationDue;
  }

  async run(): Promise<TrainingResult> {
    const { totalSteps, evalSteps, evaluate, saveSteps, save, signal, progress, resumeState, shouldStop } = this.#options;
    let stoppedEarly = resumeState !== undefined && !this.#evaluationDue && shouldStop?.() === true;
    if (this.#evaluationDue && evaluate !== undefined) stoppedEarly = await this.#evaluate(evaluate);
    // Asked once a step: a budget that runs out after the question makes one step more, which then is the last with all that belongs to it.
    let last = this.#step >= totalSteps || this.#budgetSpent();
    if (!stoppedEarly && !last && signal?.aborted !== true) await this.#estimate();
    while (!stoppedEarly && !last) {
      if (signal?.aborted === true) await this.#interrupt(signal);
      await this.#trainStep();
      last = this.#step >= totalSteps || this.#budgetSpent();
      this.#evaluationDue = evaluate !== undefined && (last || this.#due(evalSteps));
      if (this.#evaluationDue && evaluate !== undefined) stoppedEarly = await this.#evaluate(evaluate);
      if (save !== undefined && saveSteps !== undefined && (last || stoppedEarly || this.#due(saveSteps))) {
        const path = await save(this.#step, this.#state());
        progress?.({ type: 'save', step: this.#step, ...(path === undefined ? {} : { path }) });
      }
      await yieldToEventLoop();
    }
    const runtimeSeconds = (this.#now() - this.#startedAt) / 1000;
    progress?.({ type: 'done', step: this.#step, seconds: runtimeSeconds });
    return { state: this.#state(), runtimeSeconds, trainLoss: this.#step === 0 ? 0 : this.#lossSum / this.#step, dataWait: this.#session.waitSeconds / Math.max(1e-9, this.#session.seconds), stoppedEarly };
  }

  #elapsed(): number {
    return this.#elapsedBefore + (this.#now() - this.#startedAt) / 1000;
  }

  /** A run that replays recorded rates goes on to the end of the record whatever the clock says. */
  #budgetSpent(): boolean {
    const { timeBudgetSeconds, rateRecord } = this.#options;
    if (timeBudgetSeconds === undefined || rateRecord?.recorded(this.#step) !== undefined) return false;
    return this.#elapsed() >= timeBudgetSeconds;
  }

  /** The micro-batches of the next step. */
  #nextBatches(): Promise<readonly B[]> | readonly B[] {
    const { batches, totalSteps, timeBudgetSeconds, rateRecord } = this.#options;
    const replayed = timeBudgetSeconds !== undefined && rateRecord?.recorded(this.#step) !== undefined;
    const shareDone = timeBudgetSeconds === undefined ? this.#step / totalSteps : this.#elapsed() / timeBudgetSeconds;
    return batches.microBatches(this.#step, replayed ? undefined : Math.min(1, shareDone));
  }

  #rateFactor(): number {
    const { schedule: type, totalSteps, warmupSteps, scheduleFloor: floor = 0, timeBudgetSeconds, rateRecord } = this.#options;
    if (timeBudgetSeconds === undefined) {
      return learningRateFactor({ type, step: this.#step, totalSteps, warmupSteps: resolveWarmupSteps(warmupSteps, totalSteps), floor });
    }
    const recorded = rateRecord?.recorded(this.#step);
    if (recorded !== undefined) return recorded;
    // Whatever ends the run first, the time or the number of steps, finds the rate at its end.
    const share = Math.min(1, Math.max(this.#elapsed() / timeBudgetSeconds, this.#step / totalSteps));
    // Warm-up counted in steps multiplies the decay over time: its end is not known in time.
    const warmingUp = warmupSteps >= 1 ? Math.min(1, this.#step / warmupSteps) : 1;
    const factor = warmingUp * learningRateFactor({ type, step: share, totalSteps: 1, warmupSteps: warmupSteps < 1 ? warmupSteps : 0, floor });
    rateRecord?.record(this.#step, factor);
    return factor;
  }

  /** Says what the run will take, where somebody listens. The time that this takes is not the run's: rates and budget do not see it. */
  async #estimate(): Promise<void> {
    const { totalSteps, timeBudgetSeconds, progress } = this.#options;
    if (progress === undefined) return;
    const begun = this.#now();
    const stepsLeft = totalSteps - this.#step;
    const budgetLeft = timeBudgetSeconds === undefined ? Number.POSITIVE_INFINITY : Math.max(0, timeBudgetSeconds - this.#elapsed());
    const estimate = estimateRun(this.#options, await this.#nextBatches(), this.#step, stepsLeft);
    progress({ type: 'note', text: estimateText(estimate, stepsLeft, budgetLeft) });
    await yieldToEventLoop();
    this.#startedAt += this.#now() - begun;
  }

  async #trainStep(): Promise<void> {
    const { parameters, computeLoss, optimizer, learningRate, maxGradNorm, loggingSteps, progress, seed, rowIds, utilisation } = this.#options;
    const begun = this.#now();
    const micro = await this.#nextBatches();
    const waited = this.#now() - begun;
    const rate = learningRate * this.#rateFactor();
    const result = optimizerStep({ parameters, microBatches: micro, computeLoss, seed, step: this.#step, rowIds, optimizer, learningRate: rate, maxGradNorm });
    this.#step += 1;
    this.#lossSum += result.loss;
    this.#windowSteps += 1;
    const sums: Record<string, number> = { ...result.metrics, loss: result.loss };
    for (const [name, value] of Object.entries(sums)) this.#windowSums[name] = (this.#windowSums[name] ?? 0) + value;
    const tokens = micro.reduce((sum, batch) => sum + batch.inputIds.length, 0);
    this.#samplesSeen += micro.reduce((sum, batch) => sum + batch.cuSeqlens.length - 1, 0);
    this.#tokensSeen += tokens;
    const stepSeconds = (this.#now() - begun) / 1000;
    const flops = utilisation === undefined ? 0 : micro.reduce((sum, batch) => sum + utilisation.countFlops(batch), 0);
    const took = { seconds: stepSeconds, waitSeconds: waited / 1000, tokens, flops };
    this.#window = addTiming(this.#window, took);
    this.#session = addTiming(this.#session, took);
    const logged = this.#step % loggingSteps === 0 ? await this.#log(rate, result.gradNorm) : undefined;
    const seconds = Math.max(1e-9, (this.#now() - this.#startedAt) / 1000);
    progress?.({
      type: 'step',
      step: this.#step,
      totalSteps: this.#options.totalSteps,
      epoch: this.#epoch(),
      loss: result.loss,
      learningRate: rate,
      gradNorm: result.gradNorm,
      tokensPerSecond: (this.#tokensSeen - this.#tokensBefore) / seconds,
      samplesPerSecond: (this.#samplesSeen - this.#samplesBefore) / seconds,
      secondsLeft: this.#secondsLeft(seconds),
      metrics: result.metrics,
      ...(logged === undefined ? {} : { logged }),
    });
  }

  #epoch(): number {
    return this.#options.batches.epochsAfter(this.#step);
  }

  #due(every: StepInterval | undefined): boolean {
    if (every === 'epoch') return Number.isInteger(this.#epoch());
    return every !== undefined && this.#step % every === 0;
  }

  #secondsLeft(seconds: number): number {
    const { totalSteps, timeBudgetSeconds } = this.#options;
    const bySteps = ((totalSteps - this.#step) * seconds) / Math.max(1, this.#step - this.#stepBefore);
    return timeBudgetSeconds === undefined ? bySteps : Math.max(0, Math.min(bySteps, timeBudgetSeconds - this.#elapsed()));
  }

  async #log(rate: number, gradNorm: number): Promise<LogEntry> {
    const { summarize = meanOf, utilisation } = this.#options;
    const values = { ...summarize(this.#windowSums, this.#windowSteps), ...throughputValues(this.#window, utilisation?.peak), elapsed_seconds: this.#elapsed() };
    const entry = { ...values, grad_norm: gradNorm, learning_rate: rate, epoch: this.#epoch(), step: this.#step };
    this.#windowSums = {};
    this.#windowSteps = 0;
    this.#window = noTime;
    this.#history.push(entry);
    await this.#options.onLog?.(entry);
    return entry;
  }

  /** Evaluates, logs, and says whether to stop. An abort in the middle saves a state that evaluates first thing. */
  async #evaluate(evaluate: (step: number) => Promise<Record<string, number>>): Promise<boolean> {
    const { signal, progress, shouldStop, onLog, totalSteps } = this.#options;
    let metrics: Record<string, number>;
    try {
      metrics = await evaluate(this.#step);
    } catch (error) {
      if (signal?.aborted === true) await this.#interrupt(signal);
      throw error;
    }
    const entry = { ...metrics, epoch: this.#epoch(), step: this.#step };
    this.#history.push(entry);
    this.#evaluationDue = false;
    await onLog?.(entry);
    progress?.({ type: 'eval', step: this.#step, totalSteps, metrics });
    return shouldStop?.() === true;
  }

  async #interrupt(signal: AbortSignal): Promise<never> {
    const { save, progress, totalSteps } = this.#options;
    const path = await save?.(this.#step, this.#state());
    if (path !== undefined) progress?.({ type: 'save', step: this.#step, path });
    const where = Number.isFinite(totalSteps) ? `${this.#step} of ${totalSteps} steps` : `${this.#step} steps`;
    throw InterruptedError.from(signal, `stopped after ${where}${path === undefined ? '' : `; saved ${path}`}`);
  }

  #state(): LoopState {
    return {
      step: this.#step,
      optimizer: this.#options.optimizer.state(),
      windowSums: { ...this.#windowSums },
      windowSteps: this.#windowSteps,
      lossSum: this.#lossSum,
      elapsedSeconds: this.#elapsed(),
      samplesSeen: this.#samplesSeen,
      tokensSeen: this.#tokensSeen,
      history: [...this.#history],
      evaluationDue: this.#evaluationDue,
    };
  }
}
