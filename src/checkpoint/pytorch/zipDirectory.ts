/**
 * The directory of a zip archive whose entries are stored uncompressed, as torch.save writes them. Format: PKWARE's
 * APPNOTE.TXT 6.3, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its ends, ZIP64) and
 * 4.5.3 (ZIP64 extra field). Only the central directory is believed; local headers say where an entry's data begin.
 * No two entries may share bytes, so that all of them together never take more than the file.
 */
import { DataError } from '../../data/errors.js';
import { saveAsSafetensorsHint } from './pickleMachine.js';
import { quoteText } from './pickleValues.js';
import type { PytorchInput } from './pytorchInput.js';

export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly crc32: number;
  /** Of the first byte of the data. */
  readonly position: number;
}

interface DirectoryEntry {
  readonly name: string;
  /** The name's bytes, as the local header must repeat them. */
  readonly nameBytes: Uint8Array;
  readonly size: number;
  readonly crc32: number;
  readonly headerPosition: number;
}

/** Where the central directory lies. */
interface DirectoryRange {
  readonly position: number;
  readonly size: number;
  readonly entries: number;
}

const signatures = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, zip64End: 0x06064b50, zip64Locator: 0x07064b50 } as const;

const endBytes = 22;
const zip64LocatorBytes = 20;
const zip64EndBytes = 56;
const centralHeaderBytes = 46;
const localHeaderBytes = 30;
const maxCommentBytes = 0xffff;

/** About 100 bytes for each entry. */
const maxDirectoryBytes = 16 * 1024 * 1024;

/** In these fields the largest value says that the true one stands in ZIP64's. */
const inZip64 = 0xffffffff;

/**
 * The entries of an archive by name.
 * @throws DataError naming the entry for compression, encryption, names that come twice, and ranges that overlap or leave the file
 */
export function readZipDirectory(input: PytorchInput): Map<string, ZipEntry> {
  const range = findDirectory(input);
  const listed = readEntries(input, range).sort((a, b) => a.headerPosition - b.headerPosition);
  const entries = new Map<string, ZipEntry>();
  let free = 0;
  for (const entry of listed) {
    const { name, size, crc32, headerPosition } = entry;
    if (headerPosition < free) input.fail(`entry ${quoteText(name)} starts at byte ${headerPosition}, inside the entry before it, which ends at ${free}`);
    const position = dataPosition(input, entry);
    free = position + size;
    if (free > range.position) input.fail(`entry ${quoteText(name)} ends at byte ${free}, inside the directory, which starts at ${range.position}`);
    if (entries.has(name)) input.fail(`entry ${quoteText(name)} is in the archive twice`);
    entries.set(name, { name, size, crc32, position });
  }
  return entries;
}

/** The end record stands last, before a comment of up to 65535 bytes. */
function findDirectory(input: PytorchInput): DirectoryRange {
  const length = Math.min(input.size, endBytes + maxCommentBytes);
  const start = input.size - length;
  const view = viewOf(input.read(start, length, 'the end of the archive'));
  let at = length - endBytes;
  while (at >= 0 && !(view.getUint32(at, true) === signatures.end && view.getUint16(at + 20, true) === length - endBytes - at)) at--;
  if (at < 0) input.fail("found no end of a zip archive's directory: the file was cut");
  const end = start + at;
  const zip64 = findZip64(input, end);
  if (zip64 !== undefined) return checkRange(input, zip64, end);
  if (view.getUint16(at + 4, true) !== 0 || view.getUint16(at + 6, true) !== 0) input.fail('the archive is spread over several files');
  return checkRange(input, { entries: view.getUint16(at + 10, true), size: view.getUint32(at + 12, true), position: view.getUint32(at + 16, true) }, end);
}

/** ZIP64's end record, to which a locator just before the plain one leads. */
function findZip64(input: PytorchInput, end: number): DirectoryRange | undefined {
  if (end < zip64LocatorBytes) return undefined;
  const locator = viewOf(input.read(end - zip64LocatorBytes, zip64LocatorBytes, 'the ZIP64 locator'));
  if (locator.getUint32(0, true) !== signatures.zip64Locator) return undefined;
  const position = wide(input, locator, 8, 'the position of the ZIP64 end');
  const record = viewOf(input.read(position, zip64EndBytes, 'the ZIP64 end'));
  if (record.getUint32(0, true) !== signatures.zip64End) input.fail(`the ZIP64 locator points to byte ${position}, where no ZIP64 end is`);
  if (record.getUint32(16, true) !== 0 || record.getUint32(20, true) !== 0) input.fail('the archive is spread over several files');
  return { entries: wide(input, record, 32, 'the number of entries'), size: wide(input, record, 40, 'the size of the directory'), position: wide(input, record, 48, 'the position of the directory') };
}

