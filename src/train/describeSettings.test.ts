import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeSettings } from './describeSettings.js';

test('settings are named as flags are, groups in parentheses, what is not set left out', () => {
  assert.equal(
    describeSettings({ learningRate: 3e-5, earlyStoppingPatience: undefined, evalSteps: null, masking: { mlmProbability: 0.15, wholeWordMasking: false }, totalSteps: Number.POSITIVE_INFINITY, seeds: [1, 2] }),
    'learning-rate 0.00003, masking (mlm-probability 0.15, whole-word-masking false), total-steps unlimited, seeds 1 2',
  );
});
