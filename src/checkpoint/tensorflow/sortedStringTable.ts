/**
 * Sorted string tables as LevelDB writes them (its doc/table_format.md), in which TensorFlow keeps the index of a checkpoint:
 * blocks of ascending keys with their values, then a block that tells where those blocks are, then a footer of 48 bytes.
 * The reader goes once from front to back and needs no more memory than the file's size and one key; blocks may only follow
 * one another and keys only ascend, so no file makes it read anything twice.
 */
import { readFileSync, statSync } from 'node:fs';
import { DataError, IoError } from '../../data/errors.js';
import { crc32c, maskCrc32c } from '../crc32c.js';
import { ByteReader } from './tensorflowBundleBytes.js';

/** A hundred times the index of BERT-large with its optimizer's slots. */
const maxFileBytes = 16 * 1024 * 1024;
/** All keys together, written out: since they share beginnings, their length could be quadratic in the file's size. */
const maxKeyBytes = 64 * 1024 * 1024;

const footerBytes = 48;
const magic = 0xdb4775248b80fb57n;
/** Compression and checksum behind each block. */
const trailerBytes = 5;

export interface TableEntry {
  readonly key: Uint8Array;
  readonly value: ByteReader;
}

interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

/**
 * All entries in ascending order of their keys, byte by byte.
 * @throws IoError where the file cannot be read; DataError naming file and byte for any fault, wrong checksums among them
 */
export function* readSortedStringTable(file: string): Generator<TableEntry, void> {
  const bytes = readWhole(file);
  const index = readFooter(file, bytes);
  let last: Uint8Array | undefined;
  let end = 0;
  const keys = { bytes: 0 };
  for (const { value: handle } of blockEntries(readBlock(file, bytes, index, 'the index block'), keys)) {
    const at = handle.offset;
    const block = readHandle(handle);
    if (block.offset < end) handle.fail(at, `a block starts at byte ${block.offset}, inside or before the one that ends at ${end}`);
    end = block.offset + block.size + trailerBytes;
    for (const entry of blockEntries(readBlock(file, bytes, block, 'a data block'), keys)) {
      const { key, value } = entry;
      if (last !== undefined && Buffer.compare(last, key) >= 0) value.fail(value.offset, `the key of this value is ${show(key)}; expected one greater than ${show(last)}, which stands before it`);
      last = key;
      yield entry;
    }
  }
}

function readWhole(file: string): Uint8Array {
  try {
    const { size } = statSync(file);
    if (size > maxFileBytes) throw new DataError(`the index has ${size} bytes; at most ${maxFileBytes} are read`, { location: { file }, hint: 'Give the .index file of a TensorFlow checkpoint of BERT.' });
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new IoError(`${file}: cannot read the index of the TensorFlow checkpoint (${(cause as Error).message})`, { cause });
  }
}

/** Where the index block is. The meta index block, which the footer names first, holds nothing that TensorFlow uses. */
function readFooter(file: string, bytes: Uint8Array): BlockHandle {
  const start = Math.max(0, bytes.length - footerBytes);
  const footer = new ByteReader(file, bytes.subarray(start), start);
  if (bytes.length < footerBytes) footer.fail(0, `the file has ${bytes.length} bytes; expected at least the ${footerBytes} of a table's footer`);
  const handles = footer.part(footerBytes - 8, 'the footer');
  const found = BigInt(footer.fixed32('the magic number')) | (BigInt(footer.fixed32('the magic number')) << 32n);
  if (found !== magic) footer.fail(bytes.length - 8, `the file ends in 0x${found.toString(16).padStart(16, '0')}; expected 0x${magic.toString(16)}, the mark of an index: the file was cut, or is something else`);
  readHandle(handles);
  return readHandle(handles);
}

function readHandle(reader: ByteReader): BlockHandle {
  return { offset: reader.size("a block's offset"), size: reader.size("a block's size") };
}

/** The entries' part of a block, after its checksum was found right. */
function readBlock(file: string, bytes: Uint8Array, { offset, size }: BlockHandle, what: string): ByteReader {
  const limit = bytes.length - footerBytes;
  const whole = new ByteReader(file, bytes.subarray(offset, limit), offset);
  if (offset + size + trailerBytes > limit) whole.fail(offset, `${what} has ${size} bytes and starts at byte ${offset}; the blocks end at byte ${limit}`);
  const compression = bytes[offset + size] ?? 0;
  const trailer = new ByteReader(file, bytes.subarray(offset + size + 1, limit), offset + size + 1);
  const stored = trailer.fixed32('the checksum of a block');
  const computed = maskCrc32c(crc32c(bytes.subarray(offset, offset + size + 1)));
  if (stored !== computed) whole.fail(offset, `${what} of ${size} bytes has checksum 0x${computed.toString(16)}; the file says 0x${stored.toString(16)}`);
  if (compression !== 0) {
    const name = compression === 1 ? 'Snappy' : `method ${compression}`;
    throw new DataError(`at byte ${offset + size}: ${what} is compressed with ${name}; expected no compression, as TensorFlow writes its indexes`, {
      location: { file },
      hint: 'Load the checkpoint in TensorFlow and save it again, or use one in safetensors format.',
    });
  }
  // The block ends in the positions of the entries with whole keys, for a search that is not needed here, and their number.
  if (size < 4) whole.fail(offset, `${what} has ${size} bytes; expected at least 4`);
  const restarts = new ByteReader(file, bytes.subarray(offset + size - 4, offset + size), offset + size - 4).fixed32('the number of restarts');
  const entriesSize = size - 4 - 4 * restarts;
  if (entriesSize < 0) whole.fail(offset + size - 4, `${what} of ${size} bytes claims ${restarts} restarts of 4 bytes`);
  return whole.part(entriesSize, what);
}

/**
 * Each key is stored as how many bytes it shares with the one before, and the rest.
 * @param keys the length of all keys so far, counted on here
 */
function* blockEntries(reader: ByteReader, keys: { bytes: number }): Generator<TableEntry, void> {
  let key: Uint8Array = new Uint8Array(0);
  while (!reader.atEnd) {
    const at = reader.offset;
    const shared = reader.size('the shared length of a key');
    const added = reader.size('the length of a key');
    const valueSize = reader.size('the length of a value');
    if (shared > key.length) reader.fail(at, `a key shares ${shared} bytes with the one before, which has ${key.length}`);
    keys.bytes += shared + added;
    if (keys.bytes > maxKeyBytes) reader.fail(at, `the keys up to here have ${keys.bytes} bytes; at most ${maxKeyBytes} are read`);
    key = Buffer.concat([key.subarray(0, shared), reader.bytes(added, 'a key')]);
    yield { key, value: reader.part(valueSize, 'a value') };
  }
}

function show(key: Uint8Array): string {
  return JSON.stringify(Buffer.from(key.subarray(0, 120)).toString('latin1'));
}
