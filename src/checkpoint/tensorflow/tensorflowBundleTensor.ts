/** One tensor of a TensorFlow checkpoint: its values are read from the data file, and their checksum proved, when asked for. */
import { closeSync, openSync } from 'node:fs';
import { DataError, IoError } from '../../data/errors.js';
import { crc32c, maskCrc32c } from '../crc32c.js';
import { readBytes } from '../readBytes.js';
import type { TensorEntry } from '../storedTensor.js';
import { damagedHint, quoteName } from './tensorflowBundleBytes.js';
import type { BundleEntry } from './tensorflowBundleMessages.js';
import { widenToFloat32 } from '../widenToFloat32.js';

interface ElementType {
  /** As safetensors names it. */
  readonly name: string;
  /** Bytes of one element. */
  readonly size: number;
}

/** By the number of the tensorflow.DataType. */
const elementTypes = new Map<number, ElementType>([
  [1, { name: 'F32', size: 4 }],
  [2, { name: 'F64', size: 8 }],
  [3, { name: 'I32', size: 4 }],
  [9, { name: 'I64', size: 8 }],
  [14, { name: 'BF16', size: 2 }],
  [19, { name: 'F16', size: 2 }],
]);

/** Types that a checkpoint may hold and that are not read. */
const otherTypes = new Map([
  [4, 'DT_UINT8'],
  [5, 'DT_INT16'],
  [6, 'DT_INT8'],
  [7, 'DT_STRING'],
  [8, 'DT_COMPLEX64'],
  [10, 'DT_BOOL'],
  [17, 'DT_UINT16'],
  [18, 'DT_COMPLEX128'],
  [20, 'DT_RESOURCE'],
  [21, 'DT_VARIANT'],
  [22, 'DT_UINT32'],
  [23, 'DT_UINT64'],
]);

/** Where the values of a tensor are. */
export interface BundleSource {
  /** The variable's name in TensorFlow. */
  readonly name: string;
  readonly indexFile: string;
  readonly dataFile: string;
  readonly entry: BundleEntry;
}

/**
 * Nothing is kept: `bytes` and `data` read anew each time, so that a checkpoint needs the memory of the tensor at hand.
 * Both throw a DataError naming the variable where its values are partitioned, of a type that is not read, cut, or other than
 * their checksum says; an IoError where the data file cannot be read.
 */
export class BundleTensor implements TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly #source: BundleSource;
  readonly #element: ElementType | undefined;
  readonly #transposed: boolean;

  /**
   * @param transposed whether a matrix is handed out as `[columns, rows]`; anything else stays as it is
   * @throws DataError where the size of the values does not fit type and shape
   */
  constructor(source: BundleSource, transposed: boolean) {
    const { dtype, shape, size, partitioned } = source.entry;
    this.#source = source;
    this.#element = elementTypes.get(dtype);
    this.#transposed = transposed && shape.length === 2;
    this.dtype = this.#element?.name ?? otherTypes.get(dtype) ?? `DataType ${dtype}`;
    this.shape = this.#transposed ? [...shape].reverse() : shape;
    if (this.#element === undefined || partitioned) return;
    const expected = elementCount(shape) * this.#element.size;
    if (expected !== size) this.#fail(`has shape [${shape.join(', ')}] of ${this.dtype}, which needs ${expected} bytes; the index says ${size}`, damagedHint);
  }

  get bytes(): Uint8Array {
    const { shape, partitioned } = this.#source.entry;
    if (partitioned) this.#fail('is partitioned; expected a tensor in one piece', 'Load the checkpoint in TensorFlow and save it without partitions.');
    if (this.#element === undefined) return this.#fail(`has dtype ${this.dtype}; expected F32, F64, F16, BF16, I32 or I64`, 'Save the variable with another type in TensorFlow.');
    const bytes = this.#read();
    const [rows = 0, columns = 0] = shape;
    // Without elements the other size may be anything, and must not be counted through.
    return this.#transposed && bytes.length > 0 ? transpose(bytes, rows, columns, this.#element.size) : bytes;
  }

  get data(): Float32Array {
    const values = widenToFloat32(this.bytes, this.dtype);
    return values ?? this.#fail(`has dtype ${this.dtype}; expected F32, F16, BF16 or F64`, undefined);
  }

  /** The values as the file holds them, in memory of their own. */
  #read(): Uint8Array {
    const { dataFile, entry } = this.#source;
    const bytes = readRange(dataFile, entry.offset, entry.size);
    const where = `${entry.size} bytes at byte ${entry.offset}`;
    if (bytes === undefined) return this.#fail(`has ${where}, past the end of the file`, damagedHint, dataFile);
    if (entry.crc32c === undefined) return this.#fail('has no checksum; expected one, as TensorFlow writes it', damagedHint);
    const computed = maskCrc32c(crc32c(bytes));
    if (computed !== entry.crc32c) this.#fail(`has ${where} with checksum 0x${computed.toString(16)}; the index says 0x${entry.crc32c.toString(16)}`, damagedHint, dataFile);
    return bytes;
  }

  #fail(message: string, hint: string | undefined, file = this.#source.indexFile): never {
    throw new DataError(`variable ${quoteName(this.#source.name)} ${message}`, { location: { file }, hint });
  }
}

/** Undefined where the file ends before. */
function readRange(file: string, position: number, length: number): Uint8Array | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const bytes = new Uint8Array(length);
    return readBytes(descriptor, position, bytes) < length ? undefined : bytes;
  } catch (cause) {
    throw new IoError(`${file}: cannot read the weights (${(cause as Error).message})`, { cause });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Product of the sizes; 0 wins over sizes that would overflow. */
function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/**
 * The `[columns, rows]` matrix of a `[rows, columns]` one. Elements move as unsigned integers, which keeps every bit of them.
 * @param bytes aligned to the size of an element: 2, 4 or 8
 */
function transpose(bytes: Uint8Array, rows: number, columns: number, elementSize: number): Uint8Array {
  const target = new Uint8Array(bytes.length);
  if (elementSize === 2) transposeInto(new Uint16Array(bytes.buffer), new Uint16Array(target.buffer), rows, columns, 1);
  else transposeInto(new Uint32Array(bytes.buffer), new Uint32Array(target.buffer), rows, columns, elementSize / 4);
  return target;
}

/** In squares of a side that keeps both ends in the cache. */
function transposeInto<T extends Uint16Array | Uint32Array>(source: T, target: T, rows: number, columns: number, words: number): void {
  const side = 32;
  for (let top = 0; top < rows; top += side) {
    const bottom = Math.min(rows, top + side);
    for (let left = 0; left < columns; left += side) {
      const right = Math.min(columns, left + side);
      for (let column = left; column < right; column++) {
        for (let row = top; row < bottom; row++) {
          for (let word = 0; word < words; word++) target[(column * rows + row) * words + word] = source[(row * columns + column) * words + word] ?? 0;
        }
      }
    }
  }
}
