/** What a fine-tune would take, from timed steps on rows of its own; nothing is written. */
import { createOptimizer } from '../src/optim/createOptimizer.js';
import { optimizerStep } from '../src/train/step.js';
import { trainingBatches } from './batches.js';
import { classificationLoss } from './classificationLoss.js';
import { classify } from './classify.js';
import { type EncodedRow, encodeRows, packRows, type RowBatch } from './encodeSplit.js';
import { prepareFinetune } from './finetuneJob.js';
import type { FinetuneOptions } from './options.js';
import type { TaskSplit } from './taskSpec.js';

export interface FinetuneEstimate {
  /** Training, evaluations and predictions; loading and tokenizing are not in it. */
  readonly seconds: number;
  /** The most that the process held, with a step on the longest rows that were sampled. */
  readonly bytes: number;
  readonly steps: number;
  readonly tokensPerSecond: number;
}

/** Rows that stand for their split, evenly taken. */
const sampledRows = 256;
/** Steps that are timed, after one that is not; the middle one counts. */
const timedSteps = 3;

/** Positions of the `count` longest rows. */
function longestRows(rows: readonly EncodedRow[], count: number): Int32Array {
  const lengthOf = (row: number): number => rows[row]?.inputIds.length ?? 0;
  return Int32Array.from(rows.keys()).sort((a, b) => lengthOf(b) - lengthOf(a) || a - b).slice(0, count);
}

/** Loads model and data as the run would. Errors as those of `finetune` before its first step. */
export async function estimateFinetune(options: FinetuneOptions): Promise<FinetuneEstimate> {
  const job = await prepareFinetune({ ...options, progress: undefined });
  const { plan, data, spec } = job;
  const model = await job.loadModel();
  const parameters = model.trainableParameters();
  const optimizer = createOptimizer(plan.optimizer, parameters, {});
  try {
    const labelMap = job.labelMap(model);
    const sampled = async ({ examples }: TaskSplit) => {
      const count = Math.min(sampledRows, examples.length);
      return encodeRows(Array.from({ length: count }, (_, i) => examples[Math.floor((i * examples.length) / count)] as TaskSplit['examples'][number]), job.tokenizer, job.maxLength, labelMap, options.signal);
    };
    const tokensOf = async (split: TaskSplit, rows?: readonly EncodedRow[]): Promise<number> => {
      const sample = rows ?? (await sampled(split));
      return (sample.reduce((sum, { inputIds }) => sum + inputIds.length, 0) / Math.max(1, sample.length)) * split.examples.length;
    };
    // Under a budget of tokens all rows are tokenized anyway, and a sample of them might not fill a batch.
    const train = plan.tokensPerBatch === undefined ? await sampled(data.train) : await job.encodeTrain(labelMap);
    const batches = trainingBatches(train, job.epochs);
    const batchOf = async (step: number): Promise<RowBatch> => {
      if (plan.tokensPerBatch !== undefined) return (await batches.microBatches(step))[0] as RowBatch;
      const batchSize = plan.perDeviceTrainBatchSize;
      return packRows(train, Int32Array.from({ length: Math.min(batchSize, train.length) }, (_, i) => (step * batchSize + i) % train.length));
    };
    const computeLoss = classificationLoss(model, spec, plan.labelSmoothingFactor);
    const times: number[] = [];
    const stepOn = (batch: RowBatch, step: number): void => void optimizerStep({ parameters, microBatches: [batch], computeLoss, seed: plan.seed, step, optimizer, learningRate: 0, maxGradNorm: plan.maxGradNorm });
    for (let step = 0; step <= timedSteps; step++) {
      const batch = await batchOf(step);
      const begun = performance.now();
      stepOn(batch, step);
      if (step > 0) times.push((performance.now() - begun) / 1000 / batch.inputIds.length);
    }
    const secondsPerToken = times.sort((a, b) => a - b)[times.length >> 1] as number;
    // What it comes to when the longest rows meet in a batch; a budget of tokens bounds that itself.
    if (plan.tokensPerBatch === undefined) stepOn(packRows(train, longestRows(train, plan.perDeviceTrainBatchSize)), timedSteps + 1);
    const bytes = process.resourceUsage().maxRSS * 1024;
    const [firstDev] = data.dev;
    const evaluated = firstDev === undefined ? train : await sampled(firstDev);
    const begun = performance.now();
    await classify(model, evaluated, plan.perDeviceEvalBatchSize, options.signal);
    const evaluationPerToken = (performance.now() - begun) / 1000 / evaluated.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
    const epochTokens = await tokensOf(data.train, train);
    const trainTokens = plan.tokensPerBatch === undefined ? (epochTokens / data.train.examples.length) * plan.totalSteps * plan.perDeviceTrainBatchSize * plan.gradientAccumulationSteps : epochTokens * job.epochs.epochsAfter(plan.totalSteps);
    const devTokens = (await Promise.all(data.dev.map((split) => tokensOf(split, split === firstDev ? evaluated : undefined)))).reduce((sum, tokens) => sum + tokens, 0);
    const testTokens = options.doPredict === false ? 0 : (await Promise.all(data.test.map((split) => tokensOf(split)))).reduce((sum, tokens) => sum + tokens, 0);
    const during = plan.evalSteps === undefined ? 0 : plan.evalSteps === 'epoch' ? job.epochs.epochsAfter(plan.totalSteps) : plan.totalSteps / plan.evalSteps;
    const evaluations = 1 + Math.floor(during);
    const seconds = trainTokens * secondsPerToken + (devTokens * evaluations + testTokens) * evaluationPerToken;
    return { seconds, bytes, steps: plan.totalSteps, tokensPerSecond: 1 / secondsPerToken };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}
