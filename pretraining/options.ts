/** Options and result of a pretraining run, as the command line and the library pass them. */
import type { Results } from '../src/checkpoint/results.js';
import type { PartialBertConfig } from '../src/config/index.js';
import type { TextTokenizer } from '../src/tokenizer/index.js';
import type { OptimizationOptions, RunOptions } from '../src/train/options.js';
import type { NextSentenceTask } from './examples.js';
import type { MaskingUnit } from './masking.js';
import type { TextFormatOptions } from './prepare/options.js';
import type { Stage } from './stages.js';

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
  /** Only with `corpus`. */
  readonly textFormat?: TextFormatOptions | undefined;
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
  /** Default token. */
  readonly maskingUnit?: MaskingUnit | undefined;
}

/**
 * Defaults: batches of 32, a learning rate of 1e-3 up to a hidden size of 256, 5e-4 up to 512 and 1e-4 beyond, linear with a warm-up ratio
 * of 0.06, weight decay 0.01, gradients clipped to 1, adamw, and 3 epochs where neither steps nor a time budget is given.
 */
export interface PretrainOptions extends RunOptions, OptimizationOptions, CorpusOptions, MaskingOptions {
  /** A preset's name, a config.json, or the settings themselves; the vocabulary size always is the tokenizer's. Default tiny. */
  readonly modelConfig?: string | PartialBertConfig | undefined;
  /** Changes to `modelConfig` as `key=value`, by the keys of config.json. */
  readonly configOverrides?: readonly string[] | undefined;
  /** A checkpoint directory to go on from, instead of `modelConfig`. */
  readonly model?: string | undefined;
  /**
   * Parts of the run with sequence lengths of their own, instead of `maxSeqLength`; their shares are of the steps, or of the time under a
   * budget. A number of sequences is that of the first stage: the others have as many as make the same tokens.
   */
  readonly stages?: readonly Stage[] | undefined;
  /** What the learning rate comes down to, as a share of its peak; default 0. */
  readonly minLrRatio?: number | undefined;
  /** Make batches ahead of time in a worker thread; default: unless the run is too short to gain by it. The batches are the same. */
  readonly prefetch?: boolean | undefined;
  /** The learning rate is scheduled over this time, and the training ends with it. */
  readonly timeBudgetSeconds?: number | undefined;
  /** Held-out examples of an evaluation, default 2000. */
  readonly maxEvalSamples?: number | undefined;
}

export interface PretrainResult {
  readonly output: string;
  /** The content of all_results.json. */
  readonly results: Results;
  /** True where the directory already held the finished run and nothing was computed. */
  readonly alreadyComplete: boolean;
}
