/** Turns the options of a fine-tune into the numbers it runs with: recipe, batch, schedule, evaluation and saving. */
import { UsageError } from '../src/data/errors.js';
import { defaultEpsilon, type OptimizerKind } from '../src/optim/optimizerKinds.js';
import { chosenWarmup, resolveWarmupSteps, type ScheduleType, scheduleType } from '../src/optim/schedules.js';
import { describeTokenBudget, refuseTwoBatchSizes } from '../src/train/batchSize.js';
import type { StepInterval } from '../src/train/types.js';
import { type Epochs, epochsBySequences, epochsByTokens } from './epochs.js';
import { checkedNumber } from '../src/train/checkedNumber.js';
import type { EvalStrategy, FinetuneOptions } from './options.js';
import { defaultRecipe, type Hyperparameters, recipe } from './recipes.js';
import type { TaskSpec } from './taskSpec.js';

/**
 * The size of a micro-batch: sequences, or tokens. Of sequences the plan has no key `tokensPerBatch`, as run.json of such runs has none:
 * those of earlier versions go on.
 */
type BatchSize =
  | { readonly perDeviceTrainBatchSize: number; readonly tokensPerBatch?: undefined }
  | { readonly perDeviceTrainBatchSize: undefined; readonly tokensPerBatch: number };

export type FinetunePlan = BatchSize & FinetuneSettings;

interface FinetuneSettings {
  readonly recipe: string;
  readonly perDeviceEvalBatchSize: number;
  readonly gradientAccumulationSteps: number;
  readonly learningRate: number;
  readonly lrSchedulerType: ScheduleType;
  readonly warmupSteps: number;
  readonly weightDecay: number;
  readonly optimizer: OptimizerKind;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEpsilon: number;
  readonly maxGradNorm: number;
  readonly labelSmoothingFactor: number;
  readonly numTrainEpochs: number;
  /** Undefined beside `tokensPerBatch`, where epochs differ. */
  readonly stepsPerEpoch: number | undefined;
  readonly totalSteps: number;
  readonly maxSeqLength: number;
  readonly layerWiseLrDecay: number;
  readonly seed: number;
  readonly loggingSteps: number;
  readonly evalStrategy: EvalStrategy;
  /** Undefined: only after the last step. */
  readonly evalSteps: StepInterval | undefined;
  readonly saveStrategy: EvalStrategy;
  readonly saveSteps: StepInterval | undefined;
  readonly saveTotalLimit: number;
  readonly loadBestModelAtEnd: boolean;
  /** Without `eval_`. */
  readonly metricForBestModel: string;
  readonly earlyStoppingPatience: number | undefined;
}

/** A number of steps, or below 1 a share of the run (at least one step). */
function stepsOrShare(name: string, value: number, totalSteps: number): number {
  checkedNumber(name, value, 'positive');
  return value < 1 ? Math.max(1, Math.round(value * totalSteps)) : checkedNumber(name, value, 'count');
}

/** What a plan depends on beside the options. */
export interface FinetuneFacts {
  readonly trainRows: number;
  /** Tokens of each training row; needed where the options have `tokensPerBatch`. */
  readonly trainLengths?: Int32Array | undefined;
  readonly devRows: number;
  readonly hiddenSize: number;
  readonly adapted?: boolean;
}

/** What the recipe says, before options. Throws a UsageError for an unknown recipe. */
export function recipeHyperparameters(options: FinetuneOptions, spec: TaskSpec, { trainRows, hiddenSize, adapted }: FinetuneFacts): Hyperparameters {
  return recipe(options.recipe ?? defaultRecipe).hyperparameters({ task: spec.name, trainRows, hiddenSize, adapted: adapted === true });
}

/** The epochs of a plan's training. */
export function plannedEpochs(plan: BatchSize & Pick<FinetuneSettings, 'gradientAccumulationSteps' | 'seed'>, { trainRows, trainLengths }: FinetuneFacts): Epochs {
  const { gradientAccumulationSteps: accumulation, seed } = plan;
  if (plan.tokensPerBatch === undefined) return epochsBySequences(trainRows, { batchSize: plan.perDeviceTrainBatchSize, accumulation, seed });
  if (trainLengths === undefined) throw new RangeError('plannedEpochs: batches by tokens need the lengths of the training rows');
  return epochsByTokens(trainLengths, { tokensPerBatch: plan.tokensPerBatch, accumulation, seed });
}

/** How large a batch of the run is, for people. */
export function describeBatch(plan: FinetunePlan): string {
  return plan.tokensPerBatch === undefined ? `${plan.perDeviceTrainBatchSize * plan.gradientAccumulationSteps}` : describeTokenBudget(plan.tokensPerBatch, plan.gradientAccumulationSteps);
}

