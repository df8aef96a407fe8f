/**
 * Times pretraining steps in this process: forward, backward, clipping by global norm and AdamW; dropout as the configuration has it
 * (0.1), masked language model on 15% of the tokens, next-sentence prediction. Tokens are random, new ones in each step.
 */
import { checkModelConfig } from '../../pretraining/plan.js';
import { bertConfig, isPresetName, presetConfig, readConfig } from '../../src/config/index.js';
import { packSequences } from '../../src/data/packedBatch.js';
import type { PretrainingBatch } from '../../src/data/pretrainingBatch.js';
import { Random } from '../../src/data/random.js';
import { engineInfo } from '../../src/engine/index.js';
import { BertForPreTraining, parameterCount } from '../../src/models/index.js';
import { AdamW } from '../../src/optim/adamw.js';
import { parameterSettings } from '../../src/optim/parameterGroups.js';
import { optimizerStep } from '../../src/train/step.js';
import { profileWork } from '../cli/profile.js';
import { peakRssMb } from './machine.js';
import { median, type Profiled, type StepMeasurement, type StepRequest } from './measurements.js';

const maskedShare = 0.15;
/** Hidden sizes from here on are measured with half as many sequences. */
const wide = 768;

/** Random tokens, the second half of each sequence its second segment. */
export function randomBatch(vocabSize: number, batchSize: number, seqLength: number, seed: number): PretrainingBatch {
  const random = new Random(0xbe7c, seed);
  const draw = (length: number, limit: number): Int32Array => Int32Array.from({ length }, () => random.integer(limit));
  const tokenTypeIds = Int32Array.from({ length: seqLength }, (_, i) => (i < seqLength / 2 ? 0 : 1));
  const packed = packSequences(Array.from({ length: batchSize }, () => ({ inputIds: draw(seqLength, vocabSize), tokenTypeIds })));
  const tokens = batchSize * seqLength;
  const maskedPositions = random.shuffle(Int32Array.from({ length: tokens }, (_, i) => i)).slice(0, Math.round(tokens * maskedShare)).sort();
  return { ...packed, maskedPositions, maskedLabels: draw(maskedPositions.length, vocabSize), nextSentenceLabels: draw(batchSize, 2) };
}

/** On the engine that is set. Throws a UsageError for an unknown configuration. */
export async function measureStep(request: StepRequest): Promise<Profiled<StepMeasurement>> {
  checkModelConfig(request.modelConfig);
  const config = isPresetName(request.modelConfig) ? presetConfig(request.modelConfig) : bertConfig(readConfig(request.modelConfig));
  const batchSize = request.batchSize ?? (config.hiddenSize < wide ? 32 : 16);
  const { seqLength, warmup, steps } = request;
  const model = BertForPreTraining.fromConfig(config, { seed: 1 });
  const parameters = model.namedParameters();
  const optimizer = new AdamW(parameters, { kind: 'adamw', settings: parameterSettings(parameters.keys(), { weightDecay: 0.01 }) });
  const times: number[] = [];
  let loss = Number.NaN;
  const takeStep = async (step: number): Promise<number> => {
    const microBatches = [randomBatch(config.vocabSize, batchSize, seqLength, step)];
    const begun = performance.now();
    ({ loss } = optimizerStep({
      parameters,
      microBatches,
      computeLoss: (batch, context) => ({ loss: model.packedLoss(batch, context).loss, metrics: {} }),
      seed: 1,
      step,
      optimizer,
      learningRate: 1e-4,
      maxGradNorm: 1,
    }));
    const milliseconds = performance.now() - begun;
    // Lets the process end where the one that asked is gone.
    await new Promise((resolve) => setImmediate(resolve));
    return milliseconds;
  };
  for (let step = 0; step < warmup; step++) await takeStep(step);
  const timed = async (): Promise<void> => {
    for (let step = warmup; step < warmup + steps; step++) times.push(await takeStep(step));
  };
  const { profile } = await profileWork(request.profile, timed);
  const { engine, isa, matmulPrecision } = engineInfo();
  const medianMs = median(times);
  return {
    modelConfig: request.modelConfig,
    engine,
    ...(isa === undefined ? {} : { isa }),
    precision: matmulPrecision,
    batchSize,
    seqLength,
    medianMs,
    bestMs: Math.min(...times),
    tokensPerSecond: (batchSize * seqLength * 1000) / medianMs,
    peakRssMb: peakRssMb(),
    parameters: parameterCount(model),
    steps,
    loss,
    ...(profile === undefined ? {} : { profile }),
  };
}
