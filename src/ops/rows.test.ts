import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { gatherRows, scatterAddRows } from './index.js';

before(async () => {
  await tf.setBackend('cpu');
});

const table = (): tf.Tensor2D => tf.tensor2d([[1, 2], [3, 4], [5, 6]]);

test('rows come in the order asked for, as often as asked for', () => {
  assert.deepEqual(gatherRows(table(), Int32Array.of(2, 0, 2)).arraySync(), [[5, 6], [1, 2], [5, 6]]);
});

test('the gradient of a row that was taken twice is the sum of both', () => {
  const gradient = tf.grad((x) => gatherRows(x as tf.Tensor2D, Int32Array.of(2, 0, 2)))(table(), tf.tensor2d([[1, 10], [2, 20], [4, 40]]));
  assert.deepEqual(gradient.arraySync(), [[2, 20], [0, 0], [5, 50]]);
});

test('no rows at all is an empty matrix with a gradient of zeros', () => {
  const none = new Int32Array(0);
  assert.deepEqual(gatherRows(table(), none).shape, [0, 2]);
  assert.deepEqual(scatterAddRows(tf.zeros([0, 2]), none, 3).arraySync(), [[0, 0], [0, 0], [0, 0]]);
});

test('a row outside the matrix is named', () => {
  assert.throws(() => gatherRows(table(), Int32Array.of(0, 3)), /row 3 at place 1 is outside the table of 3 rows/);
  assert.throws(() => gatherRows(table(), Int32Array.of(-1)), RangeError);
});