/** Resolves and checks everything; throws a UsageError that names the option. */
export function planFinetune(options: FinetuneOptions, spec: TaskSpec, facts: FinetuneFacts): FinetunePlan {
  const base = recipeHyperparameters(options, spec, facts);
  refuseTwoBatchSizes(options);
  const { tokensPerBatch } = options;
  const batch: BatchSize =
    tokensPerBatch === undefined
      ? { perDeviceTrainBatchSize: checkedNumber('perDeviceTrainBatchSize', options.perDeviceTrainBatchSize ?? base.perDeviceTrainBatchSize, 'count') }
      : { perDeviceTrainBatchSize: undefined, tokensPerBatch: checkedNumber('tokensPerBatch', tokensPerBatch, 'count') };
  const accumulation = checkedNumber('gradientAccumulationSteps', options.gradientAccumulationSteps ?? 1, 'count');
  const seed = options.seed ?? 42;
  const epochs = plannedEpochs({ ...batch, gradientAccumulationSteps: accumulation, seed }, facts);
  const stepsPerEpoch = tokensPerBatch === undefined ? epochs.stepsIn(1) : undefined;
  const numTrainEpochs = checkedNumber('numTrainEpochs', options.numTrainEpochs ?? base.numTrainEpochs, 'positive');
  // As the Trainer has it: 0 and below mean "not set".
  const limited = options.maxSteps !== undefined && options.maxSteps > 0;
  const totalSteps = limited ? checkedNumber('maxSteps', options.maxSteps ?? 1, 'count') : Math.max(1, epochs.stepsIn(numTrainEpochs));
  const optimizer = options.optimizer ?? 'adamw';
  const warmup = chosenWarmup(options.warmupSteps, options.warmupRatio, base.warmupRatio);
  const strategy = facts.devRows === 0 ? 'no' : (options.evalStrategy ?? (options.evalSteps === undefined ? 'epoch' : 'steps'));
  const loggingSteps = options.loggingSteps === undefined ? Math.max(1, Math.min(50, Math.floor(totalSteps / 10))) : stepsOrShare('loggingSteps', options.loggingSteps, totalSteps);
  const everyEpoch = stepsPerEpoch ?? 'epoch';
  const evalSteps = strategy === 'no' ? undefined : strategy === 'epoch' ? everyEpoch : stepsOrShare('evalSteps', options.evalSteps ?? loggingSteps, totalSteps);
  if (options.earlyStoppingPatience !== undefined && strategy === 'no') {
    throw new UsageError('--early-stopping-patience without evaluations', { hint: 'evaluate with --eval-strategy epoch or steps, and with a validation file where the data is your own' });
  }
  const loadBest = strategy !== 'no' && (options.loadBestModelAtEnd ?? true);
  // The best model can only come back from a checkpoint, so every evaluation is followed by one.
  const saveStrategy = loadBest ? strategy : (options.saveStrategy ?? (options.saveSteps === undefined ? 'no' : 'steps'));
  const saveSteps = saveStrategy === 'no' ? undefined : loadBest ? evalSteps : saveStrategy === 'epoch' ? everyEpoch : stepsOrShare('saveSteps', options.saveSteps ?? 500, totalSteps);
  return {
    recipe: options.recipe ?? defaultRecipe,
    ...batch,
    perDeviceEvalBatchSize: checkedNumber('perDeviceEvalBatchSize', options.perDeviceEvalBatchSize ?? 64, 'count'),
    gradientAccumulationSteps: accumulation,
    learningRate: checkedNumber('learningRate', options.learningRate ?? base.learningRate, 'positive'),
    lrSchedulerType: scheduleType(options.lrSchedulerType ?? base.lrSchedulerType),
    warmupSteps: resolveWarmupSteps(warmup, totalSteps),
    weightDecay: checkedNumber('weightDecay', options.weightDecay ?? base.weightDecay, 'nonNegative'),
    optimizer,
    adamBeta1: checkedNumber('adamBeta1', options.adamBeta1 ?? base.adamBeta1, 'share'),
    adamBeta2: checkedNumber('adamBeta2', options.adamBeta2 ?? base.adamBeta2, 'share'),
    adamEpsilon: checkedNumber('adamEpsilon', options.adamEpsilon ?? Math.max(base.adamEpsilon, defaultEpsilon(optimizer)), 'positive'),
    maxGradNorm: checkedNumber('maxGradNorm', options.maxGradNorm ?? 1, 'nonNegative'),
    labelSmoothingFactor: checkedNumber('labelSmoothingFactor', options.labelSmoothingFactor ?? 0, 'share'),
    numTrainEpochs: limited ? epochs.epochsAfter(totalSteps) : numTrainEpochs,
    stepsPerEpoch,
    totalSteps,
    maxSeqLength: options.maxSeqLength ?? base.maxSeqLength,
    layerWiseLrDecay: checkedNumber('layerWiseLrDecay', options.layerWiseLrDecay ?? 1, 'positive'),
    seed,
    loggingSteps,
    evalStrategy: strategy,
    evalSteps,
    saveStrategy,
    saveSteps,
    saveTotalLimit: checkedNumber('saveTotalLimit', options.saveTotalLimit ?? 1, 'count'),
    loadBestModelAtEnd: loadBest,
    metricForBestModel: bestMetric(options.metricForBestModel, spec),
    earlyStoppingPatience: options.earlyStoppingPatience === undefined ? undefined : checkedNumber('earlyStoppingPatience', options.earlyStoppingPatience, 'count'),
  };
}

function bestMetric(wanted: string | undefined, spec: TaskSpec): string {
  const choices = ['loss', ...spec.metrics, ...(spec.metrics.length > 1 ? ['combined_score'] : [])];
  const name = wanted?.replace(/^eval_/, '') ?? spec.selectBy;
  if (choices.includes(name)) return name;
  throw new UsageError(`${spec.title} has no metric "${name}"`, { hint: `its metrics: ${choices.join(', ')}` });
}
