/** An Int32Array that grows: by doubling, a large one by 16 MiB. */
const mostGrowth = 1 << 22;

export class GrowingInts {
  #values: Int32Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity: number) {
    this.#values = new Int32Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) this.#grow(this.#length + 1);
    this.#values[this.#length++] = value;
  }

  append(more: ArrayLike<number>): void {
    if (this.#length + more.length > this.#values.length) this.#grow(this.#length + more.length);
    this.#values.set(more, this.#length);
    this.#length += more.length;
  }

  /** The values from `from` on; valid until the next growth. */
  view(from = 0): Int32Array<ArrayBuffer> {
    return this.#values.subarray(from, this.#length);
  }

  /** Forgets what lies from `length` on. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** Forgets the first `count` values; the rest moves to the front. */
  drop(count: number): void {
    this.#values.copyWithin(0, count, this.#length);
    this.#length -= count;
  }

  /** A copy of the values, which are forgotten here. */
  take(): Int32Array<ArrayBuffer> {
    const values = this.#values.slice(0, this.#length);
    this.#length = 0;
    return values;
  }

  #grow(least: number): void {
    const wider = new Int32Array(Math.max(this.#values.length + Math.min(this.#values.length, mostGrowth), least));
    wider.set(this.#values.subarray(0, this.#length));
    this.#values = wider;
  }
}
