/**
 * Reuses the buffers of tensors. Training makes and drops the same sizes over and over; fresh memory would cost page faults
 * that are slower than many kernels. Several tensors may share one ArrayBuffer (a slice is a subarray), so each buffer
 * counts its users and comes back when the last one releases it.
 */

/** How a pool gets new memory: an ArrayBuffer of `bytes` bytes with any contents. */
export type AllocateBuffer = (bytes: number) => ArrayBuffer;

export interface BufferPoolOptions {
  readonly allocate?: AllocateBuffer;
  /** Most bytes of free buffers to keep for reuse; 0 keeps none. Default: no limit beside the one of `freeLimit`. */
  readonly maxFreeBytes?: number;
  /**
   * For tests: free buffers are filled with NaN and end in a margin that belongs to nobody. A buffer whose filling changed
   * while it was free (someone wrote after releasing), or that was written behind its array's end, raises an error.
   */
  readonly check?: boolean;
}

/** What a user of the pool did wrong: our own bug, never the caller's data. */
export class BufferPoolError extends Error {
  override readonly name = 'BufferPoolError';
  readonly fault: 'released too often' | 'written after release' | 'written past the end';

  constructor(fault: BufferPoolError['fault'], message: string) {
    super(message);
    this.fault = fault;
  }
}

/** Free memory kept at least (below `maxFreeBytes`), however little is in use. */
const keptBytes = 64 * 1024 * 1024;
const smallestClass = 256;
/** Buffers given back until a peak of use counts as past: some dozens of training steps. */
const peakWindow = 16_384;
/** A quiet NaN with a pattern that no computation yields. */
const poison = 0x7fd0dead;
/** Bytes behind a checked buffer: more than the widest kernel could overrun by one vector or one row of a tile. */
const margin = 256;

interface Use {
  count: number;
  /** The size class. */
  readonly bytes: number;
  /** Bytes of the array that was asked for. */
  readonly length: number;
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
  readonly #maxFreeBytes: number;
  readonly #check: boolean;
  readonly #uses = new WeakMap<ArrayBufferLike, Use>();
  /** Free buffers by class; the class used last is the map's last key. */
  readonly #free = new Map<number, ArrayBuffer[]>();
  #freeBytes = 0;
  #usedBytes = 0;
  #peakBytes = 0;
  /** Peaks of use since the present window of releases began, and in the one before. */
  #windowPeak = 0;
  #previousPeak = 0;
  #releases = 0;

  constructor(options: BufferPoolOptions = {}) {
    this.#allocate = options.allocate ?? ((bytes) => new ArrayBuffer(bytes));
    this.#maxFreeBytes = options.maxFreeBytes ?? Number.POSITIVE_INFINITY;
    this.#check = options.check ?? false;
  }

  /** Bytes of pooled buffers that tensors hold, of free ones, and the most ever held at once. */
  get statistics(): { readonly usedBytes: number; readonly freeBytes: number; readonly peakBytes: number } {
    return { usedBytes: this.#usedBytes, freeBytes: this.#freeBytes, peakBytes: this.#peakBytes };
  }

  /**
   * Most bytes that free buffers may take: as much as was in use at once of late (between two steps a training run holds
   * little of what the next step needs again), at least 64 MiB, at most `maxFreeBytes`.
   */
  get freeLimit(): number {
    return Math.min(this.#maxFreeBytes, Math.max(keptBytes, this.#windowPeak, this.#previousPeak));
  }

  /** `length` float32 numbers with any contents. The array has no user yet: `retain` makes the first. */
  take(length: number): Float32Array<ArrayBuffer> {
    const bytes = sizeClass(length * 4);
    const list = this.#free.get(bytes);
    let buffer = list?.pop();
    if (buffer === undefined) {
      buffer = this.#allocate(this.#check ? bytes + margin : bytes);
      if (this.#check) new Uint32Array(buffer).fill(poison);
    } else {
      this.#freeBytes -= bytes;
      this.#verifyFree(buffer);
    }
    this.#uses.set(buffer, { count: 0, bytes, length: length * 4 });
    return new Float32Array(buffer, 0, length);
  }

  /** One more user of the buffer under `values`; arrays that the pool did not make are ignored. */
  retain(values: ArrayBufferView): void {
    const use = this.#uses.get(values.buffer);
    if (use === undefined) return;
    if (use.count === 0) {
      this.#usedBytes += use.bytes;
      this.#windowPeak = Math.max(this.#windowPeak, this.#usedBytes);
      this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    }
    use.count++;
  }

  /** One user less; the last one gives the buffer back. Releasing more often than retaining is a BufferPoolError. */
  release(values: ArrayBufferView): void {
    const buffer = values.buffer;
    const use = this.#uses.get(buffer);
    if (use === undefined || !(buffer instanceof ArrayBuffer)) return;
    if (use.count === 0) {
      throw new BufferPoolError('released too often', `a buffer of ${use.bytes} bytes was released more often than it was used`);
    }
    use.count--;
    if (use.count > 0) return;
    this.#usedBytes -= use.bytes;
    if (this.#check) {
      this.#verifyEnd(buffer, use);
      new Uint32Array(buffer).fill(poison);
    }
    const list = this.#free.get(use.bytes) ?? [];
    list.push(buffer);
    // Deleting and setting moves the class to the end of the map's order.
    this.#free.delete(use.bytes);
    this.#free.set(use.bytes, list);
    this.#freeBytes += use.bytes;
    this.#releases++;
    if (this.#releases % peakWindow === 0) {
      this.#previousPeak = this.#windowPeak;
      this.#windowPeak = this.#usedBytes;
    }
    this.#trim(this.freeLimit);
  }

  /** Drops the free buffers; those in use stay valid and may still be released. With `check`, all are verified first. */
  dispose(): void {
    this.#trim(0);
  }

  /** Sequence lengths vary, and with them the classes: those unused for longest go first. */
  #trim(limit: number): void {
    for (const [bytes, list] of this.#free) {
      if (this.#freeBytes <= limit) return;
      while (this.#freeBytes > limit) {
        const buffer = list.pop();
        if (buffer === undefined) break;
        this.#freeBytes -= bytes;
        this.#verifyFree(buffer);
      }
      if (list.length === 0) this.#free.delete(bytes);
    }
  }

  #verifyFree(buffer: ArrayBuffer): void {
    const at = this.#check ? changedWord(buffer, 0) : -1;
    if (at >= 0) throw new BufferPoolError('written after release', `a free buffer of ${buffer.byteLength - margin} bytes was written at byte ${at * 4} after its release`);
  }

  #verifyEnd(buffer: ArrayBuffer, use: Use): void {
    const at = changedWord(buffer, use.length / 4);
    if (at >= 0) throw new BufferPoolError('written past the end', `an array of ${use.length} bytes was written at byte ${at * 4}, past its end`);
  }
}

/** Index of the first 4-byte word, from `start` on, that is not poison; -1 where all are. */
function changedWord(buffer: ArrayBuffer, start: number): number {
  const words = new Uint32Array(buffer);
  for (let i = start; i < words.length; i++) if (words[i] !== poison) return i;
  return -1;
}
