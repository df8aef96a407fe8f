/**
 * The tfjs backend 'native': MathBackendCPU with pooled float32 buffers and the addon at hand. Its kernels are registered by
 * registerBackend.ts.
 */
import * as tf from '@tensorflow/tfjs';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { UsageError } from '../data/errors.js';
import type { NativeAddon } from './addon.js';
import { BufferPool } from './bufferPool.js';

export interface NativeBackendOptions {
  /** Checks of the buffer pool for tests; the default follows BERTWRIGHT_POOL_CHECK. */
  readonly checkPool?: boolean;
  /** As the pool's option; the default follows BERTWRIGHT_POOL_LIMIT, see poolLimit. */
  readonly maxFreeBytes?: number;
  /** Told of each run of a kernel that the addon may do, and whether it did: where not, the cpu kernel had to. For tests. */
  readonly onKernel?: (name: string, native: boolean) => void;
}

/** What tf.memory() has on this backend beside tfjs' own counts (which count the elements of a view again). */
export interface NativeMemory {
  readonly unreliable: boolean;
  readonly reasons: string[];
  /** Bytes of the float32 buffers that tensors hold, each buffer once however many views it has. */
  readonly numBytesInPool: number;
  /** Bytes of the buffers kept for reuse. */
  readonly numBytesInPoolFree: number;
  /** The most that tensors ever held at once. */
  readonly numBytesInPoolPeak: number;
}

/** The value of BERTWRIGHT_POOL_LIMIT (MiB of free buffers to keep at most, 0 keeps none) in bytes; no limit where it is not set. */
export function poolLimit(value: string | undefined): number {
  if (value === undefined || value === '') return Number.POSITIVE_INFINITY;
  if (!/^\d+(\.\d+)?$/.test(value)) throw new UsageError(`BERTWRIGHT_POOL_LIMIT is "${value}"`, { hint: 'Give the MiB of free memory to keep at most, 0 or more' });
  return Number(value) * 2 ** 20;
}

type Values = tf.backend_util.BackendValues;

export class NativeBackend extends MathBackendCPU {
  /** A profile puts a timed one in its place (profile.ts). */
  addon: NativeAddon;
  readonly pool: BufferPool;
  #nextId = 0;

  constructor(addon: NativeAddon, options: NativeBackendOptions = {}) {
    super();
    this.addon = addon;
    this.pool = new BufferPool({
      allocate: (bytes) => addon.allocateBuffer(bytes) ?? new ArrayBuffer(bytes),
      check: options.checkPool ?? (process.env['BERTWRIGHT_POOL_CHECK'] ?? '') !== '',
      maxFreeBytes: options.maxFreeBytes ?? poolLimit(process.env['BERTWRIGHT_POOL_LIMIT']),
    });
  }

  /** Stores a copy: the caller's array stays the caller's, also when an optimizer updates the tensor in place. */
  override write(values: Values, _shape: number[], dtype: tf.DataType): object {
    return this.#store(this.#copy(values, dtype), dtype, 1);
  }

  override move(dataId: object, values: Values, _shape: number[], dtype: tf.DataType, refCount: number): void {
    const copy = this.#copy(values, dtype);
    this.#retain(copy);
    this.data.set(dataId, { values: copy, dtype, refCount });
  }

  /** Takes over an array that a kernel made, or a view of another tensor's. */
  override makeTensorInfo(shape: number[], dtype: tf.DataType, values?: Values | string[]): tf.TensorInfo {
    const kept =
      dtype === 'string' && typeof values?.[0] === 'string' ? (values as string[]).map((text) => tf.util.encodeString(text)) : (values as Values);
    return { dataId: this.#store(dtype === 'float32' ? this.#asFloats(kept) : kept, dtype, 1), shape, dtype };
  }

  override disposeData(dataId: object, force = false): boolean {
    const values = this.data.has(dataId) ? this.data.get(dataId).values : undefined;
    const released = super.disposeData(dataId, force);
    if (values !== undefined && ArrayBuffer.isView(values) && !this.data.has(dataId)) this.pool.release(values);
    return released;
  }

  /** A copy, because the tensor's own buffer is used again after its disposal. */
  override readSync(dataId: object): Values {
    const values = super.readSync(dataId);
    return ArrayBuffer.isView(values) ? (values as tf.TypedArray).slice() : values;
  }

  override async read(dataId: object): Promise<Values> {
    return this.readSync(dataId);
  }

  /** Sizes of the pool; tfjs adds numTensors, numDataBuffers and numBytes. They are exact: buffers are counted, not collected. */
  override memory(): NativeMemory {
    const { usedBytes, freeBytes, peakBytes } = this.pool.statistics;
    return { unreliable: false, reasons: [], numBytesInPool: usedBytes, numBytesInPoolFree: freeBytes, numBytesInPoolPeak: peakBytes };
  }

  override dispose(): void {
    this.pool.dispose();
    super.dispose();
  }

  /** A new float32 tensor's information and its array from the pool, with any contents unless `zero`. */
  makePooledOutput(shape: readonly number[], dtype: 'float32', zero = false): tf.TensorInfo & { readonly values: Float32Array } {
    const values = this.pool.take(tf.util.sizeFromShape([...shape]));
    if (zero) values.fill(0);
    return { dataId: this.#store(values, dtype, 1), shape: [...shape], dtype, values };
  }

  /**
   * The values of a tensor as float32, without a copy where they are held so. (A cast from int32 by a plain cpu kernel shares
   * its source's array; then it is a copy, which must not be written.)
   */
  floatValues(dataId: object): Float32Array {
    const values = this.data.get(dataId).values;
    if (values instanceof Float32Array) return values;
    return Float32Array.from(values as ArrayLike<number>);
  }

  /** The values of an int32 or bool tensor as int32, without a copy where they are held so. */
  intValues(dataId: object): Int32Array {
    const values = this.data.get(dataId).values;
    return values instanceof Int32Array ? values : Int32Array.from(values as ArrayLike<number>);
  }

  #store(values: Values, dtype: tf.DataType, refCount: number): object {
    const dataId = { id: this.#nextId++ };
    this.#retain(values);
    this.data.set(dataId, { values, dtype, refCount });
    return dataId;
  }

  #retain(values: Values): void {
    if (ArrayBuffer.isView(values)) this.pool.retain(values);
  }

  #copy(values: Values, dtype: tf.DataType): Values {
    if (dtype === 'float32' && values !== null && values !== undefined) {
      const numbers = values as tf.TypedArray;
      const copy = this.pool.take(numbers.length);
      copy.set(numbers);
      return copy;
    }
    return ArrayBuffer.isView(values) ? (values as tf.TypedArray).slice() : values;
  }

  #asFloats(values: Values): Values {
    if (values === null || values === undefined || values instanceof Float32Array) return values;
    return Float32Array.from(values as ArrayLike<number>);
  }
}
