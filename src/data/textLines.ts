/**
 * Streams the lines of a text file in blocks with bounded memory: plain, gzip or Zstandard, UTF-8 checked with line and column, CR LF and
 * LF alike, a byte order mark dropped. A line of any length is survived: beyond `maxLineBytes` it is handed on in pieces cut at blanks.
 * Blocks can be had as bytes, to be decoded in another thread. What the lines mean is left to the caller.
 */
import { isUtf8 } from 'node:buffer';
import { DataError } from './errors.js';
import { type FileBytesListener, readFileBytes } from './fileBytes.js';

export { inputFileSize } from './fileBytes.js';

/** Some consecutive lines of a file. */
export interface TextBlock {
  /** Number of the first line, from 1. */
  readonly firstLine: number;
  /** The lines without their ends. */
  readonly lines: readonly string[];
  /** True where `lines` is one piece of a line too long to be handed on whole; a blank piece is no blank line. */
  readonly partial: boolean;
}

/** Some consecutive lines of a file, not decoded yet: see `decodeBlock`. */
export interface TextBytes {
  /** The lines, without the end of the last one; the only view of its buffer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly firstLine: number;
  /** Where the block starts in the unpacked file, in bytes. */
  readonly offset: number;
  /** As in TextBlock. */
  readonly partial: boolean;
  /** False for a piece of a long line that goes on in the next block. */
  readonly endsLine: boolean;
}

/** Where reading may start again: at the first byte of a block. */
export interface TextPosition {
  readonly offset: number;
  /** Number of the line, from 1. */
  readonly line: number;
  /** The block is a piece of a line that began before it. */
  readonly insideLine: boolean;
}

export interface TextLinesOptions {
  /** Longest line handed on whole, in bytes; default 1 MiB. */
  readonly maxLineBytes?: number | undefined;
  /** Called with each stretch of the file as it lies on the disk: for progress and hashes. */
  readonly onFileBytes?: FileBytesListener | undefined;
  /** Where to start; default: the start of the file. What lies before is read, for `onFileBytes`, but not handed on. */
  readonly start?: TextPosition | undefined;
}

const newline = 0x0a;
const carriageReturn = 0x0d;
const usualBlockBytes = 1 << 20;

/**
 * The lines of `file`, block by block. Errors: UsageError where it is absent, DataError (`file:line:column`) for bytes that are not UTF-8
 * and for a damaged packed stream, IoError where reading fails.
 */
export async function* readTextLines(file: string, options: TextLinesOptions = {}): AsyncGenerator<TextBlock> {
  for await (const block of readTextBytes(file, options)) yield { firstLine: block.firstLine, lines: decodeBlock(file, block), partial: block.partial };
}

