import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { embeddingSum } from './index.js';

before(async () => {
  await tf.setBackend('cpu');
});

const word = (): tf.Tensor2D => tf.tensor2d([[1, 2], [3, 4], [5, 6], [7, 8]]);
const position = (): tf.Tensor2D => tf.tensor2d([[10, 20], [30, 40], [50, 60]]);
const tokenType = (): tf.Tensor2D => tf.tensor2d([[100, 200], [300, 400]]);
const [ids, positions, types] = [Int32Array.of(3, 1, 3), Int32Array.of(0, 1, 0), Int32Array.of(0, 0, 1)];

test('each token gets the sum of its three embeddings', () => {
  assert.deepEqual(embeddingSum(word(), position(), tokenType(), ids, positions, types).arraySync(), [[117, 228], [133, 244], [317, 428]]);
});

test('each table gets the gradients of the tokens that used its rows', () => {
  const run = tf.grads((a, b, c) => embeddingSum(a as tf.Tensor2D, b as tf.Tensor2D, c as tf.Tensor2D, ids, positions, types));
  const gradients = run([word(), position(), tokenType()], tf.tensor2d([[1, 2], [4, 8], [16, 32]]));
  assert.deepEqual(gradients.map((gradient) => gradient.arraySync()), [
    [[0, 0], [4, 8], [0, 0], [17, 34]],
    [[17, 34], [4, 8], [0, 0]],
    [[5, 10], [16, 32]],
  ]);
});

test('an id outside its table is named, with the table and the token', () => {
  const run = (a: number, b: number, c: number) => () => embeddingSum(word(), position(), tokenType(), Int32Array.of(0, a), Int32Array.of(0, b), Int32Array.of(0, c));
  assert.throws(run(4, 0, 0), { name: 'RangeError', message: /token id 4 at place 1 is outside the table of 4 rows/ });
  assert.throws(run(0, 3, 0), /position 3 at place 1/);
  assert.throws(run(0, 0, -1), /token type -1 at place 1/);
});
