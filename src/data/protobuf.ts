/**
 * Writes Protocol Buffers' wire format, as far as ONNX files and TensorBoard's events need it
 * (https://protobuf.dev/programming-guides/encoding): varints, float32, float64, and what is preceded by its length. A library would
 * do, but those for JavaScript write a nested message by joining its bytes, once for each level: weights that lie three messages
 * deep would be held four times. Here a message is a list of pieces, large ones are made only when their turn to be written comes,
 * and nothing is joined.
 */

/** Bytes whose number is known before they are there. */
export interface LaterBytes {
  readonly byteLength: number;
  /** Exactly `byteLength` bytes. */
  bytes(): Uint8Array;
}

const wireTypes = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** Pieces up to this size are gathered into one, so that a file is not written a few bytes at a time. */
const gatheredBytes = 1 << 16;

export class ProtobufMessage {
  readonly #pieces: (Uint8Array | LaterBytes)[] = [];
  #byteLength = 0;

  /** Size of the message, without the tag and length that it has inside another one. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** An integer field; negative ones as int64 in two's complement. */
  integer(field: number, value: number): void {
    this.#tag(field, wireTypes.varint);
    this.#append(varint(value));
  }

  /** A float32 field. */
  float(field: number, value: number): void {
    this.#tag(field, wireTypes.fixed32);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#append(bytes);
  }

  /** A float64 field. */
  double(field: number, value: number): void {
    this.#tag(field, wireTypes.fixed64);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.#append(bytes);
  }

  string(field: number, value: string): void {
    this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array | LaterBytes): void {
    this.#tag(field, wireTypes.lengthDelimited);
    this.#append(varint(value.byteLength));
    this.#append(value);
  }

  /** A nested message, which must be complete. */
  message(field: number, value: ProtobufMessage): void {
    this.#tag(field, wireTypes.lengthDelimited);
    this.#append(varint(value.byteLength));
    for (const piece of value.#pieces) this.#append(piece);
  }

  /** The bytes of the message in order. Each piece is made as it is asked for. */
  *chunks(): Generator<Uint8Array> {
    let gathered: Uint8Array[] = [];
    let size = 0;
    const flush = (): Uint8Array => {
      const joined = Buffer.concat(gathered);
      gathered = [];
      size = 0;
      return joined;
    };
    for (const piece of this.#pieces) {
      const small = piece instanceof Uint8Array && piece.byteLength <= gatheredBytes;
      if (!small || size + piece.byteLength > gatheredBytes) yield flush();
      if (small) {
        gathered.push(piece);
        size += piece.byteLength;
        continue;
      }
      const bytes = piece instanceof Uint8Array ? piece : piece.bytes();
      if (bytes.byteLength !== piece.byteLength) throw new RangeError(`ProtobufMessage: ${bytes.byteLength} bytes came where ${piece.byteLength} were announced`);
      yield bytes;
    }
    yield flush();
  }

  #tag(field: number, wireType: number): void {
    this.#append(varint(field * 8 + wireType));
  }

  #append(piece: Uint8Array | LaterBytes): void {
    this.#pieces.push(piece);
    this.#byteLength += piece.byteLength;
  }
}

/** Seven bits a byte, the lowest first; the high bit says that more follow. */
function varint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) throw new RangeError(`ProtobufMessage: ${value} is no integer below 2^53`);
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
