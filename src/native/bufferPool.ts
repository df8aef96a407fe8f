/**
 * Reuses the buffers of tensors. Training makes and drops the same sizes over and over; fresh memory would cost page faults
 * that are slower than many kernels. Several tensors may share one ArrayBuffer (a slice is a subarray), so each buffer
 * counts its users and comes back when the last one releases it.
 */

/** How a pool gets new memory: an ArrayBuffer of `bytes` bytes with any contents. */
export type AllocateBuffer = (bytes: number) => ArrayBuffer;

export interface BufferPoolOptions {
  readonly allocate?: AllocateBuffer;
  /**
   * For tests: free buffers are filled with NaN, and a buffer whose filling changed while it was free raises an error
   * when it is taken again (someone wrote after releasing).
   */
  readonly check?: boolean;
}

/** Free memory kept at least, however little is in use. */
const keptBytes = 64 * 1024 * 1024;
const smallestClass = 256;
/** A quiet NaN with a pattern that no computation yields. */
const poison = 0x7fd0dead;

interface Use {
  count: number;
  readonly bytes: number;
}

/** Class sizes are 1, 1.25, 1.5 and 1.75 times powers of two, so that at most a fifth of a buffer lies idle. */
export function sizeClass(bytes: number): number {
  if (bytes <= smallestClass) return smallestClass;
  const power = 2 ** Math.floor(Math.log2(bytes));
  const quarter = power / 4;
  return power + Math.ceil((bytes - power) / quarter) * quarter;
}

export class BufferPool {
  readonly #allocate: AllocateBuffer;
  readonly #check: boolean;
  readonly #uses = new WeakMap<ArrayBufferLike, Use>();
  /** Free buffers by class; the class used last is the map's last key. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;
  #usedBytes = 0;
  #peakBytes = 0;

  constructor(options: BufferPoolOptions = {}) {
    this.#allocate = options.allocate ?? ((bytes) => new ArrayBuffer(bytes));
    this.#check = options.check ?? false;
  }

  /** Bytes of pooled buffers that tensors hold, of free ones, and the most ever held at once. */
  get statistics(): { readonly usedBytes: number; readonly freeBytes: number; readonly peakBytes: number } {
    return { usedBytes: this.#usedBytes, freeBytes: this.#freeBytes, peakBytes: this.#peakBytes };
  }

  /** `length` float32 numbers with any contents. The array has no user yet: `retain` makes the first. */
  take(length: number): Float32Array<ArrayBuffer> {
    const bytes = sizeClass(length * 4);
    const list = this.#free.get(bytes);
    let buffer = list?.pop();
    if (buffer === undefined) {
      buffer = this.#allocate(bytes);
      if (this.#check) new Uint32Array(buffer).fill(poison);
    } else {
      this.#freeBytes -= bytes;
      if (this.#check) this.#verify(buffer);
    }
    this.#uses.set(buffer, { count: 0, bytes });
    return new Float32Array(buffer, 0, length);
  }

  /** One more user of the buffer under `values`; arrays that the pool did not make are ignored. */
  retain(values: ArrayBufferView): void {
    const use = this.#uses.get(values.buffer);
    if (use === undefined) return;
    if (use.count === 0) {
      this.#usedBytes += use.bytes;
      this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    }
    use.count++;
  }

  /** One user less; the last one gives the buffer back. Releasing more often than retaining is an error. */
  release(values: ArrayBufferView): void {
    const buffer = values.buffer;
    const use = this.#uses.get(buffer);
    if (use === undefined || !(buffer instanceof ArrayBuffer)) return;
    if (use.count === 0) throw new Error(`a buffer of ${use.bytes} bytes was released more often than it was used`);
    use.count--;
    if (use.count > 0) return;
    this.#usedBytes -= use.bytes;
    if (this.#check) new Uint32Array(buffer).fill(poison);
    const list = this.#free.get(use.bytes) ?? [];
    list.push(buffer);
    // Deleting and setting moves the class to the end of the map's order.
    this.#free.delete(use.bytes);
    this.#free.set(use.bytes, list);
    this.#freeBytes += use.bytes;
    this.#trim();
  }

  /** Sequence lengths vary, and with them the classes: those unused for longest go when more is free than was ever in use. */
  #trim(): void {
    const limit = Math.max(keptBytes, this.#peakBytes);
    for (const [bytes, list] of this.#free) {
      if (this.#freeBytes <= limit) return;
      while (list.length > 0 && this.#freeBytes > limit) {
        list.pop();
        this.#freeBytes -= bytes;
      }
      if (list.length === 0) this.#free.delete(bytes);
    }
  }

  #verify(buffer: ArrayBuffer): void {
    const words = new Uint32Array(buffer);
    const at = words.findIndex((word) => word !== poison);
    if (at >= 0) throw new Error(`a free buffer of ${buffer.byteLength} bytes was written at byte ${at * 4} after its release`);
  }
}
