import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { Random } from '../data/random.js';
import type { NativeBackend } from './backend.js';
import { loadAddon } from './loadAddon.js';
import { nativeKernels, registerNativeBackend } from './registerBackend.js';
import { allocate, nativeActive, valuesOf } from './tensors.js';

type Shape = readonly number[];

interface Case {
  readonly title: string;
  readonly shapes: readonly Shape[];
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
  /** Inputs in [low, high); default [-2, 2). */
  readonly range?: readonly [number, number];
  readonly tolerance?: number;
  /** Put in place of the first input's middle element. */
  readonly special?: number;
}

const pairs: readonly (readonly [Shape, Shape])[] = [
  [[7], [7]], [[3, 5], [3, 5]], [[1], [1]], [[], []], [[3, 5], []], [[], [3, 5]], [[3, 5], [5]], [[5], [3, 5]], [[3, 1], [1, 5]],
  [[3, 5], [3, 1]], [[2, 1, 4, 1], [3, 1, 5]], [[0], [1]], [[0, 3], [3]], [[2, 3, 17], [3, 1]], [[129, 37], [37]], [[211, 1], [211, 301]], [[70_001], []],
];

const binaryOps = { add: tf.add, sub: tf.sub, mul: tf.mul, div: tf.div, maximum: tf.maximum, minimum: tf.minimum, squaredDifference: tf.squaredDifference } as const;
const unaryOps = {
  neg: tf.neg, abs: tf.abs, square: tf.square, exp: tf.exp, relu: tf.relu, tanh: tf.tanh, sigmoid: tf.sigmoid, erf: tf.erf,
} as const;
const positiveOps = { sqrt: tf.sqrt, rsqrt: tf.rsqrt, reciprocal: tf.reciprocal, log: tf.log } as const;
const sizes: readonly Shape[] = [[0], [], [1], [2, 0, 3], [5, 7], [33, 65], [10_007]];

const reductions: readonly (readonly [Shape, number[] | undefined])[] = [
  [[1], undefined], [[], undefined], [[13], [0]], [[3, 7], [1]], [[3, 7], [0]], [[3, 7], undefined], [[2, 3, 5], [1]], [[2, 3, 5], [0, 2]], [[2, 3, 5, 7], [1, 3]],
  [[4, 1, 6], [1]], [[5001, 9], [0]], [[3, 40_009], [1]], [[100_003], undefined], [[17, 1, 33], [0, 1]],
];
const reduceOps = { sum: tf.sum, mean: tf.mean, max: tf.max, min: tf.min } as const;

