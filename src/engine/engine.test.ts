import assert from 'node:assert/strict';
import os from 'node:os';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../data/errors.js';
import { addon } from '../native/tensors.js';
import { engineInfo, isEngineChoice, resolveMatmulPrecision, setEngine, setMatmulPrecision } from './index.js';
import { chooseThreads } from './threads.js';

describe('engine choice', () => {
  test('nothing is known before an engine is set', () => assert.throws(() => engineInfo(), /call setEngine first/));

  for (const engine of ['cpu', 'wasm'] as const) {
    test(`${engine} computes a product and its gradient`, async () => {
      const info = await setEngine(engine);
      assert.equal(info.engine, engine);
      assert.equal(tf.getBackend(), engine);
      const x = tf.tensor2d([[1, 2, 3]]);
      const w = tf.tensor2d([[1], [10], [100]]);
      assert.deepEqual([...tf.matMul(x, w).dataSync()], [321]);
      assert.deepEqual([...tf.grad((t) => tf.matMul(t as tf.Tensor2D, w).sum())(x).dataSync()], [1, 10, 100]);
    });
  }

  test('auto takes the best that works and says why not the better ones', async () => {
    const info = await setEngine('auto');
    const order = ['gpu', 'native', 'wasm', 'cpu'];
    assert.deepEqual(info.notTaken.map(({ engine }) => engine), order.slice(0, order.indexOf(info.engine)));
    assert.ok(info.notTaken.every(({ why }) => why.length > 10));
    assert.ok(info.notTaken.some(({ engine }) => engine === 'gpu'), 'this test expects a machine without the optional GPU package');
  });

  test('an engine asked for by name that is not there is a usage error with what to do', async () => {
    await assert.rejects(setEngine('tensorflow'), (error) => error instanceof UsageError && /tfjs-node is not installed/.test(error.message) && /--engine auto/.test(error.hint ?? ''));
  });

  test('bf16 is refused where the engine has none; auto means highest outside training', async () => {
    await setEngine('cpu');
    assert.equal(resolveMatmulPrecision('auto', true), 'highest');
    assert.throws(() => setMatmulPrecision('bf16'), /has no bf16 products/);
  });

  test('threads are checked', async () => {
    for (const threads of [0, -1, 1.5, 257, Number.NaN]) {
      await assert.rejects(setEngine('cpu', { threads }), (error) => error instanceof UsageError && error.message === `--threads ${threads}: expected a whole number from 1 to 256`);
    }
  });

  test('the native engine tells how its number of threads came about', async (context) => {
    if ((await setEngine('auto')).engine !== 'native') return context.skip('no native engine');
    const info = await setEngine('native', { threads: 3 });
    assert.deepEqual([info.threads, info.threadsReason], [3, 'asked for']);
    const { threads, reason } = chooseThreads(undefined);
    const byDefault = await setEngine('native');
    assert.deepEqual([byDefault.threads, byDefault.threadsReason], [threads, reason]);
  });

  test('names', () => assert.deepEqual(['auto', 'native', 'cuda'].map(isEngineChoice), [true, true, false]));
});

test('auto takes bf16 for training only where its products are faster than those of float32', async (context) => {
  if ((await setEngine('auto')).engine !== 'native') return context.skip('no native engine');
  const intel = os.cpus()[0]?.model.includes('Intel') === true;
  try {
    for (const isa of addon().info().available) {
      process.env['BERTWRIGHT_ISA'] = isa;
      await setEngine('native');
      const faster = isa === 'amx' || (isa === 'avx512bf16' && !intel);
      assert.equal(resolveMatmulPrecision('auto', true), faster ? 'bf16' : 'highest', isa);
      assert.equal(resolveMatmulPrecision('auto', false), 'highest', isa);
    }
  } finally {
    delete process.env['BERTWRIGHT_ISA'];
  }
});

test('BERTWRIGHT_ISA forces an instruction set; one that is not there is a usage error, also under auto', async (context) => {
  if ((await setEngine('auto')).engine !== 'native') return context.skip('no native engine');
  const { isa } = engineInfo();
  try {
    const lowest = addon().info().available.at(-1) as string;
    process.env['BERTWRIGHT_ISA'] = lowest;
    const forced = await setEngine('auto');
    assert.deepEqual([forced.engine, forced.isa, forced.hasBf16], ['native', lowest, false]);
    assert.throws(() => resolveMatmulPrecision('bf16', true), /--matmul-precision bf16: /);
    process.env['BERTWRIGHT_ISA'] = `${lowest}s`;
    await assert.rejects(setEngine('auto'), (error) => error instanceof UsageError && error.message.includes(`Did you mean "${lowest}"`));
    process.env['BERTWRIGHT_ISA'] = isa;
    assert.equal((await setEngine('native')).isa, isa);
  } finally {
    delete process.env['BERTWRIGHT_ISA'];
  }
});
