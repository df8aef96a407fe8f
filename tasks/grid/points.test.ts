import assert from 'node:assert/strict';
import { test } from 'node:test';
import { glueTasks } from '../../glue/tasks.js';
import { pointDirectory, pointText } from '../../glue/trials.js';
import { UsageError } from '../../src/data/errors.js';
import { specOfGlue } from '../taskSpec.js';
import type { GridOptions } from './gridKeys.js';
import { checkPoints, gridPoints, type SearchOptions } from './points.js';

const cola = [specOfGlue(glueTasks.cola)];
const texts = (options: SearchOptions): string[] => gridPoints(options).map((point) => pointText(point));

test('the points are the cross product, the first key the slowest, and name their folders', () => {
  const options = { grid: { learningRate: [2e-5, 5e-4], perDeviceTrainBatchSize: [16, 32], lrSchedulerType: ['linear'] } };
  assert.deepEqual(texts(options), [
    'learning-rate 2e-5, per-device-train-batch-size 16, lr-scheduler-type linear',
    'learning-rate 2e-5, per-device-train-batch-size 32, lr-scheduler-type linear',
    'learning-rate 5e-4, per-device-train-batch-size 16, lr-scheduler-type linear',
    'learning-rate 5e-4, per-device-train-batch-size 32, lr-scheduler-type linear',
  ]);
  assert.equal(pointDirectory(gridPoints(options)[0] ?? {}), 'learning-rate-2e-5_per-device-train-batch-size-16_lr-scheduler-type-linear');
  checkPoints(options, gridPoints(options), cola);
});

test("a recipe's own grid is searched for what is neither set nor searched", () => {
  assert.equal(texts({ recipe: 'google-small' }).length, 20);
  assert.deepEqual(texts({ recipe: 'google-small', learningRate: 1e-4, grid: { perDeviceTrainBatchSize: [8, 16] } }), ['per-device-train-batch-size 8', 'per-device-train-batch-size 16']);
  assert.deepEqual(texts({ recipe: 'bert-paper', grid: { weightDecay: [0, 0.01] }, learningRate: 1e-4 }), ['weight-decay 0, per-device-train-batch-size 32', 'weight-decay 0.01, per-device-train-batch-size 32']);
  assert.deepEqual(texts({ recipe: 'bert-paper', learningRate: 1e-4 }), [], 'one point is no search');
  assert.deepEqual(texts({ recipe: 'hf-docs' }), []);
  assert.deepEqual(texts({ recipe: 'google-small', learningRate: 1e-4, tokensPerBatch: 1000 }), [], 'a budget of tokens stands in for the size in sequences');
  assert.equal(texts({ recipe: 'google-small', grid: { tokensPerBatch: [1000, 2000] } }).length, 8);
});

const refused: readonly [options: SearchOptions, message: RegExp][] = [
  [{ grid: { learningRat: [1, 2] } as GridOptions }, /"learningRat" cannot be searched\. Did you mean "learning-rate"/],
  [{ grid: { learningRate: [] } }, /--grid learning-rate: no values/],
  [{ grid: { learningRate: [1e-5, 2e-5] }, learningRate: 1e-5 }, /--grid learning-rate and --learning-rate are both given/],
  [{ grid: { learningRate: [1e-5] } }, /one point/],
  [{ grid: { learningRate: [1e-5, -1] } }, /point learning-rate -1: learningRate is -1, expected a number above 0/],
  [{ grid: { perDeviceTrainBatchSize: [8, 1.5] } }, /perDeviceTrainBatchSize is 1\.5, expected a whole number above 0/],
  [{ grid: { maxSeqLength: [64, 2] } }, /max-seq-length is 2, expected a whole number of at least 3/],
  [{ grid: { recipe: ['hf-docs', 'mosai'] } }, /unknown recipe "mosai"\. Did you mean "mosaic"/],
  [{ grid: { recipe: ['hf-docs', 'bert-paper'] } }, /--grid recipe: bert-paper is a grid itself/],
  [{ grid: { perDeviceTrainBatchSize: [8, 16] }, tokensPerBatch: 1000 }, /both --per-device-train-batch-size and --tokens-per-batch/],
  [{ grid: { loraR: [4, 8] } }, /--lora-r is given with --adapter none/],
  [{ grid: { learningRate: [1e-5, 0.00001] } }, /learning-rate 1e-5 and learning-rate 1e-5 are the same run/],
  [{ grid: { numTrainEpochs: [2, 3] }, maxSteps: 100 }, /num-train-epochs 2 and num-train-epochs 3 are the same run of CoLA/],
];
for (const [options, message] of refused) {
  test(`refused: ${JSON.stringify(options)}`, () => {
    assert.throws(() => checkPoints(options, gridPoints(options), cola), (error) => error instanceof UsageError && message.test(error.message));
  });
}

test('ranks of an adapter can be searched', () => {
  const options: SearchOptions = { adapter: 'lora', grid: { loraR: [4, 8] } };
  checkPoints(options, gridPoints(options), cola);
});

test('budgets of tokens can be searched', () => {
  const options: SearchOptions = { grid: { tokensPerBatch: [1000, 2000] } };
  checkPoints(options, gridPoints(options), cola);
});
