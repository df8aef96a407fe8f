/**
 * The pieces of a vocabulary as a trie over UTF-16 units, for the greedy longest match of WordPiece: one step a unit, and no
 * string is made. All children lie in one hash table of typed arrays, by node and unit.
 */
import { grown } from './wordScanner.js';

export class PieceTrie {
  /** Open addressing: the node that a slot's child hangs under, the unit that leads to it, and the child; 0 = an empty slot (the root is no child). */
  #parents: Int32Array = new Int32Array(1 << 12);
  #units: Uint16Array = new Uint16Array(1 << 12);
  #children: Int32Array = new Int32Array(1 << 12);
  /** By node: the id of the piece that ends there, -1 where none does. */
  #ids: Int32Array = new Int32Array(1 << 11).fill(-1);
  #nodeCount = 1;
  #matchedLength = 0;

  /** Adds a piece; an empty one matches nothing and is left out. */
  add(piece: string, id: number): void {
    let node = 0;
    for (let i = 0; i < piece.length; i++) {
      const unit = piece.charCodeAt(i);
      const slot = this.#slot(node, unit);
      node = this.#children[slot] || this.#addNode(slot, node, unit);
    }
    if (node !== 0) this.#ids[node] = id;
  }

  /** Length of the piece that `longestAt` found last, in UTF-16 units. */
  get matchedLength(): number {
    return this.#matchedLength;
  }

  /** The id of the longest piece that `word` has at `start`, -1 where there is none. */
  longestAt(word: string, start: number): number {
    const children = this.#children;
    let found = -1;
    let node = 0;
    for (let i = start; i < word.length; i++) {
      node = children[this.#slot(node, word.charCodeAt(i))] as number;
      if (node === 0) break;
      const id = this.#ids[node] as number;
      if (id < 0) continue;
      found = id;
      this.#matchedLength = i + 1 - start;
    }
    return found;
  }

  /** The slot of a child, or the empty one where it would go. */
  #slot(parent: number, unit: number): number {
    const children = this.#children;
    const mask = children.length - 1;
    const hash = Math.imul(Math.imul(parent, 0x9e3779b1) + unit, 0x85ebca6b);
    let slot = (hash ^ (hash >>> 15)) & mask;
    while (children[slot] !== 0 && (this.#parents[slot] !== parent || this.#units[slot] !== unit)) slot = (slot + 1) & mask;
    return slot;
  }

  #addNode(slot: number, parent: number, unit: number): number {
    const node = this.#nodeCount;
    this.#nodeCount = node + 1;
    this.#parents[slot] = parent;
    this.#units[slot] = unit;
    this.#children[slot] = node;
    if (this.#nodeCount > this.#ids.length) this.#ids = grown(this.#ids, this.#ids.length * 2).fill(-1, this.#ids.length);
    if (this.#nodeCount * 2 > this.#children.length) this.#growTable();
    return node;
  }

  #growTable(): void {
    const parents = this.#parents;
    const units = this.#units;
    const children = this.#children;
    const capacity = children.length * 2;
    this.#parents = new Int32Array(capacity);
    this.#units = new Uint16Array(capacity);
    this.#children = new Int32Array(capacity);
    for (let old = 0; old < children.length; old++) {
      const child = children[old] as number;
      if (child === 0) continue;
      const slot = this.#slot(parents[old] as number, units[old] as number);
      this.#parents[slot] = parents[old] as number;
      this.#units[slot] = units[old] as number;
      this.#children[slot] = child;
    }
  }
}
