import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { classCrossEntropy, meanSquaredError } from './index.js';
import { assertClose } from './testing/engines.js';

before(async () => {
  await tf.setBackend('cpu');
});

// softmax(0, ln 3) = 1/4, 3/4
const logits = (): tf.Tensor2D => tf.tensor2d([[0, Math.log(3)], [0, Math.log(3)], [5, 5 + Math.log(3)]]);
const labels = Int32Array.of(1, 0, 1);
const sum = 2 * Math.log(4 / 3) + Math.log(4);

test('cross-entropy is the mean negative logarithm of the label\'s probability, or the scaled sum', () => {
  assertClose(classCrossEntropy(logits(), labels).dataSync(), [sum / 3], 'mean', 1e-6);
  assertClose(classCrossEntropy(logits(), labels, { scale: 0.5 }).dataSync(), [sum / 2], 'scaled', 1e-6);
});

test('label smoothing takes its share of the target for the uniform distribution', () => {
  const [right, wrong] = [Math.log(4 / 3), Math.log(4)];
  const expected = 2 * (0.95 * right + 0.05 * wrong) + (0.95 * wrong + 0.05 * right);
  assertClose(classCrossEntropy(logits(), labels, { labelSmoothing: 0.1, scale: 1 }).dataSync(), [expected], 'smoothed', 1e-6);
});

test('a label outside the classes is named', () => {
  assert.throws(() => classCrossEntropy(logits(), Int32Array.of(0, 2, 0)), /label 2 of row 1 is outside the 2 classes/);
  assert.throws(() => classCrossEntropy(logits(), Int32Array.of(-1, 0, 0)), /label -1 of row 0/);
  assert.throws(() => classCrossEntropy(logits(), Int32Array.of(0)), /1 labels for logits \[3, 2\]/);
});

test('squared error is a mean over rows, or the scaled sum', () => {
  const predictions = tf.tensor1d([1, 2, 5]);
  const targets = Float32Array.of(0, 4, 5);
  assertClose(meanSquaredError(predictions, targets).dataSync(), [5 / 3], 'mean', 1e-6);
  assertClose(meanSquaredError(predictions, targets, { scale: 2 }).dataSync(), [10], 'scaled', 1e-6);
  assert.throws(() => meanSquaredError(predictions, targets.slice(1)), /2 targets for predictions \[3\]/);
});
