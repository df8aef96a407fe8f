/** Numbers and byte strings in the order in which a TensorFlow index file holds them, each fault with its place in the file. */
import { DataError } from '../../data/errors.js';

/** What to do about a checkpoint that was cut or changed on its way. */
export const damagedHint = 'Copy or download the checkpoint again, all of its files; if that does not help, it is damaged.';

/** A name from a file as messages show it. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 117)}...` : name);
}

/** Walks over a part of a file. Every method throws a DataError naming file, byte and purpose where the part ends too early. */
export class ByteReader {
  readonly file: string;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  #at = 0;

  /** @param start where in the file `bytes` begin */
  constructor(file: string, bytes: Uint8Array, start: number) {
    this.file = file;
    this.#bytes = bytes;
    this.#start = start;
  }

  /** Position of the next byte within the file. */
  get offset(): number {
    return this.#start + this.#at;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** An unsigned number of up to 64 bits, seven a byte, the lowest first. */
  varint(what: string): bigint {
    const begin = this.offset;
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#take(1, what)[0] ?? 0;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value < 1n << 64n ? value : this.fail(begin, `${what} exceeds 64 bits`);
    }
    return this.fail(begin, `${what} has more than the 10 bytes of a 64-bit number`);
  }

  /** A varint that counts bytes or elements: at most 2^53 - 1. */
  size(what: string): number {
    const begin = this.offset;
    const value = Number(this.varint(what));
    return Number.isSafeInteger(value) ? value : this.fail(begin, `${what} is ${value}; expected less than 2^53`);
  }

  /** Four bytes, little endian, unsigned. */
  fixed32(what: string): number {
    const bytes = this.#take(4, what);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  }

  /** The next `length` bytes, not copied. */
  bytes(length: number, what: string): Uint8Array {
    return this.#take(length, what);
  }

  /** A reader of the next `length` bytes. */
  part(length: number, what: string): ByteReader {
    const start = this.offset;
    return new ByteReader(this.file, this.#take(length, what), start);
  }

  /** Throws the error for a fault at byte `offset` of the file. */
  fail(offset: number, message: string): never {
    throw new DataError(`at byte ${offset}: ${message}`, { location: { file: this.file }, hint: damagedHint });
  }

  #take(length: number, what: string): Uint8Array {
    const left = this.#bytes.length - this.#at;
    if (length > left) this.fail(this.offset, `${what} needs ${length} bytes; ${left} are left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
