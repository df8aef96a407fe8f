import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BufferPool, sizeClass } from './bufferPool.js';

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
    assert.throws(() => pool.release(values), /released more often than it was used/);
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
    assert.throws(() => pool.take(65), /written at byte 12 after its release/);
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
    const megabyte = 262_144;
    for (let size = 1; size <= 40; size++) {
      const values = pool.take(size * megabyte);
      pool.retain(values);
      pool.release(values);
    }
    const { freeBytes, peakBytes } = pool.statistics;
    assert.ok(peakBytes >= 40 * 2 ** 20);
    assert.ok(freeBytes <= 64 * 2 ** 20, `${freeBytes} bytes are free`);
    assert.ok(freeBytes >= peakBytes, 'the buffer used last is kept');
  });
});
