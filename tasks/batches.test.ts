import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluationBatches, trainingBatches } from './batches.js';
import { bestEvaluation, outOfPatience } from './bestCheckpoint.js';
import type { EncodedRow } from './encodeSplit.js';
import { epochsBySequences, epochsByTokens } from './epochs.js';
import { planFinetune } from './finetunePlan.js';
import { matchLabels, requireLabels } from './labelMapping.js';
import { glueTasks } from '../glue/tasks.js';
import { specOfGlue } from './taskSpec.js';

/** 23 rows of 3 to 9 tokens. */
const rows: EncodedRow[] = Array.from({ length: 23 }, (_, index) => {
  const length = 3 + ((index * 5) % 7);
  return { index, inputIds: Int32Array.from({ length }, (_, i) => index + i), tokenTypeIds: new Int32Array(length), label: index % 2 };
});

interface Size {
  readonly batchSize: number;
  readonly accumulation: number;
  readonly seed: number;
}

const batchesOf = (size: Size): ReturnType<typeof trainingBatches> => trainingBatches(rows, epochsBySequences(rows.length, size));

async function rowsOfEpoch(size: Size, epoch: number): Promise<number[][]> {
  const source = batchesOf(size);
  const stepsPerEpoch = epochsBySequences(rows.length, size).stepsIn(1);
  const steps: number[][] = [];
  for (let step = 0; step < stepsPerEpoch; step++) {
    const micro = await source.microBatches(epoch * stepsPerEpoch + step);
    steps.push(micro.flatMap((batch) => [...batch.rows]));
  }
  return steps;
}

test('an epoch sees every row once, epochs differ, and a step is a pure function of its number', async () => {
  const options = { batchSize: 4, accumulation: 1, seed: 8 };
  const source = batchesOf(options);
  assert.equal(source.epochsAfter(9), 1.5);
  const first = await rowsOfEpoch(options, 0);
  const second = await rowsOfEpoch(options, 1);
  assert.equal(first.length, 6);
  assert.deepEqual(first.flat().sort((a, b) => a - b), rows.map((row) => row.index));
  assert.deepEqual(second.flat().sort((a, b) => a - b), rows.map((row) => row.index));
  assert.notDeepEqual(first, second);
  assert.equal(first[5]?.length, 3);
  const again = batchesOf(options);
  assert.deepEqual(await again.microBatches(9), await source.microBatches(9));
  assert.notDeepEqual(await rowsOfEpoch({ ...options, seed: 9 }, 0), first);
});

test('accumulation cuts the same rows of a step into micro-batches of like length', async () => {
  const whole = await rowsOfEpoch({ batchSize: 8, accumulation: 1, seed: 8 }, 0);
  const size = { batchSize: 4, accumulation: 2, seed: 8 };
  const parts = await rowsOfEpoch(size, 0);
  const sorted = (steps: number[][]): number[][] => steps.map((step) => [...step].sort((a, b) => a - b));
  assert.deepEqual(sorted(parts), sorted(whole));
  const [short, long] = await batchesOf(size).microBatches(0);
  const longest = (batch: typeof short): number => Math.max(...(batch?.rows ?? []).map((row) => rows[row]?.inputIds.length ?? 0));
  assert.ok(longest(short) <= Math.min(...(long?.rows ?? []).map((row) => rows[row]?.inputIds.length ?? 0)));
});

test('a batch is packed: no token of padding, positions from 0, labels in the order of its rows', async () => {
  const [batch] = await batchesOf({ batchSize: 5, accumulation: 1, seed: 1 }).microBatches(0);
  assert.ok(batch !== undefined);
  assert.equal(batch.inputIds.length, [...batch.rows].reduce((sum, row) => sum + (rows[row]?.inputIds.length ?? 0), 0));
  assert.deepEqual([...batch.labels], [...batch.rows].map((row) => row % 2));
  assert.equal(batch.positionIds[batch.cuSeqlens[1] ?? 0], 0);
});

