/** The options that every training run takes, whatever it trains. What is not given is the caller's default. */
import type { OptimizerKind } from '../optim/optimizerKinds.js';
import type { ProgressEvent } from './types.js';

export type MatmulPrecision = 'highest' | 'bf16' | 'auto';

/** What every runner takes. */
export interface CommonOptions {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((event: ProgressEvent) => void) | undefined;
  /** The exact command line, for run.json and the report. */
  readonly command?: string | undefined;
  /** Of training steps; default: as the engine is set. Evaluation and prediction always use the highest. */
  readonly matmulPrecision?: MatmulPrecision | undefined;
}

/** Batches, optimizer, learning rate and length. */
export interface OptimizationOptions {
  /** Sequences of a micro-batch. */
  readonly perDeviceTrainBatchSize?: number | undefined;
  /** Instead of a number of sequences: a micro-batch takes the next ones as long as they fit into so many tokens. Padding does not count. */
  readonly tokensPerBatch?: number | undefined;
  readonly perDeviceEvalBatchSize?: number | undefined;
  /** Micro-batches of an optimizer step. */
  readonly gradientAccumulationSteps?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly lrSchedulerType?: string | undefined;
  /** Steps, or below 1 a share of the run. */
  readonly warmupSteps?: number | undefined;
  readonly warmupRatio?: number | undefined;
  readonly weightDecay?: number | undefined;
  readonly adamBeta1?: number | undefined;
  readonly adamBeta2?: number | undefined;
  readonly adamEpsilon?: number | undefined;
  readonly maxGradNorm?: number | undefined;
  readonly maxSteps?: number | undefined;
  readonly numTrainEpochs?: number | undefined;
  readonly optimizer?: OptimizerKind | undefined;
}

/** The output directory, what is written into it when, and what happens to an earlier run in it. */
export interface RunOptions extends CommonOptions {
  readonly output: string;
  /** Default 42. */
  readonly seed?: number | undefined;
  /** Steps, or below 1 a share of the run; so are the next two. */
  readonly loggingSteps?: number | undefined;
  readonly evalSteps?: number | undefined;
  readonly saveSteps?: number | undefined;
  /** Checkpoints kept beside the best; given, they also stay after the run. */
  readonly saveTotalLimit?: number | undefined;
  /** Only tells whether a run to resume was expected: an output directory with a run is resumed anyway. */
  readonly resume?: boolean | undefined;
  readonly overwrite?: boolean | undefined;
  readonly acceptChanged?: readonly string[] | undefined;
}
