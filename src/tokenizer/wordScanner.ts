/**
 * Walks over text stretch by stretch (see BertNormalizer.scanClasses) and interns stretches in a table of typed arrays, so that neither
 * encoding nor counting makes a string for a word that was seen before.
 */
import { scanClass } from './normalizer.js';

const hashSeed = 0x2f6b3a1d;

/** Called with a stretch's place in the text and its hash. */
export type StretchSink = (text: string, start: number, end: number, hash: number) => void;

/** Hands every stretch of `text` to `sink`, in order. `classes` are a BertNormalizer's scanClasses. */
export function scanStretches(text: string, classes: Uint8Array, sink: StretchSink): void {
  const length = text.length;
  let start = 0;
  let hash = hashSeed;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    let kind = classes[unit];
    let mixed = Math.imul(hash ^ unit, 0x01000193);
    let end = i + 1;
    if ((unit & 0xfc00) === 0xd800 && end < length) {
      const low = text.charCodeAt(end);
      if ((low & 0xfc00) === 0xdc00) {
        kind = classes[0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)];
        mixed = Math.imul(mixed ^ low, 0x01000193);
        end += 1;
      }
    }
    if (kind === scanClass.word) {
      hash = mixed;
      i = end - 1;
      continue;
    }
    if (i > start) sink(text, start, i, hash);
    if (kind === scanClass.single) sink(text, i, end, hashOf(text, i, end));
    i = end - 1;
    start = end;
    hash = hashSeed;
  }
  if (length > start) sink(text, start, length, hash);
}

/** The hash that scanStretches gives to a stretch. */
export function hashOf(text: string, start: number, end: number): number {
  let hash = hashSeed;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** Stretches by their UTF-16 units, each with a number from 0 in order of arrival. Open addressing; grows by doubling. */
export class StretchTable {
  #slots: Int32Array;
  #hashes: Int32Array;
  /** Where the units of entry n start; entry n ends where n + 1 starts. */
  #starts: Int32Array;
  #units: Uint16Array;
  #size = 0;

  /** @param capacity entries, a power of two, that fit before the first growth */
  constructor(capacity: number) {
    this.#slots = new Int32Array(capacity * 2).fill(-1);
    this.#hashes = new Int32Array(capacity);
    this.#starts = new Int32Array(capacity + 1);
    this.#units = new Uint16Array(capacity * 8);
  }

  get size(): number {
    return this.#size;
  }

  /** Units stored, 2 bytes each. */
  get unitCount(): number {
    return this.#starts[this.#size] ?? 0;
  }

  clear(): void {
    this.#slots.fill(-1);
    this.#size = 0;
  }

  /** The number of the stretch; -1 where it is new. */
  find(text: string, start: number, end: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = spread(hash) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] as number;
      if (entry < 0) return -1;
      if (this.#hashes[entry] === hash && this.#equals(entry, text, start, end)) return entry;
    }
  }

  /** Adds a stretch that `find` did not find; returns its number. */
  add(text: string, start: number, end: number, hash: number): number {
    if (this.#size === this.#hashes.length) this.#growEntries();
    const entry = this.#size;
    const at = this.#starts[entry] ?? 0;
    const stop = at + end - start;
    if (stop > this.#units.length) this.#units = grown(this.#units, Math.max(stop, this.#units.length * 2));
    for (let i = start; i < end; i++) this.#units[at + i - start] = text.charCodeAt(i);
    this.#hashes[entry] = hash;
    this.#starts[entry + 1] = stop;
    this.#size = entry + 1;
    this.#insert(entry, hash);
    return entry;
  }

  /** The text of an entry. */
  text(entry: number): string {
    const units = this.#units.subarray(this.#starts[entry], this.#starts[entry + 1]);
    return String.fromCharCode(...units);
  }

  /** Drops the entries that `keep` refuses and numbers the rest anew, in order; `moved` is told of each that stays. */
  retain(keep: (entry: number) => boolean, moved: (from: number, to: number) => void): void {
    const size = this.#size;
    let kept = 0;
    let at = 0;
    this.#slots.fill(-1);
    for (let entry = 0; entry < size; entry++) {
      if (!keep(entry)) continue;
      const start = this.#starts[entry] ?? 0;
      const end = this.#starts[entry + 1] ?? 0;
      this.#units.copyWithin(at, start, end);
      at += end - start;
      this.#hashes[kept] = this.#hashes[entry] ?? 0;
      // Entry `kept` starts where the one before ended; only ends are written, and kept <= entry, so none is read after it changed.
      this.#starts[kept + 1] = at;
      moved(entry, kept);
      this.#insert(kept, this.#hashes[kept] ?? 0);
      kept += 1;
    }
    this.#size = kept;
  }

  #equals(entry: number, text: string, start: number, end: number): boolean {
    const at = this.#starts[entry] as number;
    if ((this.#starts[entry + 1] as number) - at !== end - start) return false;
    const units = this.#units;
    for (let i = start, j = at; i < end; i++, j++) if (units[j] !== text.charCodeAt(i)) return false;
    return true;
  }

  #insert(entry: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = spread(hash) & mask;
    while ((this.#slots[slot] ?? -1) >= 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry;
  }

  #growEntries(): void {
    const capacity = this.#hashes.length * 2;
    this.#hashes = grown(this.#hashes, capacity);
    this.#starts = grown(this.#starts, capacity + 1);
    this.#slots = new Int32Array(capacity * 2).fill(-1);
    for (let entry = 0; entry < this.#size; entry++) this.#insert(entry, this.#hashes[entry] ?? 0);
  }
}

/** The low bits of an FNV hash depend on few units; fold the high ones in. */
function spread(hash: number): number {
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** A longer copy of a typed array. */
export function grown<T extends Int32Array | Uint16Array | Float64Array>(array: T, length: number): T {
  const larger = new (array.constructor as new (length: number) => T)(length);
  larger.set(array);
  return larger;
}
