import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BufferPool, BufferPoolError, sizeClass } from './bufferPool.js';

const megabyte = 2 ** 20;

/** An array of so many bytes, used and given back. */
function useOnce(pool: BufferPool, bytes: number): Float32Array {
  const values = pool.take(bytes / 4);
  pool.retain(values);
  pool.release(values);
  return values;
}

function fault(kind: BufferPoolError['fault'], message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof BufferPoolError && error.fault === kind && message.test(error.message);
}

describe('buffer pool', () => {
  test('a class holds what was asked for and wastes at most a fifth', () => {
    for (const bytes of [0, 1, 255, 256, 257, 320, 321, 1000, 1024, 4097, 5_000_000, 2 ** 31 + 4]) {
      const size = sizeClass(bytes);
      assert.ok(size >= bytes && size % 4 === 0, `${bytes} -> ${size}`);
      if (bytes > 256) assert.ok(size - bytes <= size / 5, `${bytes} -> ${size}`);
      assert.equal(sizeClass(size), size);
    }
  });

  test('a released buffer serves the next array of its class', () => {
    const pool = new BufferPool();
    const first = pool.take(1000);
    pool.retain(first);
    pool.release(first);
    const second = pool.take(990);
    assert.equal(second.buffer, first.buffer);
    assert.equal(second.length, 990);
  });

  test('a buffer that a view still uses is not given out', () => {
    const pool = new BufferPool();
    const whole = pool.take(1000);
    pool.retain(whole);
    const view = whole.subarray(100, 200);
    pool.retain(view);
    pool.release(whole);
    assert.notEqual(pool.take(1000).buffer, whole.buffer);
    pool.release(view);
    assert.equal(pool.take(1000).buffer, whole.buffer);
  });

  test('releasing more often than retaining is an error', () => {
    const pool = new BufferPool();
    const values = pool.take(7);
    pool.retain(values);
    pool.release(values);
    assert.throws(() => pool.release(values), fault('released too often', /of 256 bytes was released more often than it was used/));
    assert.deepEqual(pool.statistics, { usedBytes: 0, freeBytes: 256, peakBytes: 256 });
  });

  test('arrays from elsewhere are ignored', () => {
    const pool = new BufferPool();
    const foreign = new Float32Array(100);
    pool.retain(foreign);
    pool.release(foreign);
    assert.notEqual(pool.take(100).buffer, foreign.buffer);
  });

  test('the check fills free memory with NaN', () => {
    const pool = new BufferPool({ check: true });
    const values = pool.take(65);
    assert.ok(values.every(Number.isNaN), 'new memory');
    pool.retain(values);
    values.fill(1);
    pool.release(values);
    assert.ok(values.every(Number.isNaN), 'released memory');
  });

  test('the check finds a write after the release', () => {
    const pool = new BufferPool({ check: true });
    const values = pool.take(65);
    pool.retain(values);
    pool.release(values);
    values[3] = 0;
    assert.throws(() => pool.take(65), fault('written after release', /written at byte 12 after its release/));
  });

  test('the check finds a write after the release also of buffers that are dropped', () => {
    for (const drop of [(pool: BufferPool) => pool.dispose(), (pool: BufferPool) => void useOnce(pool, 800)]) {
      const pool = new BufferPool({ check: true, maxFreeBytes: 900 });
      useOnce(pool, 400)[99] = 1;
      assert.throws(() => drop(pool), fault('written after release', /written at byte 396/));
    }
  });

  test('the check finds a write past an array\'s end, in the rest of its buffer and behind it', () => {
    for (const [length, at] of [[65, 65], [65, 79], [64, 64], [64, 127], [0, 0]] as const) {
      const pool = new BufferPool({ check: true });
      const values = pool.take(length);
      pool.retain(values);
      new Float32Array(values.buffer)[at] = 0;
      assert.throws(() => pool.release(values), fault('written past the end', new RegExp(`an array of ${length * 4} bytes was written at byte ${at * 4},`)));
    }
  });

  test('the check leaves correct use alone', () => {
    const pool = new BufferPool({ check: true, maxFreeBytes: 1000 });
    for (const length of [0, 1, 63, 64, 65, 100, 64]) {
      const values = pool.take(length);
      pool.retain(values);
      values.fill(length);
      pool.release(values);
    }
    pool.dispose();
    assert.equal(pool.statistics.freeBytes, 0);
  });

  test('the statistics follow use and release', () => {
    const pool = new BufferPool();
    const [a, b] = [pool.take(1024), pool.take(1024)];
    pool.retain(a);
    pool.retain(b);
    assert.deepEqual(pool.statistics, { usedBytes: 8192, freeBytes: 0, peakBytes: 8192 });
    pool.release(a);
    assert.deepEqual(pool.statistics, { usedBytes: 4096, freeBytes: 4096, peakBytes: 8192 });
    pool.take(1024);
    assert.equal(pool.statistics.freeBytes, 0);
  });

  test('free memory stays bounded while sizes vary: what was unused for longest goes first', () => {
    const pool = new BufferPool();
    for (let size = 1; size <= 40; size++) useOnce(pool, size * megabyte);
    const { freeBytes, peakBytes } = pool.statistics;
    assert.ok(peakBytes >= 40 * 2 ** 20);
    assert.ok(freeBytes <= 64 * 2 ** 20, `${freeBytes} bytes are free`);
    assert.ok(freeBytes >= peakBytes, 'the buffer used last is kept');
  });

  test('what a training step used at once is kept until the next one', () => {
    const pool = new BufferPool();
    const step = (): ArrayBufferLike[] => {
      const arrays = Array.from({ length: 50 }, () => pool.take(2 * megabyte / 4));
      for (const values of arrays) pool.retain(values);
      for (const values of arrays) pool.release(values);
      return arrays.map(({ buffer }) => buffer);
    };
    const first = new Set(step());
    assert.equal(pool.freeLimit, 100 * megabyte);
    assert.ok(step().every((buffer) => first.has(buffer)));
  });

  test('a peak long past no longer keeps memory', () => {
    const pool = new BufferPool();
    const arrays = Array.from({ length: 50 }, () => pool.take(2 * megabyte / 4));
    for (const values of arrays) pool.retain(values);
    for (const values of arrays) pool.release(values);
    assert.equal(pool.statistics.freeBytes, 100 * megabyte);
    for (let i = 0; i < 40_000; i++) useOnce(pool, 256);
    assert.ok(pool.statistics.freeBytes <= 64 * megabyte, `${pool.statistics.freeBytes} bytes are free`);
    assert.equal(pool.statistics.peakBytes, 100 * megabyte);
  });

  test('no more than maxFreeBytes is kept, whatever was in use', () => {
    const pool = new BufferPool({ maxFreeBytes: 3000 });
    const arrays = Array.from({ length: 9 }, () => pool.take(256));
    for (const values of arrays) pool.retain(values);
    for (const values of arrays) pool.release(values);
    assert.deepEqual(pool.statistics, { usedBytes: 0, freeBytes: 2048, peakBytes: 9 * 1024 });
    const none = new BufferPool({ maxFreeBytes: 0 });
    const buffer = useOnce(none, 1024).buffer;
    assert.equal(none.statistics.freeBytes, 0);
    assert.notEqual(none.take(256).buffer, buffer);
  });

  test('arrays in use outlive the disposal of the pool and may be released after it', () => {
    const pool = new BufferPool({ check: true });
    useOnce(pool, 512);
    const values = pool.take(3);
    pool.retain(values);
    values.fill(5);
    pool.dispose();
    assert.deepEqual([...values], [5, 5, 5]);
    assert.equal(pool.statistics.freeBytes, 0);
    pool.release(values);
  });
});
