/**
 * The two protocol buffer messages in the index of a TensorFlow checkpoint (tensor_bundle.proto): the header, and one entry
 * for each variable. The wire format is read by hand; fields that are not known are skipped, as its rules ask.
 */
import type { ByteReader } from './tensorflowBundleBytes.js';

export interface BundleHeader {
  readonly numShards: number;
  readonly bigEndian: boolean;
  /** The oldest reader that may read the file; TensorFlow's own is 1. */
  readonly minConsumer: number;
}

export interface BundleEntry {
  /** The number of a tensorflow.DataType. */
  readonly dtype: number;
  readonly shape: readonly number[];
  /** Which data file holds the values, from 0. */
  readonly shard: number;
  /** Position and size of the values in that file, in bytes. */
  readonly offset: number;
  readonly size: number;
  /** Masked CRC-32C of the values; undefined where the entry has none. */
  readonly crc32c: number | undefined;
  /** Whether the values stand in entries of their own, a slice each. */
  readonly partitioned: boolean;
}

/** TensorFlow's own limit. */
const maxRank = 254;

/** One field with its number; its value is in the part that its wire type says. */
interface Field {
  readonly number: number;
  /** Where it starts in the file. */
  readonly at: number;
  readonly varint?: bigint;
  readonly fixed32?: number;
  readonly message?: ByteReader;
}

/** @throws DataError naming file and byte where the message is malformed */
export function parseBundleHeader(reader: ByteReader): BundleHeader {
  let numShards = 0;
  let endianness = 0;
  let minConsumer = 0;
  for (const field of fields(reader)) {
    if (field.number === 1) numShards = countOf(reader, field, 'num_shards');
    else if (field.number === 2) endianness = countOf(reader, field, 'endianness');
    else if (field.number === 3) {
      for (const part of fields(messageOf(reader, field, 'version'))) if (part.number === 2) minConsumer = countOf(reader, part, 'min_consumer');
    }
  }
  return { numShards, bigEndian: endianness !== 0, minConsumer };
}

/** @throws DataError naming file and byte where the message is malformed */
export function parseBundleEntry(reader: ByteReader): BundleEntry {
  let dtype = 0;
  let shape: number[] = [];
  let shard = 0;
  let offset = 0;
  let size = 0;
  let crc32c: number | undefined;
  let partitioned = false;
  for (const field of fields(reader)) {
    if (field.number === 1) dtype = countOf(reader, field, 'dtype');
    else if (field.number === 2) shape = parseShape(messageOf(reader, field, 'shape'));
    else if (field.number === 3) shard = countOf(reader, field, 'shard_id');
    else if (field.number === 4) offset = countOf(reader, field, 'offset');
    else if (field.number === 5) size = countOf(reader, field, 'size');
    else if (field.number === 6) crc32c = field.fixed32 ?? wrongType(reader, field, 'crc32c');
    else if (field.number === 7) partitioned = messageOf(reader, field, 'slices') !== undefined;
  }
  return { dtype, shape, shard, offset, size, crc32c, partitioned };
}

function parseShape(reader: ByteReader): number[] {
  const shape: number[] = [];
  for (const field of fields(reader)) {
    if (field.number === 3 && field.varint !== 0n) reader.fail(field.at, 'the shape has an unknown number of dimensions');
    if (field.number !== 2) continue;
    if (shape.length === maxRank) reader.fail(field.at, `the shape has more than ${maxRank} dimensions`);
    let size = 0;
    for (const part of fields(messageOf(reader, field, 'a dimension'))) if (part.number === 1) size = countOf(reader, part, 'the size of a dimension');
    shape.push(size);
  }
  return shape;
}

/** The fields of a message in the order of the file. Groups, which no message of TensorFlow has, are refused. */
function* fields(reader: ByteReader): Generator<Field, void> {
  while (!reader.atEnd) {
    const at = reader.offset;
    const tag = reader.size("a field's tag");
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (number === 0 || number >= 1 << 29) reader.fail(at, `a field has number ${number}; expected 1 to ${(1 << 29) - 1}`);
    if (wireType === 0) yield { number, at, varint: reader.varint(`field ${number}`) };
    else if (wireType === 5) yield { number, at, fixed32: reader.fixed32(`field ${number}`) };
    else if (wireType === 2) yield { number, at, message: reader.part(reader.size(`the length of field ${number}`), `field ${number}`) };
    else if (wireType === 1) reader.bytes(8, `field ${number}`);
    else reader.fail(at, `field ${number} has wire type ${wireType}; expected 0, 1, 2 or 5`);
  }
}

/** A number that counts something; the sign of a negative one makes it too large. */
function countOf(reader: ByteReader, field: Field, what: string): number {
  const value = field.varint ?? wrongType(reader, field, what);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return reader.fail(field.at, `${what} is ${BigInt.asIntN(64, value)}; expected 0 to 2^53 - 1`);
  return Number(value);
}

function messageOf(reader: ByteReader, field: Field, what: string): ByteReader {
  return field.message ?? wrongType(reader, field, what);
}

function wrongType(reader: ByteReader, field: Field, what: string): never {
  return reader.fail(field.at, `${what} (field ${field.number}) has another wire type than its own`);
}