function checkRange(input: PytorchInput, range: DirectoryRange, end: number): DirectoryRange {
  const { position, size, entries } = range;
  if (position + size > end) input.fail(`the archive's directory takes ${size} bytes from byte ${position}; its end is at byte ${end}`);
  if (size > maxDirectoryBytes) input.fail(`the archive's directory claims ${size} bytes; at most ${maxDirectoryBytes} are allowed`);
  if (entries * centralHeaderBytes > size) input.fail(`the archive's directory claims ${entries} entries in ${size} bytes`);
  return range;
}

function readEntries(input: PytorchInput, range: DirectoryRange): DirectoryEntry[] {
  const bytes = input.read(range.position, range.size, "the archive's directory");
  const view = viewOf(bytes);
  const entries: DirectoryEntry[] = [];
  let at = 0;
  for (let i = 0; i < range.entries; i++) {
    const where = `entry ${i + 1} of ${range.entries} in the archive's directory`;
    if (at + centralHeaderBytes > bytes.length) input.fail(`${where} is cut off`);
    if (view.getUint32(at, true) !== signatures.central) input.fail(`${where} does not begin with the signature of an entry`);
    const nameEnd = at + centralHeaderBytes + view.getUint16(at + 28, true);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    const next = extraEnd + view.getUint16(at + 32, true);
    if (next > bytes.length) input.fail(`${where} is cut off`);
    const nameBytes = bytes.subarray(at + centralHeaderBytes, nameEnd);
    const name = Buffer.from(nameBytes).toString('utf8');
    checkKind(input, name, view.getUint16(at + 8, true), view.getUint16(at + 10, true));
    const [size, compressedSize, headerPosition] = sizesOf(input, name, view, at, nameEnd, extraEnd);
    if (size !== compressedSize) input.fail(`entry ${quoteText(name)} is stored, yet has ${size} bytes and takes ${compressedSize}`);
    entries.push({ name, nameBytes, size, crc32: view.getUint32(at + 16, true), headerPosition });
    at = next;
  }
  if (at !== bytes.length) input.fail(`the archive's directory has ${bytes.length - at} bytes after its ${range.entries} entries`);
  return entries;
}

function checkKind(input: PytorchInput, name: string, flags: number, method: number): void {
  const found = flags & 0x2041 ? 'is encrypted' : method !== 0 ? `is compressed (method ${method})` : undefined;
  if (found === undefined) return;
  throw new DataError(`entry ${quoteText(name)} ${found}; torch.save stores its entries as they are`, { location: { file: input.file }, hint: saveAsSafetensorsHint });
}

/** Size, size in the archive and position of the local header; those that 32 bits do not hold follow in ZIP64's extra field, in this order. */
function sizesOf(input: PytorchInput, name: string, view: DataView, at: number, extra: number, extraEnd: number): [number, number, number] {
  let field = extra;
  while (field + 4 <= extraEnd && view.getUint16(field, true) !== 1) field += 4 + view.getUint16(field + 2, true);
  const fieldEnd = field + 4 <= extraEnd ? Math.min(extraEnd, field + 4 + view.getUint16(field + 2, true)) : field;
  let next = field + 4;
  const value = (position: number, what: string): number => {
    const short = view.getUint32(position, true);
    if (short !== inZip64) return short;
    if (next + 8 > fieldEnd) input.fail(`entry ${quoteText(name)} leaves its ${what} to a ZIP64 field that it does not have`);
    next += 8;
    return wide(input, view, next - 8, `the ${what} of entry ${quoteText(name)}`);
  };
  return [value(at + 24, 'size'), value(at + 20, 'stored size'), value(at + 42, 'position')];
}

function dataPosition(input: PytorchInput, { name, nameBytes, headerPosition }: DirectoryEntry): number {
  const who = `the local header of entry ${quoteText(name)}`;
  const header = input.read(headerPosition, localHeaderBytes + nameBytes.length, who);
  const view = viewOf(header);
  if (view.getUint32(0, true) !== signatures.local) input.fail(`${who} is not at byte ${headerPosition}`);
  if (view.getUint16(26, true) !== nameBytes.length || Buffer.compare(header.subarray(localHeaderBytes), nameBytes) !== 0) input.fail(`${who}, at byte ${headerPosition}, has another name`);
  return headerPosition + localHeaderBytes + nameBytes.length + view.getUint16(28, true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An unsigned integer of 64 bits, which must be below 2^53. */
function wide(input: PytorchInput, view: DataView, at: number, what: string): number {
  const value = view.getBigUint64(at, true);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : input.fail(`${what} is ${value}, beyond any file`);
}
