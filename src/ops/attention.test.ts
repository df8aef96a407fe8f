import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { attention } from './index.js';
import { assertClose } from './testing/engines.js';

before(async () => {
  await tf.setBackend('cpu');
});

/** T = 4 tokens in sequences of 1 and 3, 2 heads of 1: query, key and value side by side. */
const lengths = Int32Array.of(0, 1, 4);
const value = [[5, -6], [1, 10], [2, 20], [6, 60]];
const rows = (queryAndKey: readonly (readonly number[])[]): number[][] => queryAndKey.map((row, i) => [...row, ...(value[i] ?? [])]);

test('a token alone attends to itself: its context is its value', () => {
  const qkv = tf.tensor2d(rows([[1, 2, 3, 4], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]));
  assert.deepEqual([...attention(qkv, lengths, 2, undefined).slice([0, 0], [1, 2]).dataSync()], [5, -6]);
});

test('queries of zero average the values of their own sequence and of no other', () => {
  const qkv = tf.tensor2d(rows([[0, 0, 9, 9], [0, 0, 1, 2], [0, 0, 3, 4], [0, 0, 5, 6]]));
  assertClose(attention(qkv, lengths, 2, undefined).dataSync(), [5, -6, 3, 30, 3, 30, 3, 30], 'context');
});

test('scores are scaled by the root of the head size', () => {
  // One head of 4: q k = 4 ln 3 for the second key and 0 for the first, so after division by 2 the weights are 1/10 and 9/10.
  const qkv = tf.tensor2d([[1, 1, 1, 1, 0, 0, 0, 0, 10, 0, 0, 0], [0, 0, 0, 0, Math.log(3), Math.log(3), Math.log(3), Math.log(3), 0, 10, 0, 0]]);
  assertClose(attention(qkv, Int32Array.of(0, 2), 1, undefined).slice([0, 0], [1, 4]).dataSync(), [1, 9, 0, 0], 'context');
});

test('the same dropout key gives the same context, another key another one', () => {
  const qkv = tf.randomNormal([9, 12], 0, 1, 'float32', 3) as tf.Tensor2D;
  const run = (key: number): number[] => [...attention(qkv, Int32Array.of(0, 2, 9), 2, { rate: 0.5, key }).dataSync()];
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(run(1), run(2));
});

test('padding inside a batch changes nothing: sequences alone and together agree', () => {
  const qkv = tf.randomNormal([8, 12], 0, 1, 'float32', 4) as tf.Tensor2D;
  const together = attention(qkv, Int32Array.of(0, 5, 6, 8), 2, undefined).dataSync();
  const alone = [[0, 5], [5, 1], [6, 2]].flatMap(([start = 0, length = 0]) => [...attention(qkv.slice([start, 0], [length, 12]), Int32Array.of(0, length), 2, undefined).dataSync()]);
  assertClose(together, alone, 'context');
});

test('shapes that do not fit are named', () => {
  const qkv = tf.zeros<tf.Rank.R2>([4, 12]);
  assert.throws(() => attention(qkv, lengths, 3, undefined), /qkv \[4, 12\] does not divide into 3 x 3 heads/);
  assert.throws(() => attention(qkv, Int32Array.of(0, 1, 3), 2, undefined), /cuSeqlens run from 0 to 3; expected 0 to the 4 tokens/);
});
