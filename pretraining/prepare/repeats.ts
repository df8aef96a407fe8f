/**
 * Tells repeated lines and documents in bounded memory, by 64-bit fingerprints: 32 bits of each are kept in an open-addressed table, the
 * place in it stands for the rest. Of 28 million distinct lines, the most that fit, about one in 100 million is taken for a repeated one.
 */

/** Slots of the largest table: 128 MiB. */
const mostSlots = 1 << 25;
const fewestSlots = 1 << 12;
/** A table this full takes nothing more: looking up would become slow. */
const mostFilled = 7 / 8;

/** A set of 64-bit fingerprints that takes no more memory than 128 MiB. */
export class FingerprintTable {
  readonly #slots: Uint32Array;
  readonly #limit: number;
  #size = 0;

  /** @param expected distinct fingerprints that must fit, where 28 million suffice */
  constructor(expected: number) {
    let slots = fewestSlots;
    while (slots < mostSlots && slots * mostFilled < expected) slots *= 2;
    this.#slots = new Uint32Array(slots);
    this.#limit = Math.floor(slots * mostFilled);
  }

  /** True where nothing more fits, so that later repeats are not told. */
  get isFull(): boolean {
    return this.#size >= this.#limit;
  }

  /** Takes a fingerprint in. 'repeated' where it was there, 'unknown' where it does not fit. */
  add(low: number, high: number): 'new' | 'repeated' | 'unknown' {
    const slots = this.#slots;
    const mask = slots.length - 1;
    // 0 marks an empty slot.
    const kept = high === 0 ? 1 : high >>> 0;
    let at = low & mask;
    for (; slots[at] !== 0; at = (at + 1) & mask) if (slots[at] === kept) return 'repeated';
    if (this.isFull) return 'unknown';
    slots[at] = kept;
    this.#size += 1;
    return 'new';
  }
}

/** Writes the fingerprint of `text` between `start` and `end` (UTF-16 units) to two places of `out`: low half, high half. */
export function fingerprint(text: string, start: number, end: number, out: Uint32Array, at: number): void {
  let low = 0x9e3779b9;
  let high = 0x85ebca6b ^ (end - start);
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0xcc9e2d51);
    low = (low << 13) | (low >>> 19);
    high = Math.imul(high ^ unit, 0x1b873593);
    high = (high << 17) | (high >>> 15);
  }
  out[at] = mixed(low ^ Math.imul(high, 5));
  out[at + 1] = mixed(high);
}

/** MurmurHash3's last step: each bit of the result depends on every bit of the number. */
function mixed(number: number): number {
  let h = number ^ (number >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