const cases: readonly Case[] = [
  ...Object.entries(binaryOps).flatMap(([title, run]) => pairs.map((shapes): Case => ({ title, shapes, run: (a, b) => run(a as tf.Tensor, b as tf.Tensor), range: [0.5, 2] }))),
  ...Object.entries(unaryOps).flatMap(([title, run]) => sizes.map((shape): Case => ({ title, shapes: [shape], run: (x) => run(x as tf.Tensor), range: [-6, 6], tolerance: 2e-6 }))),
  ...Object.entries(positiveOps).flatMap(([title, run]) => sizes.map((shape): Case => ({ title, shapes: [shape], run: (x) => run(x as tf.Tensor), range: [0.01, 6] }))),
  ...[0, -0, Infinity, -Infinity, NaN, 100, -100, 1e-30].flatMap((special) =>
    Object.entries({ ...unaryOps, ...positiveOps }).map(([title, run]): Case => ({ title: `${title} of ${special}`, shapes: [[21]], run: (x) => run(x as tf.Tensor), special, range: [0.5, 2] }))),
  ...[NaN, Infinity, -Infinity].flatMap((special) => [
    ...Object.entries(binaryOps).map(([title, run]): Case => ({ title: `${title} with ${special}`, shapes: [[21], [21]], run: (a, b) => run(a as tf.Tensor, b as tf.Tensor), special })),
    ...Object.entries(binaryOps).map(([title, run]): Case => ({ title: `${title} with ${special} on the right`, shapes: [[21], [21]], run: (a, b) => run(b as tf.Tensor, a as tf.Tensor), special })),
    ...Object.entries(reduceOps).flatMap(([title, run]) => [0, 1].map((axis): Case => ({ title: `${title} over axis ${axis} with ${special}`, shapes: [[9, 37]], run: (x) => run(x as tf.Tensor, axis), special }))),
    { title: `softmax with ${special}`, shapes: [[3, 37]], run: (x) => tf.softmax(x as tf.Tensor), special },
  ] as Case[]),
  ...Object.entries(reduceOps).flatMap(([title, run]) => reductions.flatMap(([shape, axes]) => [false, true].map((keepDims): Case => (
    { title: `${title} over [${axes}]${keepDims ? ', kept' : ''}`, shapes: [shape], run: (x) => run(x as tf.Tensor, axes, keepDims), tolerance: 1e-4 })))),
  ...[[1, 1], [2, 3], [5, 65], [3, 4, 7], [0, 5], [129, 1001]].flatMap((shape) => [
    { title: 'softmax', shapes: [shape], run: (x: tf.Tensor) => tf.softmax(x) }, { title: 'logSoftmax', shapes: [shape], run: (x: tf.Tensor) => tf.logSoftmax(x), tolerance: 1e-5 },
  ] as Case[]),
  ...([[[3, 5], [1, 0]], [[2, 3, 5], [2, 0, 1]], [[2, 3, 5], [0, 2, 1]], [[2, 3, 4, 5], [0, 2, 1, 3]], [[4, 19, 35], [2, 1, 0]], [[1, 7, 1], [2, 1, 0]], [[131, 257], [1, 0]], [[6, 5, 4, 3, 2], [4, 2, 0, 3, 1]], [[0, 4], [1, 0]]] as [number[], number[]][])
    .map(([shape, perm]): Case => ({ title: `transpose ${perm}`, shapes: [shape], run: (x) => tf.transpose(x as tf.Tensor, perm) })),
  { title: 'slice of neighbours', shapes: [[5, 7]], run: (x) => tf.slice(x as tf.Tensor, [2, 0], [2, 7]) },
  { title: 'slice of columns', shapes: [[5, 7]], run: (x) => tf.slice(x as tf.Tensor, [1, 2], [3, 4]) },
  { title: 'slice of three dimensions', shapes: [[5, 7, 3]], run: (x) => tf.slice(x as tf.Tensor, [1, 2, 1], [3, -1, 2]) },
  { title: 'empty slice', shapes: [[5, 7]], run: (x) => tf.slice(x as tf.Tensor, [1, 2], [3, 0]) },
  { title: 'split', shapes: [[4, 9]], run: (x) => tf.split(x as tf.Tensor, [2, 3, 4], 1) },
  { title: 'split of rows', shapes: [[6, 5]], run: (x) => tf.split(x as tf.Tensor, 3, 0) },
  { title: 'split with an empty part', shapes: [[4, 5]], run: (x) => tf.split(x as tf.Tensor, [2, 0, 3], 1) },
  { title: 'concat of rows', shapes: [[2, 5], [3, 5], [1, 5]], run: (...all) => tf.concat(all, 0) },
  { title: 'concat of columns', shapes: [[3, 2], [3, 5], [3, 0], [3, 1]], run: (...all) => tf.concat(all, 1) },
  { title: 'concat of one', shapes: [[3, 2]], run: (...all) => tf.concat(all, 1) },
  { title: 'stack', shapes: [[3, 2], [3, 2], [3, 2]], run: (...all) => [tf.stack(all, 0), tf.stack(all, 1), tf.stack(all, 2), tf.stack(all, -1), tf.stack(all, -3)] },
  { title: 'unstack', shapes: [[3, 4]], run: (x) => tf.unstack(x as tf.Tensor, 1) },
  { title: 'tile', shapes: [[3, 4]], run: (x) => tf.tile(x as tf.Tensor, [2, 3]) },
  { title: 'tile of a vector', shapes: [[5]], run: (x) => tf.tile(x as tf.Tensor, [4]) },
  { title: 'broadcastTo', shapes: [[3, 1]], run: (x) => tf.broadcastTo(x as tf.Tensor, [2, 3, 4]) },
  { title: 'gather of rows', shapes: [[7, 5]], run: (x) => tf.gather(x as tf.Tensor, tf.tensor1d([6, 0, 3, 3], 'int32')) },
  { title: 'gather of columns', shapes: [[7, 5]], run: (x) => tf.gather(x as tf.Tensor, tf.tensor2d([[4, 0], [1, 1]], [2, 2], 'int32'), 1) },
  { title: 'gather by batch', shapes: [[2, 4, 3]], run: (x) => tf.gather(x as tf.Tensor, tf.tensor2d([[3, 0], [1, 1]], [2, 2], 'int32'), 1, 1) },
  { title: 'gradient of gather', shapes: [[7, 5]], run: (x) => tf.grad((t) => tf.gather(t, tf.tensor1d([6, 0, 3, 3], 'int32')).square().sum())(x as tf.Tensor) },
  { title: 'unsortedSegmentSum', shapes: [[6, 67]], run: (x) => tf.unsortedSegmentSum(x as tf.Tensor, tf.tensor1d([2, 0, 2, -1, 9, 0], 'int32'), 4) },
  ...([[1, 1, 1], [3, 5, 7], [17, 33, 9], [64, 48, 80], [1, 100, 3]] as [number, number, number][]).flatMap(([m, k, n]) => [false, true].flatMap((ta) => [false, true].map((tb): Case => ({
    title: `matMul ${ta ? 'T' : 'N'}${tb ? 'T' : 'N'} ${m}x${k}x${n}`, shapes: [ta ? [k, m] : [m, k], tb ? [n, k] : [k, n]], run: (a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor, ta, tb), tolerance: 1e-5 })))),
  { title: 'matMul by batch', shapes: [[2, 3, 4, 5], [2, 3, 5, 6]], run: (a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor) },
  { title: 'matMul of a batch and one matrix', shapes: [[3, 4, 5], [1, 5, 6]], run: (a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor) },
  { title: 'matMul of one matrix and a batch', shapes: [[1, 4, 5], [3, 6, 5]], run: (a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor, false, true) },
  { title: 'matMul of nothing', shapes: [[0, 5], [5, 3]], run: (a, b) => tf.matMul(a as tf.Tensor, b as tf.Tensor) },
  ...(['linear', 'relu', 'sigmoid', 'elu'] as const).map((activation): Case => ({
    title: `fused matMul with ${activation}`, shapes: [[5, 7], [7, 3], [3]], run: (a, b, bias) => tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias: bias as tf.Tensor, activation, transposeA: false, transposeB: false }) })),
  { title: 'casts', shapes: [[11]], run: (x) => { const y = x as tf.Tensor; return [y.cast('int32'), y.cast('int32').cast('float32'), y.greater(0).cast('float32').add(0.5), y.cast('bool')]; } },
  { title: 'fill and likes', shapes: [[3, 5]], run: (x) => [tf.fill([2, 3], 1.5), tf.zerosLike(x as tf.Tensor), tf.onesLike(x as tf.Tensor), tf.fill([4], 7, 'int32')] },
  { title: 'int32 moves', shapes: [[3, 5]], run: (x) => { const y = (x as tf.Tensor).mul(100).cast('int32'); return [y.transpose(), y.slice([0, 1], [3, 2]), tf.concat([y, y], 1), y.tile([2, 2]), tf.gather(y, tf.tensor1d([2, 0], 'int32'))]; } },
];

