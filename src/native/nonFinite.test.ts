import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { Random } from '../data/random.js';
import { loadAddon } from './loadAddon.js';
import { registerNativeBackend } from './registerBackend.js';

const { addon } = await loadAddon();

/** Rows and columns: below, at and above the widths of vectors, with every position of one inside and outside the full ones. */
const sizes = [2, 7, 17, 35, 131];

/** [size, size] of numbers, `special` at each place of the diagonal but the last: every row and column but one has one. */
function specialMatrix(size: number, special: number): tf.Tensor2D {
  const random = new Random(7, size);
  const values = Float32Array.from({ length: size * size }, () => 4 * random.uniform() - 2);
  for (let i = 0; i < size - 1; i++) values[i * (size + 1)] = special;
  return tf.tensor2d(values, [size, size]);
}

const ops: Readonly<Record<string, (x: tf.Tensor2D) => tf.Tensor>> = {
  'max of rows': (x) => x.max(1),
  'max of columns': (x) => x.max(0),
  'max of all': (x) => x.max(),
  'max of a stack': (x) => tf.stack([x, x.mul(2)]).max([0, 2]),
  'min of rows': (x) => x.min(1),
  'min of columns': (x) => x.min(0),
  'min of all': (x) => x.min(),
  'sum of rows': (x) => x.sum(1),
  'sum of columns': (x) => x.sum(0),
  'mean of rows': (x) => x.mean(1),
  'maximum, left': (x) => x.maximum(0.5),
  'maximum, right': (x) => tf.maximum(0.5, x),
  'maximum with itself turned': (x) => x.maximum(x.transpose()),
  'minimum, left': (x) => x.minimum(0.5),
  'minimum, right': (x) => tf.minimum(0.5, x),
  'minimum of rows by a row': (x) => x.minimum(x.slice([0, 0], [1, -1])),
  relu: (x) => x.relu(),
  'gradient of relu': (x) => tf.grad((t: tf.Tensor) => t.relu().sum())(x),
  abs: (x) => x.abs(),
  softmax: (x) => x.softmax(),
  'product with relu': (x) => tf.fused.matMul({ a: x, b: tf.ones(x.shape), activation: 'relu' }),
  'where it is above': (x) => x.greater(0.5).cast('float32'),
  'as int32': (x) => x.cast('int32').cast('float32'),
};

describe('NaN and infinities', { skip: addon === undefined ? 'the addon is not built' : false }, () => {
  before(() => {
    tf.enableProdMode();
    if (addon !== undefined) registerNativeBackend(addon);
  });
  after(async () => {
    addon?.setIsa(addon.info().available[0] as string);
    await tf.setBackend('cpu');
  });

  async function evaluate(backend: string, op: (x: tf.Tensor2D) => tf.Tensor, size: number, special: number): Promise<Float32Array> {
    assert.ok(await tf.setBackend(backend));
    return tf.tidy(() => Float32Array.from(op(specialMatrix(size, special)).dataSync()));
  }

  for (const [title, op] of Object.entries(ops)) {
    for (const special of [NaN, Infinity, -Infinity]) {
      test(`${title} with ${special} at every place: as the cpu backend`, async () => {
        for (const size of sizes) {
          const expected = await evaluate('cpu', op, size, special);
          for (const isa of addon?.info().available ?? []) {
            addon?.setIsa(isa);
            const actual = await evaluate('native', op, size, special);
            assert.equal(actual.length, expected.length);
            const at = expected.findIndex((wanted, i) => {
              const found = actual[i] as number;
              return !(Object.is(found, wanted) || Math.abs(found - wanted) <= 1e-5 * Math.max(1, Math.abs(wanted)) || found === wanted);
            });
            assert.ok(at < 0, `${isa}, size ${size}, element ${at}: native ${actual[at]}, cpu ${expected[at]}`);
          }
        }
      });
    }
  }

  test('a NaN anywhere in a long array reaches its maximum, minimum and sum', async () => {
    await tf.setBackend('native');
    const length = 100_003;
    for (const isa of addon?.info().available ?? []) {
      addon?.setIsa(isa);
      for (const at of [0, 1, 40_000, 65_536, length - 2, length - 1]) {
        const results = tf.tidy(() => {
          const values = new Float32Array(length).fill(1);
          values[at] = NaN;
          const x = tf.tensor1d(values);
          return [x.max(), x.min(), x.sum()].map((result) => result.dataSync()[0]);
        });
        assert.deepEqual(results, [NaN, NaN, NaN], `${isa}, NaN at ${at}`);
      }
    }
  });
});
