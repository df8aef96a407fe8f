import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNoDecay, layerWiseLrScale, parameterSettings } from './parameterGroups.js';
import { chosenWarmup, learningRateFactor, resolveWarmupSteps, type ScheduleType, scheduleType } from './schedules.js';

const table: readonly (readonly [ScheduleType, step: number, warmup: number, factor: number])[] = [
  ['linear', 0, 0, 1],
  ['linear', 5, 0, 0.5],
  ['linear', 10, 0, 0],
  ['linear', 0, 4, 0],
  ['linear', 1, 4, 0.25],
  ['linear', 4, 4, 1],
  ['linear', 7, 4, 0.5],
  ['linear', 12, 4, 0],
  ['cosine', 0, 2, 0],
  ['cosine', 2, 2, 1],
  ['cosine', 4, 2, 0.5 * (1 + Math.SQRT1_2)],
  ['cosine', 6, 2, 0.5],
  ['cosine', 10, 2, 0],
  ['linear-bert', 0, 4, 0],
  ['linear-bert', 3, 4, 0.75],
  ['linear-bert', 4, 4, 0.6],
  ['linear-bert', 9, 4, 0.1],
  ['linear-bert', 5, 0, 0.5],
  ['constant', 0, 4, 1],
  ['constant', 9, 4, 1],
  ['constant_with_warmup', 3, 4, 0.75],
  ['constant_with_warmup', 9, 4, 1],
];

for (const [type, step, warmupSteps, factor] of table) {
  test(`${type} with ${warmupSteps} of 10 steps of warm-up is ${factor.toFixed(3)} after ${step} steps`, () => {
    assert.ok(Math.abs(learningRateFactor({ type, step, totalSteps: 10, warmupSteps }) - factor) < 1e-12);
  });
}

test('a floor is what the decay ends at', () => {
  assert.equal(learningRateFactor({ type: 'linear', step: 10, totalSteps: 10, warmupSteps: 0, floor: 0.1 }), 0.1);
  assert.ok(Math.abs(learningRateFactor({ type: 'linear', step: 5, totalSteps: 10, warmupSteps: 0, floor: 0.1 }) - 0.55) < 1e-12);
});

test('over a budget, where steps are shares of 1, every schedule is that of steps: the warm-up reaches 1 without a jump', () => {
  for (const type of ['linear', 'cosine', 'constant_with_warmup', 'linear-bert'] as const) {
    for (const warmup of [0, 0.06, 0.5]) {
      for (let step = 0; step <= 1000; step++) {
        const [byShare, bySteps] = [learningRateFactor({ type, step: step / 1000, totalSteps: 1, warmupSteps: warmup }), learningRateFactor({ type, step, totalSteps: 1000, warmupSteps: 1000 * warmup })];
        assert.ok(Math.abs(byShare - bySteps) < 1e-9, `${type}, warm-up ${warmup}, ${step / 1000}: ${byShare} against ${bySteps}`);
      }
    }
  }
});

test('a run that is all warm-up never divides by zero', () => {
  assert.equal(learningRateFactor({ type: 'linear', step: 3, totalSteps: 4, warmupSteps: 4 }), 0.75);
  assert.equal(learningRateFactor({ type: 'linear', step: 4, totalSteps: 4, warmupSteps: 4 }), 1);
});

test('warm-up below 1 is a share, rounded up; other values are steps', () => {
  assert.equal(resolveWarmupSteps(0.1, 45), 5);
  assert.equal(resolveWarmupSteps(0, 45), 0);
  assert.equal(resolveWarmupSteps(7, 45), 7);
});

test('an unknown schedule suggests the near match', () => {
  assert.equal(scheduleType('cosine'), 'cosine');
  assert.throws(() => scheduleType('liner'), /Did you mean "linear"/);
});

test('biases and LayerNorm weights are not decayed, everything else is', () => {
  const none = ['bert.encoder.layer.0.output.LayerNorm.weight', 'bert.embeddings.LayerNorm.bias', 'classifier.bias', 'cls.predictions.bias', 'encoder.layer_norm.weight'];
  const decayed = ['bert.encoder.layer.0.output.dense.weight', 'bert.embeddings.word_embeddings.weight', 'classifier.weight'];
  for (const name of none) assert.equal(isNoDecay(name), true, name);
  for (const name of decayed) assert.equal(isNoDecay(name), false, name);
});

test('layer-wise decay lowers the rate layer by layer from the head to the embeddings', () => {
  assert.equal(layerWiseLrScale('classifier.weight', 0.5, 3), 1);
  assert.equal(layerWiseLrScale('bert.pooler.dense.weight', 0.5, 3), 1);
  assert.equal(layerWiseLrScale('bert.encoder.layer.2.output.dense.weight', 0.5, 3), 0.5);
  assert.equal(layerWiseLrScale('bert.encoder.layer.0.output.dense.weight', 0.5, 3), 0.125);
  assert.equal(layerWiseLrScale('bert.embeddings.word_embeddings.weight', 0.5, 3), 0.0625);
  const settings = parameterSettings(['classifier.bias', 'bert.encoder.layer.2.output.dense.weight'], { weightDecay: 0.01, layerWiseLrDecay: 0.5 });
  assert.deepEqual(settings.get('classifier.bias'), { weightDecay: 0, lrScale: 1 });
  assert.deepEqual(settings.get('bert.encoder.layer.2.output.dense.weight'), { weightDecay: 0.01, lrScale: 0.5 });
});

test('warm-up: steps go before a ratio unless they are 0; 0 steps alone mean none; nothing given means the default', () => {
  const cases: readonly [steps: number | undefined, ratio: number | undefined, expected: number][] = [
    [undefined, undefined, 0.06],
    [100, undefined, 100],
    [100, 0.2, 100],
    [0.1, undefined, 0.1],
    [0, 0.2, 0.2],
    [0, undefined, 0],
    [undefined, 0.2, 0.2],
    [undefined, 0, 0],
  ];
  for (const [steps, ratio, expected] of cases) assert.equal(chosenWarmup(steps, ratio, 0.06), expected, `${steps}, ${ratio}`);
  assert.throws(() => chosenWarmup(undefined, 1.5, 0), /warmup-ratio is 1\.5/);
  assert.throws(() => chosenWarmup(-1, undefined, 0), /warmup-steps is -1/);
});
