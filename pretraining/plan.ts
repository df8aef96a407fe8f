/** Every setting of a pretraining run with its value: the user's where given, else the default. */
import { existsSync } from 'node:fs';
import { isPresetName, type PartialBertConfig, presetConfig, presetNames, readConfig, bertConfig, type BertConfig, withOverrides } from '../src/config/index.js';
import { UsageError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';
import { isOptimizerKind, type OptimizerKind, optimizerKinds } from '../src/optim/optimizerKinds.js';
import { chosenWarmup, scheduleType, type ScheduleType } from '../src/optim/schedules.js';
import type { TextTokenizer } from '../src/tokenizer/index.js';
import { chosenTokenBudget, describeTokenBudget } from '../src/train/batchSize.js';
import { checkedNumber } from '../src/train/checkedNumber.js';
import type { ExampleSettings } from './examples.js';
import type { PrepareSettings } from './manifest.js';
import { type MaskingSettings, checkMasking, defaultMasking } from './masking.js';
import type { PretrainOptions } from './options.js';
import { checkStages, type Stage } from './stages.js';

/** A stage with the size of its micro-batches. */
export interface StagePlan extends Stage {
  /** In sequences; has no meaning beside a budget of tokens. */
  readonly batchSize: number;
}

export interface PretrainPlan {
  readonly seed: number;
  /** Of the longest stage; `stageExamples` and `stageMasking` make those of another. */
  readonly examples: ExampleSettings;
  readonly masking: MaskingSettings;
  readonly evalMasking: MaskingSettings;
  readonly stages: readonly StagePlan[];
  /** Epochs whose masks are used over and over; undefined for ever new ones. */
  readonly dupeFactor: number | undefined;
  readonly optimizer: OptimizerKind;
  /** Sequences of a micro-batch of the first stage, or under a budget of tokens how many of the longest fit. */
  readonly batchSize: number;
  readonly tokensPerBatch: number | undefined;
  readonly evalBatchSize: number;
  readonly accumulationSteps: number;
  readonly learningRate: number;
  readonly schedule: ScheduleType;
  readonly minLrRatio: number;
  readonly warmup: number;
  readonly weightDecay: number;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEpsilon: number | undefined;
  readonly maxGradNorm: number;
  readonly timeBudgetSeconds: number | undefined;
  readonly maxEvalSamples: number;
}

/** How long the run is and how often it reports, known once the batches are. Infinity where only a time budget ends it. */
export interface PretrainLength {
  readonly totalSteps: number;
  readonly loggingSteps: number;
  readonly evalSteps: number | undefined;
  readonly saveSteps: number;
}

/** The settings before data and model are loaded; throws a UsageError for values out of range. */
export function planPretrain(options: PretrainOptions, prepared: PrepareSettings, hiddenSize: number): PretrainPlan {
  if (options.stages !== undefined && options.maxSeqLength !== undefined) throw new UsageError('both --max-seq-length and --stages are given; expected one of them');
  const lengths = options.stages ?? [{ maxSeqLength: whole('max-seq-length', options.maxSeqLength ?? prepared.maxSeqLength, 8), share: 1 }];
  checkStages(lengths);
  const maxSeqLength = Math.max(...lengths.map((stage) => stage.maxSeqLength));
  const tokensPerBatch = chosenTokenBudget(options, maxSeqLength);
  const optimizer: string = options.optimizer ?? 'adamw';
  if (!isOptimizerKind(optimizer)) throw new UsageError(`optimizer is "${optimizer}"; expected ${optimizerKinds.join(', ')}.${didYouMean(optimizer, optimizerKinds)}`);
  const masking: MaskingSettings = {
    ...defaultMasking(maxSeqLength, options.mlmProbability),
    maskReplaceProb: options.maskReplaceProb ?? 0.8,
    randomReplaceProb: options.randomReplaceProb ?? 0.1,
    unit: options.maskingUnit ?? 'token',
  };
  const evalMasking = defaultMasking(maxSeqLength, options.evalMlmProbability);
  checkMasking(masking);
  checkMasking(evalMasking);
  const batchSize =
    tokensPerBatch === undefined
      ? whole('per-device-train-batch-size', options.perDeviceTrainBatchSize ?? 32, 1)
      : Math.floor(tokensPerBatch / maxSeqLength);
  const tokens = tokensPerBatch ?? batchSize * (lengths[0] as Stage).maxSeqLength;
  return {
    seed: options.seed ?? 42,
    examples: {
      nextSentence: options.nextSentence ?? prepared.nextSentence,
      maxSeqLength,
      shortSeqProb: within('short-seq-prob', options.shortSeqProb ?? prepared.shortSeqProb, 0, 1),
    },
    masking,
    evalMasking,
    stages: lengths.map((stage) => ({ ...stage, batchSize: Math.max(1, Math.round(tokens / stage.maxSeqLength)) })),
    dupeFactor: prepared.masking === 'static' ? prepared.dupeFactor : undefined,
    optimizer,
    batchSize,
    tokensPerBatch,
    evalBatchSize: whole('per-device-eval-batch-size', options.perDeviceEvalBatchSize ?? batchSize, 1),
    accumulationSteps: whole('gradient-accumulation-steps', options.gradientAccumulationSteps ?? 1, 1),
    learningRate: within('learning-rate', options.learningRate ?? (hiddenSize <= 256 ? 1e-3 : hiddenSize <= 512 ? 5e-4 : 1e-4), 0, 10),
    schedule: scheduleType(options.lrSchedulerType ?? 'linear'),
    minLrRatio: within('min-lr-ratio', options.minLrRatio ?? 0, 0, 1),
    warmup: chosenWarmup(options.warmupSteps, options.warmupRatio, 0.06),
    weightDecay: within('weight-decay', options.weightDecay ?? 0.01, 0, 1),
    adamBeta1: checkedNumber('adam-beta1', options.adamBeta1 ?? 0.9, 'share'),
    adamBeta2: checkedNumber('adam-beta2', options.adamBeta2 ?? 0.999, 'share'),
    adamEpsilon: options.adamEpsilon === undefined ? undefined : checkedNumber('adam-epsilon', options.adamEpsilon, 'positive'),
    maxGradNorm: within('max-grad-norm', options.maxGradNorm ?? 1, 0, Number.MAX_VALUE),
    timeBudgetSeconds: options.timeBudgetSeconds === undefined ? undefined : within('time-budget', options.timeBudgetSeconds, 1e-3, Number.MAX_SAFE_INTEGER),
    maxEvalSamples: whole('max-eval-samples', options.maxEvalSamples ?? 2000, 1),
  };
}

/** The example settings of a stage. */
export function stageExamples(plan: PretrainPlan, { maxSeqLength }: Stage): ExampleSettings {
  return { ...plan.examples, maxSeqLength };
}

/** Masking settings as those given, with as many predictions as the stage's length allows. */
export function stageMasking(masking: MaskingSettings, { maxSeqLength }: Stage): MaskingSettings {
  return { ...masking, maxPredictions: defaultMasking(maxSeqLength, masking.mlmProbability).maxPredictions };
}

/** How large a batch of the run is, for people. */
export function describeBatch({ tokensPerBatch, batchSize, accumulationSteps, stages }: PretrainPlan): string {
  if (tokensPerBatch !== undefined) return describeTokenBudget(tokensPerBatch, accumulationSteps);
  return stages.length === 1 ? `${batchSize * accumulationSteps}` : stages.map((stage) => `${stage.batchSize * accumulationSteps} of length ${stage.maxSeqLength}`).join(', ');
}

/** The run's length from the steps of an epoch. */
export function planLength(options: PretrainOptions, stepsPerEpoch: number): PretrainLength {
  const budgeted = options.timeBudgetSeconds !== undefined;
  const epochs = options.numTrainEpochs ?? (budgeted ? Number.POSITIVE_INFINITY : 3);
  if (!(epochs > 0)) throw new UsageError(`num-train-epochs is ${epochs}; expected a number above 0`);
  // As the Trainer has it: 0 and below mean "not set".
  const limited = options.maxSteps !== undefined && options.maxSteps <= 0 ? undefined : options.maxSteps;
  const totalSteps = limited === undefined ? Math.ceil(epochs * stepsPerEpoch) : whole('max-steps', limited, 1);
  const every = (name: string, value: number): number => {
    if (!(value > 0)) throw new UsageError(`${name} is ${value}; expected a number of steps, or a share of the run below 1`);
    if (value >= 1) return Math.round(value);
    if (Number.isFinite(totalSteps)) return Math.max(1, Math.ceil(value * totalSteps));
    throw new UsageError(`${name} is the share ${value} of a run whose steps only a time budget ends`, { hint: 'Give a number of steps, or --max-steps as well.' });
  };
  const tenth = Number.isFinite(totalSteps) ? Math.max(1, Math.ceil(totalSteps / 10)) : undefined;
  return {
    totalSteps,
    loggingSteps: options.loggingSteps === undefined ? Math.min(50, tenth ?? 50) : every('logging-steps', options.loggingSteps),
    evalSteps: options.evalSteps === undefined ? tenth : every('eval-steps', options.evalSteps),
    saveSteps: options.saveSteps === undefined ? Math.max(200, tenth ?? 500) : every('save-steps', options.saveSteps),
  };
}

/**
 * The model's configuration from a preset, a file or an object, with `overrides` (see `withOverrides`) and the tokenizer's vocabulary;
 * its name is checked by `checkModelConfig`.
 */
export function resolveModelConfig(given: string | PartialBertConfig | undefined, overrides: readonly string[], tokenizer: TextTokenizer): BertConfig {
  const vocabulary = { vocabSize: tokenizer.vocabSize, padTokenId: tokenizer.padTokenId };
  return bertConfig({ ...withOverrides(givenConfig(given ?? 'tiny', vocabulary), overrides), ...vocabulary });
}

function givenConfig(given: string | PartialBertConfig, vocabulary: PartialBertConfig): BertConfig {
  if (typeof given !== 'string') return bertConfig({ ...given, ...vocabulary });
  return isPresetName(given) ? presetConfig(given, vocabulary) : bertConfig({ ...readConfig(given), ...vocabulary });
}

/** Throws a UsageError where the name of a configuration is neither a preset nor a file. */
export function checkModelConfig(given: string | PartialBertConfig | undefined): void {
  if (typeof given === 'string' && !isPresetName(given) && !existsSync(given)) {
    throw new UsageError(`model-config "${given}" is neither a preset nor a file.${didYouMean(given, presetNames)}`, { hint: `Presets: ${presetNames.join(', ')}.` });
  }
}

function whole(name: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least) throw new UsageError(`${name} is ${value}; expected a whole number of at least ${least}`);
  return value;
}

function within(name: string, value: number, least: number, most: number): number {
  if (!(value >= least && value <= most)) throw new UsageError(`${name} is ${value}; expected a number from ${least} to ${most}`);
  return value;
}
