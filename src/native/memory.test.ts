import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../data/errors.js';
import { type NativeMemory, poolLimit } from './backend.js';
import { loadAddon } from './loadAddon.js';
import { registerNativeBackend } from './registerBackend.js';
import { allocate } from './tensors.js';

type Memory = tf.MemoryInfo & NativeMemory;

const { addon } = await loadAddon();

describe('tf.memory on the native backend', { skip: addon === undefined ? 'the addon is not built' : false }, () => {
  before(async () => {
    if (addon !== undefined) registerNativeBackend(addon, { checkPool: true });
    await tf.setBackend('native');
  });
  after(() => tf.setBackend('cpu'));

  /** What was added since `base`: tensors, data buffers, bytes by tfjs' count, bytes of pooled buffers. */
  function added(base: Memory): [number, number, number, number] {
    const now = tf.memory() as Memory;
    return [now.numTensors - base.numTensors, now.numDataBuffers - base.numDataBuffers, now.numBytes - base.numBytes, now.numBytesInPool - base.numBytesInPool];
  }

  /** Counts after each of the steps, and that all is as before once what they returned is disposed. */
  function follow(steps: readonly [() => tf.Tensor | undefined, [number, number, number, number]][]): void {
    const base = tf.memory() as Memory;
    const kept: tf.Tensor[] = [];
    for (const [i, [step, expected]] of steps.entries()) {
      const result = step();
      if (result !== undefined) kept.push(result);
      assert.deepEqual(added(base), expected, `after step ${i}`);
    }
    tf.dispose(kept);
    assert.deepEqual(added(base), [0, 0, 0, 0], 'at the end');
  }

  test('counts tensors, buffers and bytes of each type', () => {
    follow([
      // 400 bytes in the size class of 448.
      [() => tf.tensor(new Float32Array(100), [10, 10]), [1, 1, 400, 448]],
      [() => tf.tensor1d([1, 2, 3], 'int32'), [2, 2, 412, 448]],
      [() => tf.tensor1d([true, false, true, true, false], 'bool'), [3, 3, 417, 448]],
      [() => allocate([64]).tensor, [4, 4, 673, 704]],
      // tfjs counts no bytes of a complex tensor; it holds the buffers of its two parts.
      [() => tf.tidy(() => tf.complex(tf.ones([64]), tf.zeros([64]))), [5, 5, 673, 1216]],
    ]);
  });

  test('a clone or reshape shares its buffer, a slice is a new view of it, and the last one gives it back', () => {
    const x = tf.tensor(new Float32Array(100), [10, 10]);
    const base = tf.memory() as Memory;
    const [clone, reshaped, rows, columns] = [x.clone(), x.reshape([100]), x.slice([2, 0], [3, 10]), x.slice([0, 2], [10, 3])];
    assert.deepEqual(added(base), [4, 2, 400 + 400 + 120 + 120, 256], 'only the columns are copied, into a buffer of 256 bytes');
    x.dispose();
    clone.dispose();
    assert.deepEqual(added(base), [2, 2, 400 + 120 + 120 - 400, 256]);
    reshaped.dispose();
    assert.deepEqual(added(base), [1, 1, 120 + 120 - 400, 256], 'the rows keep the whole buffer');
    rows.dispose();
    assert.deepEqual(added(base), [0, 0, 120 - 400, 256 - 448]);
    columns.dispose();
    assert.deepEqual(added(base), [-1, -1, -400, -448]);
  });

  test('a variable shares the buffer of the value that it was made of, and moves to the one that is assigned', () => {
    const base = tf.memory() as Memory;
    const [first, second] = [tf.zeros([64]), tf.ones([64])];
    const variable = tf.variable(first);
    assert.deepEqual(added(base), [3, 2, 768, 512]);
    first.dispose();
    assert.deepEqual(added(base), [2, 2, 512, 512]);
    variable.assign(second);
    assert.deepEqual(added(base), [2, 1, 512, 256]);
    second.dispose();
    assert.deepEqual(added(base), [1, 1, 256, 256]);
    variable.dispose();
    assert.deepEqual(added(base), [0, 0, 0, 0]);
  });

  test('a freed buffer counts as free until it is used again', () => {
    const start = tf.memory() as Memory;
    tf.zeros([100_000]).dispose();
    const freed = tf.memory() as Memory;
    assert.equal(freed.numBytesInPoolFree - start.numBytesInPoolFree, 458_752);
    const again = tf.ones([100_000]);
    const used = tf.memory() as Memory;
    assert.deepEqual([used.numBytesInPoolFree, used.numBytesInPool - start.numBytesInPool], [start.numBytesInPoolFree, 458_752]);
    assert.ok(used.numBytesInPoolPeak >= used.numBytesInPool);
    again.dispose();
  });

  test('is marked as exact, but for the text of string tensors', () => {
    assert.equal(tf.memory().unreliable, false);
    assert.deepEqual((tf.memory() as Memory).reasons, []);
    const text = tf.tensor1d(['a', 'bc'], 'string');
    assert.equal(tf.memory().unreliable, true);
    text.dispose();
    assert.equal(tf.memory().unreliable, false);
  });

  test('a disposed tensor can be neither disposed again nor read', () => {
    const x = tf.ones([5]);
    x.dispose();
    const base = tf.memory() as Memory;
    x.dispose();
    assert.deepEqual(added(base), [0, 0, 0, 0]);
    assert.throws(() => x.dataSync(), /disposed/);
  });
});

test('BERTWRIGHT_POOL_LIMIT is MiB of free memory; anything else is a usage error', () => {
  assert.deepEqual([undefined, '', '0', '1.5', '256'].map(poolLimit), [Infinity, Infinity, 0, 1_572_864, 268_435_456]);
  for (const value of ['-1', '64MB', 'none', '1e3']) assert.throws(() => poolLimit(value), UsageError);
});
