/** Options and results of the task runners, as the command line and the library pass them. */
import type { Results } from '../src/checkpoint/results.js';
import type { CommonOptions, OptimizationOptions, RunOptions } from '../src/train/options.js';
import type { ProgressEvent } from '../src/train/types.js';
import type { GridOptions, GridPoint } from './grid/gridKeys.js';

export type { GridKey, GridOptions, GridPoint } from './grid/gridKeys.js';

export type EvalStrategy = 'epoch' | 'steps' | 'no';

/** Which rows: a GLUE task in a data folder, or the user's own files. */
export interface DataOptions {
  /** A GLUE task in any spelling. */
  readonly task?: string | undefined;
  /** Folder of the GLUE release; default $GLUE_DIR, then ./glue_data. */
  readonly data?: string | undefined;
  /** Own data: .csv, .tsv, .json (a list), .jsonl, .parquet or .arrow with named columns. */
  readonly trainFile?: string | undefined;
  readonly validationFile?: string | undefined;
  readonly testFile?: string | undefined;
  /** One or two columns; default: sentence1 and sentence2, sentence, text, or the first two that are not the label. */
  readonly textColumnNames?: readonly string[] | undefined;
  /** Default `label`. */
  readonly labelColumnName?: string | undefined;
  /** Metric that is computed and picks the best checkpoint, for own data. */
  readonly metricName?: string | undefined;
  readonly doRegression?: boolean | undefined;
  readonly maxTrainSamples?: number | undefined;
  readonly maxEvalSamples?: number | undefined;
  readonly maxPredictSamples?: number | undefined;
}

/** Hyperparameters; what is not given comes from the recipe. */
export interface HyperparameterOptions extends OptimizationOptions {
  readonly recipe?: string | undefined;
  readonly labelSmoothingFactor?: number | undefined;
  readonly maxSeqLength?: number | undefined;
  readonly layerWiseLrDecay?: number | undefined;
  /** Changes to the model's configuration as `key=value`, by the keys of config.json: dropout for a model that was pretrained without. */
  readonly configOverrides?: readonly string[] | undefined;
}

/** Train an adapter and the head instead of all weights. */
export interface AdapterOptions {
  /** Default none. */
  readonly adapter?: 'none' | 'lora' | 'bottleneck' | undefined;
  /** Rank of LoRA's updates, default 8. */
  readonly loraR?: number | undefined;
  /** Their scale times the rank, default 16. */
  readonly loraAlpha?: number | undefined;
  /** Of their input, default 0.05. */
  readonly loraDropout?: number | undefined;
  /** Names, or ends of names, of the layers that have one, or `all-linear`; default query and value. */
  readonly loraTargetModules?: readonly string[] | undefined;
  /** Width of a bottleneck, default 64. */
  readonly bottleneckSize?: number | undefined;
}

export interface FinetuneOptions extends RunOptions, DataOptions, HyperparameterOptions, AdapterOptions {
  /** Directory with config.json, weights and tokenizer. */
  readonly model: string;
  /** Name of the model in results and reports; default: its folder's. */
  readonly modelName?: string | undefined;
  /** Where `model` was itself fine-tuned on the way to this task: the folder of the model that was the start, and the name of its other runs in reports. */
  readonly root?: { readonly model: string; readonly system: string } | undefined;
  /** 'random': the directory's configuration and tokenizer with fresh weights. */
  readonly init?: 'random' | undefined;
  readonly evalStrategy?: EvalStrategy | undefined;
  readonly saveStrategy?: EvalStrategy | undefined;
  readonly loadBestModelAtEnd?: boolean | undefined;
  readonly metricForBestModel?: string | undefined;
  /** Evaluations without a better one after which the run ends. */
  readonly earlyStoppingPatience?: number | undefined;
  /** Predict the test files where they are there; default true. */
  readonly doPredict?: boolean | undefined;
}

export type { Results } from '../src/checkpoint/results.js';

export interface FinetuneResult {
  readonly output: string;
  readonly task: string;
  /** The content of all_results.json. */
  readonly results: Results;
  /** True where the directory already held the finished run and nothing was computed. */
  readonly alreadyComplete: boolean;
}

export interface EvaluateOptions extends CommonOptions, DataOptions {
  readonly model: string;
  /** Default dev; MNLI's default is both dev sets. */
  readonly split?: string | undefined;
  /** The task's labels in the order of the model's outputs; default: by the names in its config.json. */
  readonly labelOrder?: readonly string[] | undefined;
  readonly maxSeqLength?: number | undefined;
  readonly perDeviceEvalBatchSize?: number | undefined;
  /** The metrics also by length, label, overlap (of the pair's words) or negation; see slices.ts. */
  readonly slices?: readonly string[] | undefined;
}

export interface TextRow {
  readonly textA: string;
  readonly textB?: string | undefined;
}