test('by tokens the batches are the rows of the epochs, in their order and packed', async () => {
  const lengths = Int32Array.from(rows, ({ inputIds }) => inputIds.length);
  const epochs = epochsByTokens(lengths, { tokensPerBatch: 17, accumulation: 3, seed: 2 });
  const source = trainingBatches(rows, epochs);
  for (const step of [0, epochs.stepsIn(1) - 1, epochs.stepsIn(2)]) {
    const micro = await source.microBatches(step);
    assert.deepEqual(micro.map((batch) => batch.rows), epochs.microBatches(step));
    for (const batch of micro) assert.equal(batch.inputIds.length, batch.rows.reduce((sum, row) => sum + (lengths[row] ?? 0), 0));
  }
});

test('evaluation batches hold each row once, in order of length', () => {
  const batches = evaluationBatches(rows, 5);
  assert.deepEqual(batches.map((batch) => batch.length), [5, 5, 5, 5, 3]);
  const order = batches.flatMap((batch) => [...batch]);
  assert.deepEqual([...order].sort((a, b) => a - b), rows.map((row) => row.index));
  const lengths = order.map((row) => rows[row]?.inputIds.length ?? 0);
  assert.deepEqual(lengths, [...lengths].sort((a, b) => a - b));
});

test('labels are mapped by name in any order, spelling and with the strings of the files', () => {
  const mnli = specOfGlue(glueTasks.mnli);
  assert.deepEqual(matchLabels(mnli, ['contradiction', 'entailment', 'neutral']), [1, 2, 0]);
  assert.deepEqual(matchLabels(mnli, ['ENTAILMENT', 'Neutral', 'contradiction']), [0, 1, 2]);
  assert.deepEqual(matchLabels(specOfGlue(glueTasks.rte), ['not entailment', 'entailment']), [1, 0]);
  assert.deepEqual(matchLabels(specOfGlue(glueTasks.sst2), ['0', '1']), [0, 1]);
  assert.equal(matchLabels(mnli, ['LABEL_0', 'LABEL_1', 'LABEL_2']), undefined);
  assert.deepEqual(matchLabels({ ...mnli, labels: ['-1', '1', 'a', 'A'], labelAliases: [] }, ['A', '1', '-1', 'a']), [2, 1, 3, 0], 'letter by letter where that is needed');
  const notes: string[] = [];
  assert.deepEqual(requireLabels(mnli, ['LABEL_0', 'LABEL_1', 'LABEL_2'], (text) => notes.push(text)), [0, 1, 2]);
  assert.equal(notes.length, 1);
  assert.throws(() => requireLabels(mnli, ['negative', 'positive'], () => undefined), /labels are negative, positive; MNLI has entailment/);
});

const facts = { trainRows: 100, devRows: 10, hiddenSize: 128 };
const required = { model: 'm', output: 'o' };

test('the plan: flags win over the recipe, an unknown recipe suggests the near match', () => {
  const spec = specOfGlue(glueTasks.mrpc);
  const docs = planFinetune({ ...required, recipe: 'hf-docs' }, spec, facts);
  assert.equal(docs.learningRate, 2e-5);
  assert.equal(docs.numTrainEpochs, 5);
  assert.equal(docs.totalSteps, 20);
  assert.equal(docs.evalSteps, 4);
  assert.equal(docs.metricForBestModel, 'combined_score');
  assert.equal(planFinetune({ ...required, recipe: 'hf-docs', learningRate: 1e-3 }, spec, facts).learningRate, 1e-3);
  const epsilons = [docs, planFinetune({ ...required, optimizer: 'adamw-bert' }, spec, facts), planFinetune({ ...required, optimizer: 'adamw-bert', adamEpsilon: 1e-7 }, spec, facts)];
  assert.deepEqual(epsilons.map(({ adamEpsilon }) => adamEpsilon), [1e-8, 1e-6, 1e-7]);
  assert.throws(() => planFinetune({ ...required, recipe: 'hf-doc' }, spec, facts), /Did you mean "hf-docs"/);
});

