import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { setEngine } from './index.js';

describe('the wasm engine', () => {
  test('has every kernel of the cpu backend but those that no encoder uses', async () => {
    await setEngine('wasm');
    const wasm = new Set(tf.getKernelsForBackend('wasm').map((kernel) => kernel.kernelName));
    const missing = tf.getKernelsForBackend('cpu').map((kernel) => kernel.kernelName).filter((name) => !wasm.has(name));
    const unused = /^(Complex|ComplexAbs|Conv2DBackpropFilter|DepthwiseConv2dNativeBackprop(Filter|Input)|Draw|Einsum|I?FFT|Imag|Real|Ragged.*|StaticRegexReplace)$/;
    assert.deepEqual(missing.filter((name) => !unused.test(name)), []);
  });

  test('sums segments and so differentiates gather as the cpu engine does', async () => {
    const compute = async (engine: 'cpu' | 'wasm'): Promise<number[][]> => {
      await setEngine(engine);
      return tf.tidy(() => {
        const x = tf.range(0, 18).reshape([6, 3]);
        const sums = tf.unsortedSegmentSum(x as tf.Tensor2D, tf.tensor1d([2, 0, 2, 3, 9, 0], 'int32'), 5);
        const gradient = tf.grad((table) => tf.gather(table, tf.tensor1d([5, 1, 1, 0], 'int32')).square().sum())(x);
        const empty = tf.unsortedSegmentSum(tf.zeros([0, 3]), tf.tensor1d([], 'int32'), 2);
        return [sums, gradient, empty].map((tensor) => [...tensor.dataSync()]);
      });
    };
    const expected = await compute('cpu');
    assert.deepEqual(expected[0], [18, 20, 22, 0, 0, 0, 6, 8, 10, 9, 10, 11, 0, 0, 0]);
    assert.deepEqual(await compute('wasm'), expected);
  });
});
