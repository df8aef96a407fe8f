/** Options and result of a pretraining run, as the command line and the library pass them. */
import type { Results } from '../src/checkpoint/results.js';
import type { PartialBertConfig } from '../src/config/index.js';
import type { TextTokenizer } from '../src/tokenizer/index.js';
import type { ProgressEvent } from '../src/train/types.js';
import type { NextSentenceTask } from './examples.js';

/** Where the text comes from; what is not given comes from the prepared corpus, or is its default. */
export interface CorpusOptions {
  /** A prepared corpus. */
  readonly data?: string | undefined;
  /** Text files, prepared on the way into a folder beside the output. */
  readonly corpus?: readonly string[] | undefined;
  /** With `corpus`: a tokenizer or its directory. */
  readonly tokenizer?: string | TextTokenizer | undefined;
  /** Default 128. */
  readonly maxSeqLength?: number | undefined;
  /** Default nsp. */
  readonly nextSentence?: NextSentenceTask | undefined;
  /** Default 0.1. */
  readonly shortSeqProb?: number | undefined;
  /** Only with `corpus`: percent of the documents to hold out, default 1. */
  readonly validationSplitPercentage?: number | undefined;
}

export interface MaskingOptions {
  /** Default 0.15. */
  readonly mlmProbability?: number | undefined;
  /** On the held-out documents, default 0.15. */
  readonly evalMlmProbability?: number | undefined;
  /** Default 0.8. */
  readonly maskReplaceProb?: number | undefined;
  /** Default 0.1. */
  readonly randomReplaceProb?: number | undefined;
  readonly wholeWordMasking?: boolean | undefined;
}

export interface PretrainOptions extends CorpusOptions, MaskingOptions {
  /** A preset's name, a config.json, or the settings themselves; the vocabulary size always is the tokenizer's. Default tiny. */
  readonly modelConfig?: string | PartialBertConfig | undefined;
  /** A checkpoint directory to go on from, instead of `modelConfig`. */
  readonly model?: string | undefined;
  readonly output: string;
  /** Default 42. */
  readonly seed?: number | undefined;
  /** Default adamw. */
  readonly optimizer?: 'adamw' | 'adamw-bert' | undefined;
  /** Sequences of a micro-batch, default 32. */
  readonly perDeviceTrainBatchSize?: number | undefined;
  readonly perDeviceEvalBatchSize?: number | undefined;
  /** Instead of a number of sequences: at most so many tokens in a micro-batch. */
  readonly tokensPerBatch?: number | undefined;
  readonly gradientAccumulationSteps?: number | undefined;
  /** Default 1e-3 up to a hidden size of 256, 5e-4 up to 512, 1e-4 beyond. */
  readonly learningRate?: number | undefined;
  /** Default linear. */
  readonly lrSchedulerType?: string | undefined;
  /** Steps, or below 1 a share of the run. */
  readonly warmupSteps?: number | undefined;
  /** Default 0.06. */
  readonly warmupRatio?: number | undefined;
  /** Default 0.01. */
  readonly weightDecay?: number | undefined;
  readonly adamBeta1?: number | undefined;
  readonly adamBeta2?: number | undefined;
  readonly adamEpsilon?: number | undefined;
  /** Default 1. */
  readonly maxGradNorm?: number | undefined;
  readonly maxSteps?: number | undefined;
  /** Default 3 where neither steps nor a time budget is given. */
  readonly numTrainEpochs?: number | undefined;
  /** The learning rate is scheduled over this time, and the training ends with it. */
  readonly timeBudgetSeconds?: number | undefined;
  /** Steps, or below 1 a share of the run; so are the next two. */
  readonly loggingSteps?: number | undefined;
  readonly evalSteps?: number | undefined;
  readonly saveSteps?: number | undefined;
  /** Checkpoints kept; given, they also stay after the run. */
  readonly saveTotalLimit?: number | undefined;
  /** Held-out examples of an evaluation, default 2000. */
  readonly maxEvalSamples?: number | undefined;
  /** Only tells whether a run to resume was expected: an output directory with a run is resumed anyway. */
  readonly resume?: boolean | undefined;
  readonly overwrite?: boolean | undefined;
  readonly acceptChanged?: readonly string[] | undefined;
  /** Of training steps; default: as the engine is set. Evaluation always uses the highest. */
  readonly matmulPrecision?: 'highest' | 'bf16' | 'auto' | undefined;
  /** The exact command line, for run.json and the report. */
  readonly command?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((event: ProgressEvent) => void) | undefined;
}

export interface PretrainResult {
  readonly output: string;
  /** The content of all_results.json. */
  readonly results: Results;
  /** True where the directory already held the finished run and nothing was computed. */
  readonly alreadyComplete: boolean;
}