test('the plan by tokens: steps are counted from the lengths, over all epochs, and so is what is a share of them', () => {
  const spec = specOfGlue(glueTasks.cola);
  const trainLengths = Int32Array.from({ length: facts.trainRows }, (_, i) => 3 + ((i * i) % 11));
  const measured = { ...facts, trainLengths };
  const plan = planFinetune({ ...required, tokensPerBatch: 40, gradientAccumulationSteps: 2, numTrainEpochs: 3, warmupSteps: 0.25, evalSteps: 0.5 }, spec, measured);
  const epochs = epochsByTokens(trainLengths, { tokensPerBatch: 40, accumulation: 2, seed: 42 });
  assert.equal(plan.totalSteps, epochs.stepsIn(3));
  assert.deepEqual([plan.tokensPerBatch, plan.perDeviceTrainBatchSize, plan.stepsPerEpoch], [40, undefined, undefined]);
  assert.deepEqual([plan.warmupSteps, plan.evalSteps, plan.saveSteps], [0.25, 0.5, 0.5].map((share) => Math.round(share * plan.totalSteps)));
  const limited = planFinetune({ ...required, tokensPerBatch: 40, maxSteps: 5, loadBestModelAtEnd: false, saveStrategy: 'epoch' }, spec, measured);
  assert.deepEqual([limited.totalSteps, limited.evalSteps, limited.saveSteps], [5, 'epoch', 'epoch']);
  assert.equal(limited.numTrainEpochs, epochsByTokens(trainLengths, { tokensPerBatch: 40, accumulation: 1, seed: 42 }).epochsAfter(5));
  assert.ok(!('tokensPerBatch' in planFinetune(required, spec, facts)), 'runs by sequences have the settings that they had');
  assert.throws(() => planFinetune({ ...required, tokensPerBatch: 40, perDeviceTrainBatchSize: 8 }, spec, measured), /both --per-device-train-batch-size and --tokens-per-batch/);
});

test('the plan: values below 1 are shares of the run; limits are checked by name', () => {
  const spec = specOfGlue(glueTasks.cola);
  const plan = planFinetune({ ...required, numTrainEpochs: 5, perDeviceTrainBatchSize: 10, warmupSteps: 0.1, evalSteps: 0.5, loggingSteps: 0.2 }, spec, facts);
  assert.equal(plan.totalSteps, 50);
  assert.equal(plan.warmupSteps, 5);
  assert.equal(plan.evalSteps, 25);
  assert.equal(plan.loggingSteps, 10);
  assert.equal(planFinetune({ ...required, maxSteps: 7 }, spec, facts).totalSteps, 7);
  assert.equal(planFinetune({ ...required, warmupSteps: 0 }, spec, facts).warmupSteps, 0);
  assert.throws(() => planFinetune({ ...required, perDeviceTrainBatchSize: 0 }, spec, facts), /perDeviceTrainBatchSize is 0/);
  assert.throws(() => planFinetune({ ...required, learningRate: -1 }, spec, facts), /learningRate is -1/);
  assert.throws(() => planFinetune({ ...required, metricForBestModel: 'f1' }, spec, facts), /CoLA has no metric "f1"/);
});

test('the best evaluation is the first of equals; a loss is best where it is smallest; patience counts what came after', () => {
  const history = [0.5, 0.7, 0.7, 0.6].map((value, i) => ({ step: i + 1, eval_accuracy: value, eval_loss: value }));
  assert.deepEqual(bestEvaluation([{ step: 1, loss: 9 }, ...history], 'accuracy'), { step: 2, value: 0.7, since: 2 });
  assert.deepEqual(bestEvaluation(history, 'loss'), { step: 1, value: 0.5, since: 3 });
  assert.equal(outOfPatience(history, 'accuracy', 2), true);
  assert.equal(outOfPatience(history, 'accuracy', 3), false);
  assert.equal(outOfPatience(history, 'accuracy', undefined), false);
  assert.equal(bestEvaluation([], 'accuracy'), undefined);
});
