import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { setEngine } from '../engine/index.js';
import { releasingTape, withGradient } from './withGradient.js';

/** A chain of `length` ops y = 2x that each keep a tensor, and how many tensors live as each gradient begins. */
function chain(length: number): { readonly run: (x: tf.Tensor1D) => tf.Tensor; readonly living: number[] } {
  const living: number[] = [];
  const twice = (x: tf.Tensor1D): tf.Tensor1D =>
    withGradient<tf.Tensor1D>(
      [x],
      (save) => {
        save([tf.scalar(2)]);
        return tf.mul(x, 2);
      },
      (dy, [kept]) => {
        living.push(tf.memory().numTensors);
        return [tf.mul(dy, kept as tf.Tensor)];
      },
    );
  const run = (x: tf.Tensor1D): tf.Tensor => {
    let y = x;
    for (let i = 0; i < length; i++) y = twice(y);
    return y.sum();
  };
  return { run, living };
}

test('a tape that serves once gives up what each op kept, and its output\'s gradient, as backward goes on', async () => {
  await setEngine('cpu');
  const x = tf.tensor1d([1, 2, 3]);
  const [plain, released] = [chain(9), chain(9)];
  const gradient = (run: (x: tf.Tensor1D) => tf.Tensor): number[] => {
    const [dx] = tf.engine().gradients(() => run(x), [x]).grads as [tf.Tensor];
    return [...dx.dataSync()];
  };
  assert.deepEqual(tf.tidy(() => gradient(plain.run)), [512, 512, 512]);
  assert.deepEqual(tf.tidy(() => releasingTape(() => gradient(released.run))), [512, 512, 512]);
  const growth = (living: readonly number[]): number => (living.at(-1) as number) - (living[0] as number);
  assert.ok(growth(plain.living) > 0, `plain: ${plain.living.join(' ')}`);
  assert.ok(growth(released.living) < 0, `released: ${released.living.join(' ')}`);
  x.dispose();
});

test('an op that returns one tensor as the gradient of two inputs gives each its own', async () => {
  await setEngine('cpu');
  const [a, b] = [tf.tensor1d([1, 5]), tf.tensor1d([2, 7])];
  const sum = (x: tf.Tensor1D, y: tf.Tensor1D): tf.Tensor1D => withGradient<tf.Tensor1D>([x, y], () => tf.add(x, y), (dy) => [dy, dy]);
  const grads = tf.tidy(() =>
    releasingTape(() => tf.engine().gradients(() => sum(sum(a, b), tf.mul(a, b)).sum(), [a, b]).grads.map((grad) => [...grad.dataSync()])),
  );
  assert.deepEqual(grads, [[3, 8], [2, 6]]);
  tf.dispose([a, b]);
});