/** The lines of a block that `readTextBytes` gave. Throws a DataError with `file`, line and column for bytes that are not UTF-8. */
export function decodeBlock(file: string, { bytes, firstLine }: TextBytes): string[] {
  return decodeLines(file, firstLine, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
}

/**
 * The lines of `file` as blocks of bytes of about 1 MiB. Where a long line is cut depends on the text alone, and is the same from a `start`
 * on. Errors as `readTextLines`, but for UTF-8.
 */
export async function* readTextBytes(file: string, options: TextLinesOptions = {}): AsyncGenerator<TextBytes> {
  const cutter = new BlockCutter(Math.max(64, options.maxLineBytes ?? 1 << 20), options.start);
  let before = options.start?.offset ?? 0;
  for await (const chunk of readFileBytes(file, Math.min(1 << 18, cutter.maxLineBytes), options.onFileBytes)) {
    if (before >= chunk.length) {
      before -= chunk.length;
      continue;
    }
    for (let at = before; at < chunk.length; ) {
      at += cutter.take(chunk, at);
      if (cutter.isFull) yield* cutter.blocks(false);
    }
    before = 0;
  }
  yield* cutter.blocks(true);
}

/** Gathers chunks in a buffer and cuts blocks off its front. */
class BlockCutter {
  readonly maxLineBytes: number;
  readonly #blockBytes: number;
  #buffer: Buffer<ArrayBuffer>;
  #filled = 0;
  #line: number;
  /** Where the buffer's first byte lies in the file. */
  #offset: number;
  #longLine: boolean;

  constructor(maxLineBytes: number, start: TextPosition | undefined) {
    this.maxLineBytes = maxLineBytes;
    this.#blockBytes = Math.min(usualBlockBytes, maxLineBytes);
    this.#buffer = newBuffer(this.#blockBytes + 1);
    this.#line = start?.line ?? 1;
    this.#offset = start?.offset ?? 0;
    this.#longLine = start?.insideLine ?? false;
  }

  get isFull(): boolean {
    return this.#filled === this.#buffer.length;
  }

  /** Copies what fits of `chunk` from `at` on; returns how much that was. */
  take(chunk: Uint8Array, at: number): number {
    const count = Math.min(chunk.length - at, this.#buffer.length - this.#filled);
    this.#buffer.set(chunk.subarray(at, at + count), this.#filled);
    this.#filled += count;
    return count;
  }

  /** The blocks that the full buffer holds; at the end of the file all that is left. */
  *blocks(atEnd: boolean): Generator<TextBytes> {
    let from = this.#offset === 0 ? byteOrderMarkLength(this.#buffer.subarray(0, this.#filled)) : 0;
    while (from < this.#filled) {
      const rest = this.#buffer.subarray(from, this.#filled);
      if (!this.#longLine) {
        const end = rest.lastIndexOf(newline);
        if (end >= 0) {
          yield this.#block(from, end, false, true);
          this.#line += countLines(rest.subarray(0, end + 1));
          from += end + 1;
          continue;
        }
        if (rest.length <= this.maxLineBytes) {
          if (!atEnd) break;
          yield this.#block(from, rest.length, false, true);
          from = this.#filled;
          continue;
        }
        this.#longLine = true;
      }
      const end = rest.indexOf(newline);
      if ((end < 0 ? rest.length : end) > this.maxLineBytes) {
        const cut = cutPosition(rest, this.maxLineBytes);
        yield this.#block(from, cut, true, false);
        from += cut;
        continue;
      }
      if (end < 0) {
        if (!atEnd) break;
        yield this.#block(from, rest.length, true, true);
        from = this.#filled;
        continue;
      }
      yield this.#block(from, end, true, true);
      this.#line += 1;
      this.#longLine = false;
      from += end + 1;
    }
    this.#keep(from);
  }

  #block(from: number, length: number, partial: boolean, endsLine: boolean): TextBytes {
    const bytes = new Uint8Array(length);
    bytes.set(this.#buffer.subarray(from, from + length));
    return { bytes, firstLine: this.#line, offset: this.#offset + from, partial, endsLine };
  }

  /** Drops what lies before `from`. A line that fills the buffer gets a larger one. */
  #keep(from: number): void {
    const rest = this.#buffer.subarray(from, this.#filled);
    const wanted = rest.length > this.#blockBytes >> 1 ? Math.min(this.maxLineBytes, 2 * rest.length) : this.#blockBytes;
    if (wanted + 1 !== this.#buffer.length) {
      this.#buffer = newBuffer(Math.max(wanted, this.#blockBytes) + 1);
      this.#buffer.set(rest);
    } else this.#buffer.copyWithin(0, from, this.#filled);
    this.#filled = rest.length;
    this.#offset += from;
  }
}

function newBuffer(length: number): Buffer<ArrayBuffer> {
  return Buffer.from(new ArrayBuffer(length));
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) count += 1;
  return count;
}

function byteOrderMarkLength(bytes: Buffer): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/** Where to cut a line that is too long: after its last blank within `limit` bytes, else between two characters. */
function cutPosition(bytes: Buffer, limit: number): number {
  for (let i = limit - 1; i > limit >> 1; i--) {
    const byte = bytes[i];
    if (byte === 0x20 || byte === 0x09) return i + 1;
  }
  let cut = limit;
  while (cut > limit - 4 && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut -= 1;
  return cut;
}

/** Decodes complete lines (without the last line's end); `firstLine` serves the error. */
function decodeLines(file: string, firstLine: number, bytes: Buffer): string[] {
  if (!isUtf8(bytes)) throw invalidUtf8(file, firstLine, bytes);
  const lines = bytes.toString('utf8').split('\n');
  if (bytes.includes(carriageReturn)) return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  return lines;
}

function invalidUtf8(file: string, firstLine: number, bytes: Buffer): DataError {
  let start = 0;
  let line = firstLine;
  for (;;) {
    const end = bytes.indexOf(newline, start);
    const text = end < 0 ? bytes.subarray(start) : bytes.subarray(start, end);
    if (!isUtf8(text) || end < 0) {
      const column = validPrefix(text);
      const byte = (text[column.bytes] ?? 0).toString(16).padStart(2, '0');
      const utf16 = line === 1 && start === 0 && ((text[0] === 0xff && text[1] === 0xfe) || (text[0] === 0xfe && text[1] === 0xff));
      return new DataError(`byte 0x${byte} is not valid UTF-8${utf16 ? ' (the file starts like UTF-16)' : ''}; expected UTF-8 text`, {
        location: { file, line, column: column.characters + 1 },
        hint: `Convert the file first, for example: iconv -f ${utf16 ? 'UTF-16' : 'WINDOWS-1252'} -t UTF-8`,
      });
    }
    start = end + 1;
    line += 1;
  }
}

/** The longest valid prefix of a line, in bytes and in characters (code points). */
function validPrefix(line: Buffer): { bytes: number; characters: number } {
  let bytes = 0;
  let characters = 0;
  while (bytes < line.length) {
    const lead = line[bytes] ?? 0;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (bytes + length > line.length || !isUtf8(line.subarray(bytes, bytes + length))) break;
    bytes += length;
    characters += 1;
  }
  return { bytes, characters };
}
