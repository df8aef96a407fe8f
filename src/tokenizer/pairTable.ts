/**
 * Neighbouring symbols (pairs) with their counts and the words they occur in, on typed arrays: tens of millions of look-ups
 * during training, and a Map holds at most 16.7 million keys.
 */
import { grown } from './wordScanner.js';

export class PairTable {
  #slots = new Int32Array(1 << 17).fill(-1);
  #left = new Int32Array(1 << 16);
  #right = new Int32Array(1 << 16);
  #counts = new Float64Array(1 << 16);
  /** First node of each pair's list of words; -1 at the end. */
  #heads = new Int32Array(1 << 16);
  #size = 0;

  #nodeWord = new Int32Array(1 << 18);
  #nodeNext = new Int32Array(1 << 18);
  #nodeCount = 0;
  #freeNode = -1;

  get size(): number {
    return this.#size;
  }

  left(pair: number): number {
    return this.#left[pair] as number;
  }

  right(pair: number): number {
    return this.#right[pair] as number;
  }

  count(pair: number): number {
    return this.#counts[pair] as number;
  }

  clearCount(pair: number): void {
    this.#counts[pair] = 0;
  }

  /** Adds to the count of a pair, which is made where it is new; returns the pair's number. */
  change(left: number, right: number, by: number): number {
    const pair = this.#findOrAdd(left, right);
    this.#counts[pair] = (this.#counts[pair] as number) + by;
    return pair;
  }

  /** Notes that `word` has the pair. Twice in a row is noted once; a word that loses the pair later stays noted. */
  occursIn(pair: number, word: number): void {
    const head = this.#heads[pair] as number;
    if (head >= 0 && this.#nodeWord[head] === word) return;
    let node = this.#freeNode;
    if (node >= 0) this.#freeNode = this.#nodeNext[node] as number;
    else {
      node = this.#nodeCount++;
      if (node === this.#nodeWord.length) {
        this.#nodeWord = grown(this.#nodeWord, node * 2);
        this.#nodeNext = grown(this.#nodeNext, node * 2);
      }
    }
    this.#nodeWord[node] = word;
    this.#nodeNext[node] = head;
    this.#heads[pair] = node;
  }

  /** Empties the pair's list of words and hands each to `visit`, which may change the table. */
  takeWords(pair: number, visit: (word: number) => void): void {
    let node = this.#heads[pair] as number;
    this.#heads[pair] = -1;
    while (node >= 0) {
      const word = this.#nodeWord[node] as number;
      const next = this.#nodeNext[node] as number;
      this.#nodeNext[node] = this.#freeNode;
      this.#freeNode = node;
      visit(word);
      node = next;
    }
  }

  #findOrAdd(left: number, right: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashPair(left, right) & mask;
    for (;;) {
      const pair = this.#slots[slot] as number;
      if (pair < 0) break;
      if (this.#left[pair] === left && this.#right[pair] === right) return pair;
      slot = (slot + 1) & mask;
    }
    if (this.#size === this.#left.length) {
      this.#grow();
      return this.#findOrAdd(left, right);
    }
    const added = this.#size++;
    this.#slots[slot] = added;
    this.#left[added] = left;
    this.#right[added] = right;
    this.#heads[added] = -1;
    return added;
  }

  #grow(): void {
    const capacity = this.#left.length * 2;
    this.#left = grown(this.#left, capacity);
    this.#right = grown(this.#right, capacity);
    this.#counts = grown(this.#counts, capacity);
    this.#heads = grown(this.#heads, capacity);
    this.#slots = new Int32Array(capacity * 2).fill(-1);
    const mask = this.#slots.length - 1;
    for (let pair = 0; pair < this.#size; pair++) {
      let slot = hashPair(this.#left[pair] as number, this.#right[pair] as number) & mask;
      while ((this.#slots[slot] as number) >= 0) slot = (slot + 1) & mask;
      this.#slots[slot] = pair;
    }
  }
}

function hashPair(left: number, right: number): number {
  const mixed = Math.imul(Math.imul(left, 0x9e3779b1) ^ right, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
