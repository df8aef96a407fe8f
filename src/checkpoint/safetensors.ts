/**
 * safetensors files: 8 bytes of header length (little endian), a JSON header from name to dtype, shape and byte range,
 * then the data. The reader is strict, since the file may come from anywhere: every byte of the data belongs to exactly one
 * tensor, and nothing is allocated that the file's own size does not cover.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { DataError, IoError } from '../data/errors.js';
import { isJsonObject, type JsonObject, type JsonValue, parseJsonObject, setOwn } from '../data/strictJson.js';
import { writeFileAtomic } from './atomicFile.js';
import { readAllBytes } from './readBytes.js';
import { type TensorEntry, tensorEntry } from './storedTensor.js';

/** Bytes of one element. */
const elementSizes = new Map([
  ['BOOL', 1],
  ['U8', 1],
  ['I8', 1],
  ['F8_E5M2', 1],
  ['F8_E4M3', 1],
  ['I16', 2],
  ['U16', 2],
  ['F16', 2],
  ['BF16', 2],
  ['I32', 4],
  ['U32', 4],
  ['F32', 4],
  ['F64', 8],
  ['I64', 8],
  ['U64', 8],
]);

const maxHeaderBytes = 100_000_000;

/** Metadata key of the hash over names, dtypes, shapes and data, by which our own files notice a flipped bit. */
const hashKey = 'bertwright_sha256';

export interface SafetensorsFile {
  readonly tensors: Map<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What to write: dtype F32, I32 or U8 by the kind of array. */
export interface TensorData {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

interface Range {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** All tensors of a file by name. Errors as readSafetensorsFile. */
export function readSafetensors(file: string): Map<string, TensorEntry> {
  return readSafetensorsFile(file).tensors;
}

/**
 * Reads and checks a whole file.
 * @throws IoError where it cannot be read; DataError naming the file, and the tensor where it concerns one, for any fault:
 * a header over 100 MB or beyond the file, duplicate or unprintable names, unknown dtypes, sizes that do not fit,
 * overlapping ranges, holes, trailing bytes, a hash that does not match.
 */
export function readSafetensorsFile(file: string): SafetensorsFile {
  const { header, buffer } = readParts(file);
  const { ranges, metadata } = checkHeader(file, header, buffer.byteLength);
  const tensors = new Map<string, TensorEntry>();
  for (const range of ranges) tensors.set(range.name, tensorEntry(file, range.name, range.dtype, range.shape, new Uint8Array(buffer, range.begin, range.end - range.begin)));
  const expected = metadata[hashKey];
  if (expected !== undefined && hashOf(tensors) !== expected) {
    throw new DataError('the contents do not match the hash in the header: the file was damaged after it was written', {
      location: { file },
      hint: 'Copy the file again, or use another checkpoint.',
    });
  }
  return { tensors, metadata };
}

/**
 * Writes tensors in one atomic step, sorted by name, with a hash over all of them in the metadata.
 * @param metadata further strings; transformers wants {"format": "pt"}
 */
export function writeSafetensors(file: string, tensors: ReadonlyMap<string, TensorData>, metadata: Readonly<Record<string, string>> = {}): void {
  const entries = new Map<string, TensorEntry>();
  // Wide elements first, so that every tensor stays aligned within the data section.
  const names = [...tensors.keys()].sort((a, b) => (isBytes(tensors.get(a)) === isBytes(tensors.get(b)) ? (a < b ? -1 : 1) : isBytes(tensors.get(a)) ? 1 : -1));
  for (const name of names) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    const { shape, data } = tensor;
    if (elementCount(shape) !== data.length) throw new RangeError(`writeSafetensors: ${name} has shape [${shape.join(', ')}] and ${data.length} values`);
    const dtype = data instanceof Float32Array ? 'F32' : data instanceof Int32Array ? 'I32' : 'U8';
    entries.set(name, tensorEntry(file, name, dtype, shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)));
  }
  const header: Record<string, unknown> = { __metadata__: { ...metadata, [hashKey]: hashOf(entries) } };
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of entries) {
    setOwn(header, name, { dtype, shape, data_offsets: [offset, offset + bytes.byteLength] });
    offset += bytes.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const prefix = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  prefix.set(text, 8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(prefix.length - 8), true);
  writeFileAtomic(file, [prefix, ...[...entries.values()].map((entry) => entry.bytes)]);
}

function isBytes(tensor: TensorData | undefined): boolean {
  return tensor?.data instanceof Uint8Array;
}

/** The header's text and the data section in a buffer of its own, in which offsets are those of the header. */
function readParts(file: string): { header: string; buffer: ArrayBuffer } {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const size = fstatSync(descriptor).size;
    if (size < 8) fail(file, `has ${size} bytes; expected at least the 8 bytes of the header length`);
    const length = new DataView(readRange(descriptor, 0, 8)).getBigUint64(0, true);
    if (length > BigInt(maxHeaderBytes)) fail(file, `the header claims ${length} bytes; at most ${maxHeaderBytes} are allowed`);
    const headerSize = Number(length);
    if (headerSize > size - 8) fail(file, `the header claims ${headerSize} bytes; the file has ${size - 8} after the length`);
    const headerBytes = readRange(descriptor, 8, headerSize);
    const buffer = readRange(descriptor, 8 + headerSize, size - 8 - headerSize);
    let header: string;
    try {
      header = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(headerBytes);
    } catch (cause) {
      throw new DataError('the header is not UTF-8', { location: { file }, cause });
    }
    if (!header.startsWith('{')) fail(file, `the header starts with ${JSON.stringify(header.slice(0, 1))}; expected "{"`);
    return { header, buffer };
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new IoError(`${file}: cannot read the weights (${(cause as Error).message})`, { cause });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function readRange(descriptor: number, position: number, length: number): ArrayBuffer {
  const buffer = new ArrayBuffer(length);
  readAllBytes(descriptor, position, new Uint8Array(buffer));
  return buffer;
}

function checkHeader(file: string, header: string, dataSize: number): { ranges: Range[]; metadata: Record<string, string> } {
  const json = parseJsonObject(header, { file, maxDepth: 8, hint: 'The safetensors header is damaged.' });
  const metadata = checkMetadata(file, json['__metadata__']);
  const ranges = Object.entries(json)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => checkEntry(file, name, value, dataSize));
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of ranges) {
    if (begin < at) fail(file, `tensor ${quote(name)} starts at byte ${begin}, inside the tensor before it, which ends at ${at}`);
    if (begin > at) fail(file, `tensor ${quote(name)} starts at byte ${begin}; bytes ${at} to ${begin} belong to no tensor`);
    at = end;
  }
  if (at !== dataSize) fail(file, `the tensors end at byte ${at} of the data, the file has ${dataSize}: ${dataSize - at} bytes too many`);
  return { ranges, metadata };
}

