import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { dropoutMask } from './dropoutGenerator.js';
import { DropoutStream, dropout } from './index.js';

before(async () => {
  await tf.setBackend('cpu');
});

test('without a specification the tensor itself comes back', () => {
  const x = tf.ones<tf.Rank.R2>([2, 3]);
  assert.equal(dropout(x, undefined), x);
  assert.equal(new DropoutStream(1, 2, 3).site(0, 0, 0), undefined);
});

test('elements are kept at 1 / (1 - rate) or dropped, in the proportion of the rate', () => {
  const rate = 0.1;
  const [rows, cols] = [301, 107];
  const y = dropout(tf.ones([rows, cols]), { rate, key: 5 }).dataSync();
  const kept = y.filter((value) => value !== 0);
  assert.ok(kept.every((value) => value === Math.fround(1 / (1 - rate))));
  // Five standard deviations of the binomial.
  assert.ok(Math.abs(1 - kept.length / y.length - rate) < 5 * Math.sqrt((rate * (1 - rate)) / y.length));
});

test('forward and backward take one mask', () => {
  const spec = { rate: 0.4, key: 0xfedcba98 };
  const x = tf.ones<tf.Rank.R2>([7, 13]);
  const dx = tf.grad((input) => dropout(input as tf.Tensor2D, spec))(x).dataSync();
  assert.deepEqual([...dropout(x, spec).dataSync()], [...dx]);
});

test('seed, step, micro-batch, layer and site each give another mask', () => {
  const mask = (seed: number, step: number, microBatch: number, layer: number, site: number): string => {
    const spec = new DropoutStream(seed, step, microBatch).site(layer, site, 0.5);
    return spec === undefined ? '' : dropoutMask(spec, 5, 9).join();
  };
  const masks = [mask(1, 1, 1, 1, 1), mask(2, 1, 1, 1, 1), mask(1, 2, 1, 1, 1), mask(1, 1, 2, 1, 1), mask(1, 1, 1, 2, 1), mask(1, 1, 1, 1, 2), mask(1, 1, 1, -1, 1)];
  assert.equal(new Set(masks).size, masks.length);
  assert.equal(mask(1, 1, 1, 1, 1), masks[0]);
});

test('neighbouring rows and columns of a mask are uncorrelated', () => {
  const [rows, cols] = [200, 200];
  const mask = dropoutMask({ rate: 0.5, key: 11 }, rows, cols);
  const agreement = (shift: number): number => {
    let same = 0;
    for (let i = shift; i < mask.length; i++) if (mask[i] === mask[i - shift]) same += 1;
    return same / (mask.length - shift);
  };
  for (const shift of [1, 2, cols, cols + 1]) assert.ok(Math.abs(agreement(shift) - 0.5) < 5 * Math.sqrt(0.25 / mask.length), `shift ${shift}: ${agreement(shift)}`);
});
