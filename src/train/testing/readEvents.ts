/**
 * Reads event files without any of the code that writes them: the checksum bit by bit, the messages by their wire format; and forgets
 * what TensorBoard forgets where a session starts again. For test files only.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly fileVersion?: string;
  /** By tag. */
  readonly scalars?: Readonly<Record<string, number>>;
  readonly sessionStatus?: number;
}

/** CRC-32C masked as TFRecord has it, from the definition: shift, and exclusive-or with the polynomial where a one falls out. */
function maskedChecksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** The records of a file, their checksums verified; a record that was cut at the end is left out. */
export function readRecords(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    assert.equal(bytes.readUInt32LE(at + 8), maskedChecksum(bytes.subarray(at, at + 8)), `checksum of the length at byte ${at}`);
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (at + 16 + length > bytes.length) break;
    assert.equal(bytes.readUInt32LE(at + 12 + length), maskedChecksum(data), `checksum of the record at byte ${at}`);
    records.push(data);
    at += 16 + length;
  }
  return records;
}

type Field = readonly [field: number, value: bigint | Buffer];

/** Fields of a message in order; varints as numbers, all else as bytes. */
function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++];
      assert.ok(byte !== undefined, 'a message ends within a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const wireType = tag & 7;
    if (wireType === 0) yield [tag >> 3, varint()];
    else {
      const length = { 1: 8, 2: -1, 5: 4 }[wireType];
      assert.ok(length !== undefined, `wire type ${wireType}`);
      const size = length < 0 ? Number(varint()) : length;
      yield [tag >> 3, message.subarray(at, at + size)];
      at += size;
    }
  }
}

function bytesIn(value: bigint | Buffer): Buffer {
  assert.ok(typeof value !== 'bigint');
  return value;
}

function readScalar(message: Buffer): [tag: string, value: number] {
  const fields = new Map(fieldsOf(message));
  return [bytesIn(fields.get(1) ?? 0n).toString('utf8'), bytesIn(fields.get(2) ?? 0n).readFloatLE()];
}

/** The events of one file. */
export function readEventFile(file: string): ReadEvent[] {
  return readRecords(readFileSync(file)).map((record) => {
    const fields = new Map(fieldsOf(record));
    const [fileVersion, summary, session] = [fields.get(3), fields.get(5), fields.get(7)];
    return {
      wallTime: bytesIn(fields.get(1) ?? 0n).readDoubleLE(),
      step: Number(fields.get(2) ?? 0n),
      ...(fileVersion === undefined ? {} : { fileVersion: bytesIn(fileVersion).toString('utf8') }),
      ...(summary === undefined ? {} : { scalars: Object.fromEntries([...fieldsOf(bytesIn(summary))].map(([, value]) => readScalar(bytesIn(value)))) }),
      ...(session === undefined ? {} : { sessionStatus: Number(new Map(fieldsOf(bytesIn(session))).get(1)) }),
    };
  });
}

/** Paths of a directory's event files in the order in which TensorBoard reads them. */
export function eventFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.includes('tfevents'))
    .sort()
    .map((name) => path.join(directory, name));
}

/** Steps and values of each tag of a directory as TensorBoard shows them. */
export function readScalars(directory: string): Map<string, [step: number, value: number][]> {
  let points: { tag: string; step: number; value: number }[] = [];
  for (const { step, scalars = {}, sessionStatus } of eventFiles(directory).flatMap(readEventFile)) {
    if (sessionStatus === 1) points = points.filter((point) => point.step < step);
    points.push(...Object.entries(scalars).map(([tag, value]) => ({ tag, step, value })));
  }
  const byTag = new Map<string, [number, number][]>();
  for (const { tag, step, value } of points) byTag.set(tag, [...(byTag.get(tag) ?? []), [step, value]]);
  return byTag;
}