export interface PredictOptions extends CommonOptions, DataOptions {
  readonly model: string;
  /** Of the task; default test. */
  readonly split?: string | undefined;
  /** A file of rows (a table as for own data) instead of a task's split. */
  readonly file?: string | undefined;
  /** Rows given directly, instead of a file; or a stream of them, some at a time. */
  readonly rows?: readonly TextRow[] | AsyncIterable<readonly TextRow[]> | undefined;
  /** Labels in the order of the model's outputs; default: the names in its config.json. */
  readonly labelOrder?: readonly string[] | undefined;
  readonly maxSeqLength?: number | undefined;
  readonly perDeviceEvalBatchSize?: number | undefined;
}

/** One row's prediction: a label with its probability, or a number. */
export interface Prediction {
  readonly index: number;
  readonly prediction: string | number;
  /** Probability of the predicted label; absent for regression. */
  readonly score?: number;
  /** In the order of the model's outputs. */
  readonly logits: readonly number[];
  /** The gold label or score, in the files of dev sets. */
  readonly label?: string | number;
}

/** What a suite reports: of the run that is the `number`-th of `of`, or of the suite as a whole. */
export type SuiteEvent =
  | { readonly type: 'run'; readonly run: SuiteRun; readonly number: number; readonly of: number; readonly event: ProgressEvent }
  | { readonly type: 'started' | 'ended'; readonly run: SuiteRun; readonly number: number; readonly of: number }
  | { readonly type: 'note'; readonly text: string };

export interface SuiteOptions extends Omit<CommonOptions, 'progress'>, HyperparameterOptions, AdapterOptions {
  readonly progress?: ((event: SuiteEvent) => void) | undefined;
  /** Runs beside each other, each in a process of its own with its share of the engine's threads. Default 1. */
  readonly concurrency?: number | undefined;
  readonly models: readonly string[];
  readonly init?: 'random' | undefined;
  /** Names, or ['all']: every task whose data is there. */
  readonly tasks: readonly string[];
  readonly seeds: readonly number[];
  readonly data?: string | undefined;
  readonly output: string;
  /** Fine-tune this task first, and start others from its model of the same seed, their heads anew: from MNLI's RTE, MRPC and STS-B, else all. */
  readonly fromTask?: string | undefined;
  /**
   * Values to try: of each model and task every point of their cross product runs with every seed, below `<task>/trials`, and the runs of the point with
   * the best mean on dev become those at the usual place. What a recipe with a grid of its own searches is added, unless it is set or searched here.
   */
  readonly grid?: GridOptions | undefined;
  /** Only list what would run, with what it would take. */
  readonly dryRun?: boolean | undefined;
  readonly overwrite?: boolean | undefined;
  readonly maxTrainSamples?: number | undefined;
  readonly maxEvalSamples?: number | undefined;
  readonly maxPredictSamples?: number | undefined;
  readonly evalStrategy?: EvalStrategy | undefined;
  readonly evalSteps?: number | undefined;
  readonly loggingSteps?: number | undefined;
  readonly earlyStoppingPatience?: number | undefined;
  readonly loadBestModelAtEnd?: boolean | undefined;
  readonly doPredict?: boolean | undefined;
}

export interface SuiteRun {
  readonly model: string;
  readonly init?: 'random' | undefined;
  readonly task: string;
  readonly seed: number;
  readonly directory: string;
  /** The run whose model it starts from, where that is not `model`. */
  readonly from?: string | undefined;
  /** The point of the grid that it tries. */
  readonly point?: GridPoint | undefined;
  /** diverged: a point's run that ended in numbers not finite, which is a result there; any other run fails by it. */
  readonly status: 'planned' | 'complete' | 'failed' | 'diverged' | 'skipped';
  /** The metric that picks the best checkpoint, and its value. */
  readonly metric?: string | undefined;
  readonly value?: number | undefined;
  /** Why it failed or was skipped. */
  readonly error?: string | undefined;
  /** Of a failure: the file with all that is known of it. */
  readonly log?: string | undefined;
  /** Of a planned run in a dry run: seconds and bytes of memory that it would take, and the tokens a second that this is from. */
  readonly estimate?: { readonly seconds: number; readonly bytes: number; readonly tokensPerSecond: number } | undefined;
}

/** What a search chose for a model and a task. */
export interface SuiteChoice {
  readonly model: string;
  readonly init?: 'random' | undefined;
  readonly task: string;
  /** The task's folder: the points are in `trials`, the chosen runs in `seed-<n>`. */
  readonly directory: string;
  readonly status: 'chosen' | 'failed';
  /** How many points were tried: the score of the best of many on dev is higher than it would be on other rows. */
  readonly points: number;
  readonly metric: string;
  /** The point with the best mean over the seeds, and its mean and sample deviation. */
  readonly point?: GridPoint | undefined;
  readonly mean?: number | undefined;
  readonly standardDeviation?: number | undefined;
  /** The seeds whose run lies at the usual place. */
  readonly seeds: readonly number[];
  /** Why nothing could be chosen. */
  readonly error?: string | undefined;
}

export interface SuiteResult {
  readonly output: string;
  /** With a grid the runs of its points. */
  readonly runs: readonly SuiteRun[];
  /** One a model and task with a grid, else none. */
  readonly choices: readonly SuiteChoice[];
}
