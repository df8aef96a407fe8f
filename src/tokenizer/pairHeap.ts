/** A queue of pairs: the highest count first, of equal counts the pair with the smaller ids, as in the Rust library's BpeTrainer. */
import type { PairTable } from './pairTable.js';
import { grown } from './wordScanner.js';

export class PairHeap {
  readonly #pairs: PairTable;
  #entries = new Int32Array(1 << 16);
  /** The count at the time of the push; the pair's own may have changed since. */
  #counts = new Float64Array(1 << 16);
  #size = 0;

  constructor(pairs: PairTable) {
    this.#pairs = pairs;
  }

  /** Pushes a pair with its present count. */
  push(pair: number): void {
    if (this.#size === this.#entries.length) {
      this.#entries = grown(this.#entries, this.#size * 2);
      this.#counts = grown(this.#counts, this.#size * 2);
    }
    const count = this.#pairs.count(pair);
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#precedes(count, pair, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#entries[at] = pair;
    this.#counts[at] = count;
  }

  /**
   * Takes the pair with the highest present count, at least `least`; undefined where there is none. An entry that is out of date
   * goes back with the present count.
   */
  pop(least: number): number | undefined {
    while (this.#size > 0) {
      const pair = this.#entries[0] as number;
      const pushed = this.#counts[0] as number;
      this.#removeTop();
      const count = this.#pairs.count(pair);
      if (count < least) continue;
      if (count === pushed) return pair;
      this.push(pair);
    }
    return undefined;
  }

  #removeTop(): void {
    const last = --this.#size;
    const pair = this.#entries[last] as number;
    const count = this.#counts[last] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#precedes(this.#counts[child + 1] as number, this.#entries[child + 1] as number, child)) child += 1;
      if (this.#precedes(count, pair, child)) break;
      this.#move(child, at);
      at = child;
    }
    this.#entries[at] = pair;
    this.#counts[at] = count;
  }

  #move(from: number, to: number): void {
    this.#entries[to] = this.#entries[from] as number;
    this.#counts[to] = this.#counts[from] as number;
  }

  #precedes(count: number, pair: number, entry: number): boolean {
    const otherCount = this.#counts[entry] as number;
    if (count !== otherCount) return count > otherCount;
    const other = this.#entries[entry] as number;
    const left = this.#pairs.left(pair);
    const otherLeft = this.#pairs.left(other);
    return left !== otherLeft ? left < otherLeft : this.#pairs.right(pair) < this.#pairs.right(other);
  }
}
