import assert from 'node:assert/strict';
import test from 'node:test';
import { rowMajor } from './pytorchStrides.js';

const allowed = (): void => {};

/** The elements in row-major order by the definition: one index after the other. */
function byDefinition(storage: Uint8Array, offset: number, shape: readonly number[], strides: readonly number[], elementSize: number): number[] {
  let positions = [offset];
  shape.forEach((size, axis) => {
    positions = positions.flatMap((position) => Array.from({ length: size }, (_, i) => position + i * (strides[axis] ?? 0)));
  });
  return positions.flatMap((position) => [...storage.subarray(position * elementSize, (position + 1) * elementSize)]);
}

test('any strides give the elements in row-major order, for each size of element', () => {
  const cases: [string, number, number[], number[]][] = [
    ['a transposed matrix', 0, [3, 2], [1, 3]],
    ['one axis of three moved', 1, [2, 4, 3], [3, 6, 1]],
    ['all axes reversed', 0, [2, 3, 4], [1, 2, 6]],
    ['a column', 2, [4], [5]],
    ['every other row', 0, [2, 3], [6, 1]],
    ['an expanded axis', 3, [3, 2], [0, 1]],
    ['overlapping windows', 0, [4, 3], [1, 1]],
    ['an axis of size 1 between', 0, [3, 1, 2], [1, 77, 3]],
    ['one element, repeated', 4, [2, 2], [0, 0]],
  ];
  for (const elementSize of [1, 2, 4, 8]) {
    const storage = Uint8Array.from({ length: 30 * elementSize }, (_, i) => (i * 7 + 3) & 255);
    for (const [label, offset, shape, strides] of cases) {
      assert.deepEqual([...rowMajor(storage, { offset, shape, strides }, elementSize, allowed)], byDefinition(storage, offset, shape, strides, elementSize), `${label}, ${elementSize} bytes`);
    }
  }
});

test('elements that lie in order are a view of the storage', () => {
  const storage = Uint8Array.from({ length: 48 }, (_, i) => i);
  const refuse = (): never => assert.fail('a copy was asked for');
  const cases: [number, number[], number[], [number, number]][] = [
    [0, [3, 4], [4, 1], [0, 48]],
    [4, [2, 4], [4, 1], [16, 48]],
    [5, [1, 1, 3], [99, 7, 1], [20, 32]],
    [11, [], [], [44, 48]],
    [11, [1], [0], [44, 48]],
  ];
  for (const [offset, shape, strides, [begin, end]] of cases) {
    const values = rowMajor(storage, { offset, shape, strides }, 4, refuse);
    assert.equal(values.buffer, storage.buffer);
    assert.deepEqual([values.byteOffset, values.byteOffset + values.byteLength], [begin, end], `[${shape.join(', ')}]`);
  }
});

test('a tensor without elements has no bytes, whatever its other sizes', () => {
  assert.equal(rowMajor(new Uint8Array(0), { offset: 0, shape: [2 ** 40, 0, 2 ** 40], strides: [1, 1, 1] }, 8, allowed).length, 0);
});

test('the size of a copy is told before it is made', () => {
  const told: number[] = [];
  const refuse = (bytes: number): never => {
    told.push(bytes);
    throw new RangeError('too large');
  };
  assert.throws(() => rowMajor(new Uint8Array(8), { offset: 0, shape: [2 ** 40, 3], strides: [0, 0] }, 4, refuse), /too large/);
  assert.deepEqual(told, [12 * 2 ** 40]);
});
