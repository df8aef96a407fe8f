/**
 * Seeded random numbers for everything on the host: shuffles, masks, pair choices, initial weights.
 * The generator is xoshiro128** 1.1 (Blackman and Vigna, 2018); its state is drawn from the key words by
 * a 32-bit mixing function, so that a stream is a pure function of its keys and streams of different keys are independent.
 */

/** A 32-bit mixing function (the "lowbias32" constants): a bijection of unsigned 32-bit integers. */
export function mix32(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Folds any number of integer words into one unsigned 32-bit key; the order of the words matters. */
export function mixKey(...words: readonly number[]): number {
  let key = 0x9e3779b9;
  for (const word of words) key = mix32((mix32(word) + Math.imul(key, 0x85ebca6b) + 0x165667b1) >>> 0);
  return key;
}

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** A stream that is a pure function of `keys` (for example seed, epoch, example). */
  constructor(...keys: readonly number[]) {
    this.#a = mixKey(1, ...keys) | 0;
    this.#b = mixKey(2, ...keys) | 0;
    this.#c = mixKey(3, ...keys) | 0;
    this.#d = mixKey(4, ...keys) | 1;
  }

  /** An unsigned 32-bit integer. */
  uint32(): number {
    const scrambled = Math.imul(this.#b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A float in [0, 1) with 32 bits. */
  uniform(): number {
    return this.uint32() / 4294967296;
  }

  /** An integer in [0, limit), without modulo bias. `limit` is 1 to 2^32. */
  integer(limit: number): number {
    const rest = 4294967296 % limit;
    let value = this.uint32();
    while (value >= 4294967296 - rest) value = this.uint32();
    return value % limit;
  }

  /** A standard normal deviate (Box-Muller, the cosine half). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles in place (Fisher-Yates) and returns its argument. */
  shuffle<T extends { [index: number]: unknown; readonly length: number }>(items: T): T {
    const list = items as { [index: number]: unknown };
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = list[i];
      list[i] = list[j];
      list[j] = held;
    }
    return items;
  }
}