function checkEntry(file: string, name: string, value: JsonValue, dataSize: number): Range {
  const who = `tensor ${quote(name)}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: such characters are what is looked for
  if (name === '' || /[\u0000-\u001f\u007f-\u009f]/.test(name)) fail(file, `${who}: the name is empty or has control characters`);
  if (!isJsonObject(value)) return fail(file, `${who}: expected an object with dtype, shape and data_offsets`);
  const unknown = Object.keys(value).find((key) => key !== 'dtype' && key !== 'shape' && key !== 'data_offsets');
  if (unknown !== undefined) fail(file, `${who}: unknown key ${quote(unknown)}; expected dtype, shape and data_offsets`);
  const { dtype, shape, data_offsets: offsets } = value;
  const elementSize = typeof dtype === 'string' ? elementSizes.get(dtype) : undefined;
  if (typeof dtype !== 'string' || elementSize === undefined) return fail(file, `${who}: unknown dtype ${JSON.stringify(dtype)?.slice(0, 40)}; expected one of ${[...elementSizes.keys()].join(', ')}`);
  if (!isSizes(shape)) return fail(file, `${who}: the shape is not a list of sizes below 2^53`);
  if (!isSizes(offsets) || offsets.length !== 2) return fail(file, `${who}: data_offsets is not a pair of byte positions below 2^53`);
  const [begin = 0, end = 0] = offsets;
  if (end < begin) fail(file, `${who}: data_offsets end (${end}) lies before their start (${begin})`);
  if (end > dataSize) fail(file, `${who}: its data ends at byte ${end}, the file's data at ${dataSize}: the file was cut, or the header is damaged`);
  const count = elementCount(shape);
  if (!Number.isSafeInteger(count * elementSize) || count * elementSize !== end - begin) {
    fail(file, `${who}: shape [${shape.join(', ')}] of ${dtype} needs ${count * elementSize} bytes, data_offsets give ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

function checkMetadata(file: string, value: JsonValue | undefined): Record<string, string> {
  const metadata: Record<string, string> = {};
  if (value === undefined) return metadata;
  if (!isJsonObject(value)) return fail(file, '__metadata__ is not an object of strings');
  for (const [key, text] of Object.entries<JsonValue>(value satisfies JsonObject)) {
    if (typeof text !== 'string') return fail(file, `__metadata__ ${quote(key)} is not a string`);
    setOwn(metadata, key, text);
  }
  return metadata;
}

function isSizes(value: JsonValue | undefined): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

/** Product of the sizes; 0 wins over sizes that would overflow. */
function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

function hashOf(tensors: ReadonlyMap<string, TensorEntry>): string {
  const hash = createHash('sha256');
  const chunk = 1024 * 1024 * 1024;
  for (const name of [...tensors.keys()].sort()) {
    const entry = tensors.get(name);
    if (entry === undefined) continue;
    hash.update(`${JSON.stringify([name, entry.dtype, entry.shape])}\n`);
    for (let at = 0; at < entry.bytes.byteLength; at += chunk) hash.update(entry.bytes.subarray(at, at + chunk));
  }
  return hash.digest('hex');
}

function quote(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 117)}...` : name);
}

function fail(file: string, message: string): never {
  throw new DataError(message, { location: { file }, hint: 'Copy or download the file again; if that does not help, it is damaged.' });
}
