import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { type AdamWStep, adamwUpdate } from './index.js';
import { assertClose } from './testing/engines.js';

before(async () => {
  await tf.setBackend('cpu');
});

const step: AdamWStep = {
  weightDecay: Float32Array.of(0.5, 0), lrScale: Float32Array.of(1, 0.25), learningRate: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 1, correction1: 0.5, correction2: 0.25, gradScale: 2,
};

test('one step of AdamW is the hand-worked one: clipping factor, moments, correction, decay, lr factor', () => {
  const variables = [[10], [10]].map((values) => tf.variable(tf.tensor1d(values)));
  const [ms, vs] = [variables.map(() => tf.variable(tf.tensor1d([1]))), variables.map(() => tf.variable(tf.tensor1d([4])))];
  adamwUpdate(variables, [tf.tensor1d([1.5]), tf.tensor1d([1.5])], ms, vs, step);
  // g = 3, m = 0.5 + 1.5 = 2, v = 3 + 2.25 = 5.25; m / c1 = 4, v / c2 = 21
  const adam = 4 / (Math.sqrt(21) + 1);
  assertClose(ms.map((m) => m.dataSync()[0] ?? 0), [2, 2], 'm', 1e-6);
  assertClose(vs.map((v) => v.dataSync()[0] ?? 0), [5.25, 5.25], 'v', 1e-6);
  assertClose(variables.map((variable) => variable.dataSync()[0] ?? 0), [10 - 0.1 * (adam + 5), 10 - 0.025 * adam], 'parameters', 1e-6);
});

test('an update leaves no tensor behind', () => {
  const [parameter, m, v] = [1, 2, 3].map((x) => tf.variable(tf.tensor1d([x, x]))) as [tf.Variable, tf.Variable, tf.Variable];
  const gradient = tf.tensor1d([1, 2]);
  const before = tf.memory().numTensors;
  adamwUpdate([parameter], [gradient], [m], [v], { ...step, weightDecay: Float32Array.of(0), lrScale: Float32Array.of(1) });
  assert.equal(tf.memory().numTensors, before);
});
