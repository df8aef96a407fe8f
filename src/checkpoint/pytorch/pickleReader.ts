/** The operands of a pickle's opcodes, read from one position onwards. */

export interface PickleSource {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Where `bytes` lie, for messages: `the file`, or the name of an entry in an archive. */
  readonly within: string;
  /** What `bytes` are, where they are not all of that. */
  readonly extent?: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class PickleReader {
  /** The next byte. */
  at: number;
  readonly #source: PickleSource;
  readonly #view: DataView;
  readonly #fail: (message: string) => never;

  /** @param fail throws what is wrong, naming the opcode at work */
  constructor(source: PickleSource, start: number, fail: (message: string) => never) {
    this.at = start;
    this.#source = source;
    this.#view = new DataView(source.bytes.buffer, source.bytes.byteOffset, source.bytes.byteLength);
    this.#fail = fail;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** The one operand that is big endian. */
  float64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** Two's complement, little endian; no bytes are 0. A bigint only where a number cannot hold it. */
  integer(length: number): number | bigint {
    const begin = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#view.getUint8(begin + i));
    value = BigInt.asIntN(length * 8, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  /** UTF-8 of so many bytes. */
  text(length: number): string {
    const begin = this.#take(length);
    try {
      return utf8.decode(this.#source.bytes.subarray(begin, begin + length));
    } catch {
      return this.#fail('the text is not UTF-8');
    }
  }

  /** Text up to the end of the line. */
  line(): string {
    const end = this.#source.bytes.indexOf(0x0a, this.at);
    if (end < 0) this.#fail('the pickle is cut off: a name has no end of line');
    const text = this.text(end - this.at);
    this.#take(1);
    return text;
  }

  /** Moves past bytes that must be there. @returns where they begin */
  #take(count: number): number {
    const begin = this.at;
    const left = this.#source.bytes.length - begin;
    if (count > left) this.#fail(`the pickle is cut off: ${count} bytes are needed, ${left} are left of ${this.#source.extent ?? this.#source.within}`);
    this.at += count;
    return begin;
  }
}