const { addon } = await loadAddon();

describe('the native backend against the cpu backend', { skip: addon === undefined ? 'the addon is not built' : false }, () => {
  before(() => {
    tf.enableProdMode();
    // Then tfjs checks after every kernel that only its results are left in the backend.
    tf.env().set('IS_TEST', true);
    if (addon !== undefined) registerNativeBackend(addon);
  });
  after(async () => {
    addon?.setIsa(addon.info().available[0] as string);
    await tf.setBackend('cpu');
  });

  async function evaluate(name: string, { shapes, run, range = [-2, 2], special }: Case): Promise<{ shape: number[]; dtype: string; values: Float32Array }[]> {
    assert.ok(await tf.setBackend(name));
    const random = new Random(31, shapes.length);
    return tf.tidy(() => {
      const inputs = shapes.map((shape, i) => {
        const values = Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => range[0] + (range[1] - range[0]) * random.uniform());
        if (special !== undefined && i === 0) values[values.length >> 1] = special;
        return tf.tensor(values, [...shape]);
      });
      return [run(...inputs)].flat().map((result) => ({ shape: result.shape, dtype: result.dtype, values: Float32Array.from(result.dataSync()) }));
    });
  }

  for (const item of cases) {
    test(`${item.title} on ${item.shapes.map((shape) => `[${shape}]`).join(' ')}`, async () => {
      const expected = await evaluate('cpu', item);
      for (const isa of addon?.info().available ?? []) {
        addon?.setIsa(isa);
        const actual = await evaluate('native', item);
        assert.equal(actual.length, expected.length);
        expected.forEach((wanted, r) => {
          const got = actual[r] as (typeof actual)[number];
          assert.deepEqual([got.shape, got.dtype], [wanted.shape, wanted.dtype]);
          wanted.values.forEach((value, i) => {
            const found = got.values[i] as number;
            const close = Object.is(value, found) || value === found || Math.abs(found - value) <= (item.tolerance ?? 1e-6) * Math.max(1, Math.abs(value));
            assert.ok(close, `${isa}, output ${r}, element ${i}: native ${found}, cpu ${value}`);
          });
        });
      }
    });
  }

  test('every native kernel is a kernel of the cpu backend', () => {
    const names = new Set(tf.getKernelsForBackend('cpu').map((kernel) => kernel.kernelName));
    assert.deepEqual([...nativeKernels.keys()].filter((name) => !names.has(name)), []);
  });

  test('an index outside the table is an error', async () => {
    await tf.setBackend('native');
    assert.throws(() => tf.gather(tf.zeros([4, 2]), tf.tensor1d([4], 'int32')), RangeError);
  });

  test('data read from a tensor stay as they were when its buffer is used again', async () => {
    await tf.setBackend('native');
    const x = tf.fill([1000], 3);
    const [early, late] = [x.dataSync(), await x.data()];
    x.dispose();
    const y = tf.fill([1000], 4);
    assert.equal(early[999], 3);
    assert.equal(late[999], 3);
    y.dispose();
  });

  test('the array a tensor was made of is not changed by writing to the tensor', async () => {
    await tf.setBackend('native');
    const source = new Float32Array(300).fill(1);
    const x = tf.tensor1d(source);
    valuesOf(x).fill(2);
    assert.equal(source[0], 1);
    assert.equal(x.dataSync()[0], 2);
    x.dispose();
  });

  test('views keep the buffer alive after the tensor they look into is gone', async () => {
    await tf.setBackend('native');
    const x = tf.range(0, 1000);
    const view = x.slice([100], [500]);
    const same = x.reshape([10, 100]);
    x.dispose();
    same.dispose();
    const other = tf.fill([1000], -1);
    assert.equal(view.dataSync()[0], 100);
    tf.dispose([view, other]);
  });

  test('a float32 tensor that was cast from int32 gives float values', async () => {
    await tf.setBackend('native');
    const x = tf.tensor1d([1, 2, 3], 'int32').cast('float32');
    assert.deepEqual(valuesOf(x), Float32Array.of(1, 2, 3));
    x.dispose();
  });

  test('tensors and buffers are all given back', async () => {
    await tf.setBackend('native');
    const backend = tf.backend() as NativeBackend;
    const step = (): void => tf.tidy(() => {
      const x = tf.tensor2d(new Float32Array(600).fill(0.1), [20, 30]);
      const w = tf.tensor2d(new Float32Array(900).fill(0.2), [30, 30]);
      tf.grads((a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b).softmax().slice([2, 3], [4, 5]).sum())([x, w]);
    });
    step();
    const [tensors, ids, { usedBytes }] = [tf.memory().numTensors, backend.numDataIds(), backend.pool.statistics];
    step();
    assert.deepEqual([tf.memory().numTensors, backend.numDataIds(), backend.pool.statistics.usedBytes], [tensors, ids, usedBytes]);
  });

  test('tensors of another backend move over and back', async () => {
    await tf.setBackend('cpu');
    const x = tf.tensor1d([1, 2, 3]);
    await tf.setBackend('native');
    const y = x.add(1);
    await tf.setBackend('cpu');
    assert.deepEqual([...y.mul(2).dataSync()], [4, 6, 8]);
    tf.dispose([x, y]);
  });

  test('allocate gives zeros only where asked', async () => {
    await tf.setBackend('native');
    assert.ok(nativeActive());
    const { tensor, values } = allocate([7, 3], { zero: true });
    assert.deepEqual(values, new Float32Array(21));
    values[20] = 5;
    assert.equal(tensor.dataSync()[20], 5);
    tensor.dispose();
  });
});
