/** Writes sorted string tables and the messages of TensorFlow checkpoints, right or wrong as a test wants them. */
import { crc32c, maskCrc32c } from '../../crc32c.js';

export type Bytes = Uint8Array | string;

const magic = Buffer.from('57fb808b247547db', 'hex');

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

export function fixed32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** The fields of a message: a number becomes a varint, bytes a part with its length. */
export function message(...fields: readonly (readonly [number, number | bigint | Uint8Array])[]): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) => (value instanceof Uint8Array ? Buffer.concat([varint(number * 8 + 2), varint(value.length), value]) : Buffer.concat([varint(number * 8), varint(value)]))),
  );
}

/** Field 6 of an entry: the masked checksum of its values. */
export function checksumField(values: Uint8Array): Buffer {
  return Buffer.concat([varint(6 * 8 + 5), fixed32(maskCrc32c(crc32c(values)))]);
}

/** A header of `numShards` data files. */
export function header(numShards = 1): Buffer {
  return message([1, numShards], [3, message([1, 1])]);
}

export function shapeOf(...sizes: readonly (number | bigint)[]): Buffer {
  return message(...sizes.map((size) => [2, message([1, size])] as const));
}

/** Entries one after the other, each sharing with the key before as much as it can. */
export function blockOf(entries: readonly (readonly [Bytes, Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [];
  let last = Buffer.alloc(0);
  for (const [name, value] of entries) {
    const key = Buffer.from(name);
    let shared = 0;
    while (shared < Math.min(last.length, key.length) && last[shared] === key[shared]) shared++;
    parts.push(varint(shared), varint(key.length - shared), varint(value.length), key.subarray(shared), value);
    last = key;
  }
  return Buffer.concat(parts);
}

/** Where a block lies, as its index and the footer hold it. */
export function handle(offset: number | bigint, size: number | bigint): Buffer {
  return Buffer.concat([varint(offset), varint(size)]);
}

/** A block with its one restart, compression and checksum. */
export function sealed(entries: Uint8Array, compression = 0, restarts = 1): Buffer {
  const block = Buffer.concat([entries, fixed32(0), fixed32(restarts), Buffer.of(compression)]);
  return Buffer.concat([block, fixed32(maskCrc32c(crc32c(block)))]);
}

export function footer(index: Uint8Array): Buffer {
  const handles = Buffer.alloc(40);
  Buffer.concat([handle(0, 8), index]).copy(handles);
  return Buffer.concat([handles, magic]);
}

/** A whole table; each of `blocks` becomes a data block of its own. */
export function tableOf(...blocks: readonly (readonly (readonly [Bytes, Uint8Array])[])[]): Buffer {
  const parts: Buffer[] = [];
  const index: [Bytes, Uint8Array][] = [];
  let offset = 0;
  for (const entries of blocks) {
    const block = sealed(blockOf(entries));
    index.push([entries.at(-1)?.[0] ?? '', handle(offset, block.length - 5)]);
    parts.push(block);
    offset += block.length;
  }
  const indexBlock = sealed(blockOf(index));
  return Buffer.concat([...parts, indexBlock, footer(handle(offset, indexBlock.length - 5))]);
}
