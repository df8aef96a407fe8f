/** Strided tensors, such as a transposed view, as rows one after the other. */

export interface Strided {
  /** Elements from the storage's first to the tensor's. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Elements from one index to the next, for each axis. */
  readonly strides: readonly number[];
}

/**
 * The elements of a tensor in row-major order: a view where they lie so, a copy otherwise. The tensor lies within its storage.
 * @param storage bytes of the storage, aligned for its elements
 * @param elementSize 1, 2, 4 or 8 bytes
 * @param allowCopy called with the bytes of a copy before it is made; throws where it is too large
 */
export function rowMajor(storage: Uint8Array, { offset, shape, strides }: Strided, elementSize: number, allowCopy: (bytes: number) => void): Uint8Array {
  const count = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  if (count === 0) return new Uint8Array(0);
  // An axis of size 1 is never stepped along, so that its stride says nothing.
  const axes = shape.map((size, axis) => ({ size, stride: strides[axis] ?? 0 })).filter(({ size }) => size > 1);
  if (isRowMajor(axes)) return storage.subarray(offset * elementSize, (offset + count) * elementSize);
  allowCopy(count * elementSize);
  const { buffer, byteOffset, byteLength } = storage;
  const copy = new ArrayBuffer(count * elementSize);
  if (elementSize === 1) gather(storage, new Uint8Array(copy), offset, axes);
  else if (elementSize === 2) gather(new Uint16Array(buffer, byteOffset, byteLength / 2), new Uint16Array(copy), offset, axes);
  else if (elementSize === 4) gather(new Uint32Array(buffer, byteOffset, byteLength / 4), new Uint32Array(copy), offset, axes);
  else gatherPairs(new Uint32Array(buffer, byteOffset, byteLength / 4), new Uint32Array(copy), offset, axes);
  return new Uint8Array(copy);
}

interface Axis {
  readonly size: number;
  readonly stride: number;
}

function isRowMajor(axes: readonly Axis[]): boolean {
  let expected = 1;
  for (const { size, stride } of axes.toReversed()) {
    if (stride !== expected) return false;
    expected *= size;
  }
  return true;
}

/** Walks all axes but the last like an odometer, and the last one in a loop of its own. */
function gather<Elements extends Uint8Array | Uint16Array | Uint32Array>(from: Elements, to: Elements, offset: number, axes: readonly Axis[]): void {
  const last = axes.at(-1) ?? { size: 1, stride: 1 };
  const index = axes.map(() => 0);
  let row = offset;
  for (let at = 0; at < to.length; ) {
    for (let i = 0; i < last.size; i++) to[at++] = from[row + i * last.stride] ?? 0;
    for (let axis = axes.length - 2; axis >= 0; axis--) {
      const { size, stride } = axes[axis] ?? last;
      const next = (index[axis] ?? 0) + 1;
      if (next < size) {
        index[axis] = next;
        row += stride;
        break;
      }
      index[axis] = 0;
      row -= (size - 1) * stride;
    }
  }
}

/** Elements of 8 bytes as two of 4, since JavaScript reads 8 bytes only as a float, which may change a NaN, or as a bigint. */
function gatherPairs(from: Uint32Array, to: Uint32Array, offset: number, axes: readonly Axis[]): void {
  const doubled = axes.map(({ size, stride }) => ({ size, stride: 2 * stride }));
  gather(from, to, 2 * offset, [...doubled, { size: 2, stride: 1 }]);
}
