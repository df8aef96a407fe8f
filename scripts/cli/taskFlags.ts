/** Flags of the task commands and their translation to the runners' options. */
import { optimizerKinds } from '../../src/optim/optimizerKinds.js';
import { adapterNames } from '../../tasks/adapterNames.js';
import type { AdapterOptions, DataOptions, EvalStrategy, HyperparameterOptions } from '../../tasks/options.js';
import { glueDataOption, trainingOptions } from './options.js';
import type { Settings } from './settings.js';
import type { OptionSpec } from './spec.js';
import { oneOf } from './textFormat.js';
import { readOptimization } from './trainingRun.js';

const ownData = 'Own data';
const adapterGroup = 'Adapters';

/** A GLUE task and where its data lies. */
export const taskOptions: Readonly<Record<string, OptionSpec>> = {
  task: { type: 'string', describe: 'GLUE task: cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli', letter: 't' },
  ...glueDataOption,
};

/** Columns of own data. */
export const columnOptions: Readonly<Record<string, OptionSpec>> = {
  'text-column-names': { type: 'list', describe: 'one or two text columns', group: ownData },
  'label-column-name': { type: 'string', describe: 'label column (default: label)', group: ownData },
};

/** Own data with labels to score against. */
export const ownDataOptions: Readonly<Record<string, OptionSpec>> = {
  'validation-file': { type: 'string', describe: 'own validation data: .csv, .tsv, .json, .jsonl, .parquet or .arrow with named columns', group: ownData },
  ...columnOptions,
  'metric-name': { type: 'string', describe: 'metric: accuracy, f1, matthews_correlation, pearson, spearmanr', group: ownData },
};

/** Hyperparameters of fine-tuning; what is not given comes from the recipe. */
export const finetuneOptions: Readonly<Record<string, OptionSpec>> = {
  recipe: { type: 'string', describe: 'where unset hyperparameters come from: bertwright, hf-docs, hf-defaults, bert-paper, google-small, mosaic (default: bertwright)' },
  'max-seq-length': { type: 'number', describe: 'longest input in tokens' },
  'config-overrides': { type: 'list', describe: "changes to the model's configuration by the keys of config.json: hidden_dropout_prob=0.1" },
  ...trainingOptions,
  optimizer: { type: 'string', describe: 'adamw corrects the bias of its moments, adamw-bert does not; lamb is for batches of thousands', choices: [...optimizerKinds], group: 'Training' },
  adapter: { type: 'string', describe: 'train an adapter and the head instead of all weights (default: none)', choices: [...adapterNames], group: adapterGroup },
  'lora-r': { type: 'number', whole: true, describe: 'rank of the updates (default: 8)', group: adapterGroup },
  'lora-alpha': { type: 'number', describe: 'the updates are scaled by alpha / r (default: 16)', group: adapterGroup },
  'lora-dropout': { type: 'number', describe: "of the updates' input (default: 0.05)", group: adapterGroup },
  'lora-target-modules': { type: 'list', describe: 'layers that have one, by the end of their names, or all-linear (default: query,value)', group: adapterGroup },
  'bottleneck-size': { type: 'number', whole: true, describe: 'width of a bottleneck (default: 64)', group: adapterGroup },
  'label-smoothing-factor': { type: 'number', describe: 'share of the target spread over all classes', group: 'Training' },
  'layer-wise-lr-decay': { type: 'number', describe: 'factor on the learning rate from each layer to the one below', group: 'Training' },
  'max-train-samples': { type: 'number', describe: 'use the first N training rows', group: 'Training' },
  'max-eval-samples': { type: 'number', describe: 'score the first N dev rows', group: 'Training' },
  'max-predict-samples': { type: 'number', describe: 'predict the first N test rows', group: 'Training' },
  'eval-strategy': { type: 'string', describe: 'when to evaluate (default: epoch)', choices: ['epoch', 'steps', 'no'], group: 'Training' },
  'save-strategy': { type: 'string', describe: 'when to keep a checkpoint to resume from (default: as evaluation)', choices: ['epoch', 'steps', 'no'], group: 'Training' },
  'load-best-model-at-end': { type: 'boolean', describe: 'end with the checkpoint that scored best on dev (default: on)', group: 'Training' },
  'metric-for-best-model': { type: 'string', describe: "what picks the best checkpoint (default: the task's metric)", group: 'Training' },
  'early-stopping-patience': { type: 'number', describe: 'stop after N evaluations without a better one', group: 'Training' },
  predict: { type: 'boolean', describe: 'predict the test files where they are there (default: on)' },
};

/** The rows that the flags name. */
export function readDataOptions(settings: Settings): DataOptions {
  return {
    task: settings.string('task'),
    data: settings.string('data'),
    trainFile: settings.string('train-file'),
    validationFile: settings.string('validation-file'),
    testFile: settings.string('file'),
    textColumnNames: settings.list('text-column-names'),
    labelColumnName: settings.string('label-column-name'),
    metricName: settings.string('metric-name'),
    doRegression: settings.boolean('do-regression'),
    maxTrainSamples: settings.number('max-train-samples'),
    maxEvalSamples: settings.number('max-eval-samples'),
    maxPredictSamples: settings.number('max-predict-samples'),
  };
}

/** The hyperparameters that the flags set. */
export function readHyperparameters(settings: Settings): HyperparameterOptions {
  return {
    ...readOptimization(settings),
    recipe: settings.string('recipe'),
    labelSmoothingFactor: settings.number('label-smoothing-factor'),
    maxSeqLength: settings.number('max-seq-length'),
    layerWiseLrDecay: settings.number('layer-wise-lr-decay'),
    configOverrides: settings.list('config-overrides'),
  };
}

/** The adapter that the flags ask for. */
export function readAdapter(settings: Settings): AdapterOptions {
  return {
    adapter: oneOf(adapterNames, settings.string('adapter')),
    loraR: settings.number('lora-r'),
    loraAlpha: settings.number('lora-alpha'),
    loraDropout: settings.number('lora-dropout'),
    loraTargetModules: settings.list('lora-target-modules'),
    bottleneckSize: settings.number('bottleneck-size'),
  };
}

/** --eval-strategy and --save-strategy as their type; their values were checked when they were read. */
export function strategy(settings: Settings, name: 'eval-strategy' | 'save-strategy'): EvalStrategy | undefined {
  const value = settings.string(name);
  return value === 'epoch' || value === 'steps' || value === 'no' ? value : undefined;
}

/** --init, whose only value is `random`. */
export function initOption(settings: Settings): 'random' | undefined {
  return settings.string('init') === 'random' ? 'random' : undefined;
}

/** --init's description. */
export const initSpec: OptionSpec = { type: 'string', describe: "random: the model's configuration and tokenizer with fresh weights", choices: ['random'] };
