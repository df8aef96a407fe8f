/** What a fine-tune would take, from timed steps on rows of its own; nothing is written. */
import { createOptimizer } from '../src/optim/createOptimizer.js';
import { optimizerStep } from '../src/train/step.js';
import { classificationLoss } from './classificationLoss.js';
import { classify } from './classify.js';
import { type EncodedRow, encodeRows, packRows } from './encodeSplit.js';
import { prepareFinetune } from './finetuneJob.js';
import type { FinetuneOptions } from './options.js';
import type { TaskSplit } from './taskSpec.js';

export interface FinetuneEstimate {
  /** Training, evaluations and predictions; loading and tokenizing are not in it. */
  readonly seconds: number;
  /** What the process held at its largest step. */
  readonly bytes: number;
  readonly steps: number;
  readonly tokensPerSecond: number;
}

/** Rows that stand for their split, evenly taken. */
const sampledRows = 256;
/** Steps that are timed, after one that is not; the middle one counts. */
const timedSteps = 3;

/** Loads model and data as the run would. Errors as those of `finetune` before its first step. */
export async function estimateFinetune(options: FinetuneOptions): Promise<FinetuneEstimate> {
  const job = await prepareFinetune({ ...options, progress: undefined });
  const { plan, data, spec } = job;
  const model = await job.loadModel();
  const optimizer = createOptimizer(plan.optimizer, model.namedParameters(), {});
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
    const train = await sampled(data.train);
    const computeLoss = classificationLoss(model, spec, plan.labelSmoothingFactor);
    const times: number[] = [];
    for (let step = 0; step <= timedSteps; step++) {
      const batch = packRows(train, Int32Array.from({ length: Math.min(plan.perDeviceTrainBatchSize, train.length) }, (_, i) => (step * plan.perDeviceTrainBatchSize + i) % train.length));
      const begun = performance.now();
      optimizerStep({ parameters: model.namedParameters(), microBatches: [batch], computeLoss, seed: plan.seed, step, optimizer, learningRate: 0, maxGradNorm: plan.maxGradNorm });
      if (step > 0) times.push((performance.now() - begun) / 1000 / batch.inputIds.length);
    }
    const secondsPerToken = times.sort((a, b) => a - b)[times.length >> 1] as number;
    const bytes = process.memoryUsage().rss;
    const [firstDev] = data.dev;
    const evaluated = firstDev === undefined ? train : await sampled(firstDev);
    const begun = performance.now();
    await classify(model, evaluated, plan.perDeviceEvalBatchSize, options.signal);
    const evaluationPerToken = (performance.now() - begun) / 1000 / evaluated.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
    const trainTokens = ((await tokensOf(data.train, train)) / data.train.examples.length) * plan.totalSteps * plan.perDeviceTrainBatchSize * plan.gradientAccumulationSteps;
    const devTokens = (await Promise.all(data.dev.map((split) => tokensOf(split, split === firstDev ? evaluated : undefined)))).reduce((sum, tokens) => sum + tokens, 0);
    const testTokens = options.doPredict === false ? 0 : (await Promise.all(data.test.map((split) => tokensOf(split)))).reduce((sum, tokens) => sum + tokens, 0);
    const evaluations = 1 + (plan.evalSteps === undefined ? 0 : Math.floor(plan.totalSteps / plan.evalSteps));
    const seconds = trainTokens * secondsPerToken + (devTokens * evaluations + testTokens) * evaluationPerToken;
    return { seconds, bytes, steps: plan.totalSteps, tokensPerSecond: 1 / secondsPerToken };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}
