/** What `pretrain` and `finetune` share: the flags of every training run as the runners' options, and what a finished run prints. */
import type { Results } from '../../src/checkpoint/results.js';
import { isOptimizerKind } from '../../src/optim/optimizerKinds.js';
import type { OptimizationOptions, RunOptions } from '../../src/train/options.js';
import { precisionOption } from './engine.js';
import { printJson, printLine } from './output.js';
import type { Settings } from './settings.js';

/** Batches, optimizer, learning rate and length, as far as flags set them. */
export function readOptimization(settings: Settings): OptimizationOptions {
  const optimizer = settings.string('optimizer');
  return {
    perDeviceTrainBatchSize: settings.number('per-device-train-batch-size'),
    tokensPerBatch: settings.number('tokens-per-batch'),
    perDeviceEvalBatchSize: settings.number('per-device-eval-batch-size'),
    gradientAccumulationSteps: settings.number('gradient-accumulation-steps'),
    learningRate: settings.number('learning-rate'),
    lrSchedulerType: settings.string('lr-scheduler-type'),
    warmupSteps: settings.number('warmup-steps'),
    warmupRatio: settings.number('warmup-ratio'),
    weightDecay: settings.number('weight-decay'),
    adamBeta1: settings.number('adam-beta1'),
    adamBeta2: settings.number('adam-beta2'),
    adamEpsilon: settings.number('adam-epsilon'),
    maxGradNorm: settings.number('max-grad-norm'),
    maxSteps: settings.number('max-steps'),
    numTrainEpochs: settings.number('num-train-epochs'),
    optimizer: optimizer !== undefined && isOptimizerKind(optimizer) ? optimizer : undefined,
  };
}

/** The output directory and what is written into it when. */
export function readRunOptions(settings: Settings): RunOptions {
  return {
    output: settings.requiredString('output', 'give a folder with --output'),
    seed: settings.number('seed'),
    loggingSteps: settings.number('logging-steps'),
    evalSteps: settings.number('eval-steps'),
    saveSteps: settings.number('save-steps'),
    saveTotalLimit: settings.number('save-total-limit'),
    resume: settings.boolean('resume'),
    overwrite: settings.boolean('overwrite'),
    acceptChanged: settings.list('accept-changed'),
    matmulPrecision: precisionOption(settings),
    command: settings.commandLine,
  };
}

/** The metrics of the finished run and where it lies, or with --json all its results. */
export function printRun(settings: Settings, run: { readonly output: string; readonly results: Results; readonly alreadyComplete: boolean }): void {
  if (settings.boolean('json') === true) {
    printJson(run.results);
    return;
  }
  if (run.alreadyComplete) printLine(`${run.output}: already complete (--overwrite runs it anew)`);
  for (const [name, value] of Object.entries(run.results)) {
    if (name.startsWith('eval_') && typeof value === 'number') printLine(`${name}  ${Number(value.toFixed(4))}`);
  }
  printLine(run.output);
}
