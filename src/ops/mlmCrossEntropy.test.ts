import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { mlmCrossEntropy } from './index.js';
import { mlmCrossEntropyReference } from './mlmCrossEntropyPlain.js';
import { assertClose } from './testing/engines.js';

before(async () => {
  await tf.setBackend('cpu');
});

test('equal logits cost the logarithm of the vocabulary, and the first of equals is the prediction', () => {
  const stats = mlmCrossEntropy(tf.zeros([3, 2]), tf.ones([7, 2]), tf.zeros([7]), Int32Array.of(0, 4, 0));
  assertClose(stats.dataSync(), [Math.log(7), 2], 'stats', 1e-6);
});

test('the bias alone decides where hidden is zero: the probabilities of the labels are hand-worked', () => {
  // softmax(0, ln 3) = 1/4, 3/4
  const stats = mlmCrossEntropy(tf.zeros([2, 1]), tf.zeros([2, 1]), tf.tensor1d([0, Math.log(3)]), Int32Array.of(0, 1), { scale: 1 });
  assertClose(stats.dataSync(), [Math.log(4) + Math.log(4 / 3), 1], 'stats', 1e-6);
});

test('very large logits neither overflow nor go below zero', () => {
  const stats = mlmCrossEntropy(tf.tensor2d([[300], [-300]]), tf.tensor2d([[1], [-1]]), tf.zeros([2]), Int32Array.of(0, 0), { scale: 1 });
  assert.deepEqual([...stats.dataSync()], [600, 1]);
});

const labels = Int32Array.of(4, 0, 10, 4, 7, 1, 10);
const inputs = (): [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D] => [
  tf.randomNormal<tf.Rank.R2>([7, 3], 0, 1, 'float32', 1), tf.randomNormal<tf.Rank.R2>([11, 3], 0, 1, 'float32', 2), tf.randomNormal<tf.Rank.R1>([11], 0, 1, 'float32', 3),
];

test('chunks of rows give what all rows at once give', () => {
  const [hidden, table, bias] = inputs();
  const [whole, chunked] = [2 ** 22, 22].map((chunkElements) => mlmCrossEntropyReference(hidden, table, bias, labels, 0.3, true, chunkElements));
  assertClose(chunked?.stats.dataSync() ?? [], whole?.stats.dataSync() ?? [], 'stats', 1e-6);
  assert.equal(whole?.gradients.length, 3);
  whole?.gradients.forEach((gradient, i) => { assertClose(chunked?.gradients[i]?.dataSync() ?? [], gradient.dataSync(), `gradient ${i}`, 1e-6); });
});

test('the number of correct rows has no gradient, and a factor on the loss scales all three', () => {
  const all = inputs();
  const gradientsOf = (weights: number[]): number[] =>
    tf.grads((...xs) => mlmCrossEntropy(xs[0] as tf.Tensor2D, xs[1] as tf.Tensor2D, xs[2] as tf.Tensor1D, labels))(all, tf.tensor1d(weights)).flatMap((gradient) => [...gradient.dataSync()]);
  const plain = gradientsOf([1, 0]);
  assert.ok(plain.some((x) => Math.abs(x) > 0.01));
  assert.deepEqual(gradientsOf([1, 5]), plain);
  assertClose(gradientsOf([3, 0]), plain.map((x) => 3 * x), 'gradients', 1e-6);
});

test('no rows cost nothing', () => {
  const [, table, bias] = inputs();
  assert.deepEqual([...mlmCrossEntropy(tf.zeros([0, 3]), table, bias, new Int32Array(0)).dataSync()], [0, 0]);
});

test('bad labels are named', () => {
  const [hidden, table, bias] = inputs();
  assert.throws(() => mlmCrossEntropy(hidden, table, bias, labels.slice(1)), /6 labels for hidden \[7, 3\]/);
  assert.throws(() => mlmCrossEntropy(hidden, table, bias, labels.map((label) => label + 1)), /label 11 of row 2 is outside the vocabulary of 11/);
  assert.throws(() => mlmCrossEntropy(hidden, table, bias, labels.map((label) => label - 1)), /label -1 of row 1/);
});
