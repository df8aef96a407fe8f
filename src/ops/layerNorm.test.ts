import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { layerNorm, residualLayerNorm } from './index.js';
import { assertClose } from './testing/engines.js';

before(async () => {
  await tf.setBackend('cpu');
});

const gamma = (): tf.Tensor1D => tf.tensor1d([1, 2, 3]);
const beta = (): tf.Tensor1D => tf.tensor1d([10, 20, 30]);

test('a row becomes its standard scores, scaled and shifted', () => {
  // Mean 3, population variance 6: standard scores -sqrt(3/2), 0, sqrt(3/2).
  const y = layerNorm(tf.tensor2d([[0, 3, 6]]), gamma(), beta(), 0);
  assertClose(y.dataSync(), [10 - Math.sqrt(1.5), 20, 30 + 3 * Math.sqrt(1.5)], 'y', 1e-6);
});

test('epsilon stands inside the square root', () => {
  const y = layerNorm(tf.tensor2d([[0, 3, 6]]), tf.ones([3]), tf.zeros([3]), 3);
  assertClose(y.dataSync(), [-1, 0, 1], 'y', 1e-6);
});

test('a constant row gives beta', () => {
  assertClose(layerNorm(tf.tensor2d([[7, 7, 7]]), gamma(), beta(), 1e-12).dataSync(), [10, 20, 30], 'y', 1e-6);
});

test('the residual is added before normalising, and dropout touches only the other summand', () => {
  const [x, residual] = [tf.tensor2d([[1, 2, 3]]), tf.tensor2d([[-1, 1, 3]])];
  assertClose(residualLayerNorm(x, residual, gamma(), beta(), 0, undefined).dataSync(), layerNorm(tf.tensor2d([[0, 3, 6]]), gamma(), beta(), 0).dataSync(), 'sum', 1e-6);
  // A rate of nearly one drops everything.
  const dropped = residualLayerNorm(x, residual, gamma(), beta(), 0, { rate: 1 - 1e-9, key: 3 });
  assertClose(dropped.dataSync(), layerNorm(residual, gamma(), beta(), 0).dataSync(), 'residual alone', 1e-6);
});

test('rows are independent of each other', () => {
  const both = layerNorm(tf.tensor2d([[0, 3, 6], [1, 1, 4]]), gamma(), beta(), 1e-12).dataSync();
  const second = layerNorm(tf.tensor2d([[1, 1, 4]]), gamma(), beta(), 1e-12).dataSync();
  assert.deepEqual([...both.slice(3)], [...second]);
});
