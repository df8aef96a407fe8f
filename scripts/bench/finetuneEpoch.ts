/** Times one epoch of a fine-tune in this process, without evaluation and saving; rows have their own lengths, nothing is padded. */
import path from 'node:path';
import { engineInfo } from '../../src/engine/index.js';
import { trainableCount } from '../../src/models/index.js';
import { AdamW } from '../../src/optim/adamw.js';
import { parameterSettings } from '../../src/optim/parameterGroups.js';
import { runTraining } from '../../src/train/loop.js';
import { trainingBatches } from '../../tasks/batches.js';
import { classificationLoss } from '../../tasks/classificationLoss.js';
import { encodeSplit } from '../../tasks/encodeSplit.js';
import { prepareFinetune } from '../../tasks/finetuneJob.js';
import { profileWork } from '../cli/profile.js';
import { peakRssMb } from './machine.js';
import type { FinetuneMeasurement, FinetuneRequest, Profiled } from './measurements.js';

/** On the engine that is set. Errors as `finetune`'s. */
export async function measureFinetune(request: FinetuneRequest): Promise<Profiled<FinetuneMeasurement>> {
  const job = await prepareFinetune({
    task: request.task,
    model: request.model,
    adapter: request.adapter,
    data: request.data,
    output: '',
    perDeviceTrainBatchSize: request.batchSize,
    maxSeqLength: request.seqLength,
    maxTrainSamples: request.maxTrainSamples,
    numTrainEpochs: 1,
    evalStrategy: 'no',
  });
  const { plan, spec } = job;
  const model = await job.loadModel();
  const begun = performance.now();
  const encoded = await encodeSplit(job.data.train, job.tokenizer, job.maxLength, job.labelMap(model));
  const tokenizeSeconds = (performance.now() - begun) / 1000;
  const parameters = model.trainableParameters();
  const optimizer = new AdamW(parameters, { kind: 'adamw', settings: parameterSettings(parameters.keys(), { weightDecay: plan.weightDecay }) });
  const train = () =>
    runTraining({
      parameters,
      optimizer,
      batches: trainingBatches(encoded, job.epochs),
      computeLoss: classificationLoss(model, spec, 0),
      totalSteps: plan.totalSteps,
      learningRate: plan.learningRate,
      schedule: plan.lrSchedulerType,
      warmupSteps: plan.warmupSteps,
      maxGradNorm: plan.maxGradNorm,
      seed: plan.seed,
      loggingSteps: plan.totalSteps,
    });
  const { result, profile } = await profileWork(request.profile, train);
  const { engine, isa, matmulPrecision } = engineInfo();
  const tokens = encoded.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
  return {
    modelConfig: path.basename(path.resolve(request.model)),
    task: spec.name,
    adapter: request.adapter,
    trainedParameters: trainableCount(model),
    engine,
    ...(isa === undefined ? {} : { isa }),
    precision: matmulPrecision,
    batchSize: request.batchSize,
    seqLength: job.maxLength,
    rows: encoded.length,
    tokens,
    steps: plan.totalSteps,
    secondsPerEpoch: result.runtimeSeconds,
    tokenizeSeconds,
    tokensPerSecond: tokens / result.runtimeSeconds,
    peakRssMb: peakRssMb(),
    loss: result.trainLoss,
    ...(profile === undefined ? {} : { profile }),
  };
}
