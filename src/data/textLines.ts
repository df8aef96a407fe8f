/**
 * Streams the lines of a text file in blocks with bounded memory: plain or gzip (told by its first bytes, not by its name),
 * UTF-8 checked with line and column, CR LF and LF alike, a byte order mark dropped. A line of any length is survived:
 * beyond `maxLineBytes` it is handed on in pieces cut at blanks. What the lines mean is left to the caller.
 */
import { isUtf8 } from 'node:buffer';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DataError, IoError, UsageError } from './errors.js';
import { didYouMeanPath } from './nearPath.js';

/** Some consecutive lines of a file. */
export interface TextBlock {
  /** Number of the first line, from 1. */
  readonly firstLine: number;
  /** The lines without their ends. */
  readonly lines: readonly string[];
  /** True where `lines` is one piece of a line too long to be handed on whole; a blank piece is no blank line. */
  readonly partial: boolean;
}

export interface TextLinesOptions {
  /** Longest line handed on whole, in bytes; default 1 MiB. */
  readonly maxLineBytes?: number | undefined;
  /** Called with each stretch of the file as it lies on the disk (compressed where it is): for progress and hashes. */
  readonly onFileBytes?: ((bytes: Uint8Array) => void) | undefined;
}

const newline = 0x0a;
const carriageReturn = 0x0d;

/** The size of a file in bytes; an absent path is a UsageError with the near match of its folder, a folder likewise an error. */
export async function inputFileSize(file: string): Promise<number> {
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    found = await stat(file);
  } catch (cause) {
    if (!isErrorCode(cause, 'ENOENT') && !isErrorCode(cause, 'ENOTDIR')) throw new IoError(`${file}: cannot be read (${String(cause)})`, { cause });
    throw new UsageError(`${file}: no such file.${await didYouMeanPath(file)}`, {
      hint: 'Give the path of an existing UTF-8 text file.',
      cause,
    });
  }
  if (found.isDirectory()) throw new UsageError(`${file}: is a folder; expected a text file`, { hint: `Name its files, for example ${path.join(file, '*.txt')}.` });
  return found.size;
}

function isErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/**
 * The lines of `file`, block by block. Errors: UsageError where it is absent, DataError (`file:line:column`) for bytes that are not UTF-8
 * and for a damaged gzip stream, IoError where reading fails.
 */
export async function* readTextLines(file: string, options: TextLinesOptions = {}): AsyncGenerator<TextBlock> {
  const maxLineBytes = Math.max(64, options.maxLineBytes ?? 1 << 20);
  let line = 1;
  let rest: Buffer = Buffer.alloc(0);
  let longLine = false;
  let atStart = true;
  for await (const chunk of fileBytes(file, Math.min(1 << 18, maxLineBytes), options.onFileBytes)) {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (atStart && bytes.length >= 3) {
      bytes = withoutByteOrderMark(bytes);
      atStart = false;
    }
    while (!atStart) {
      const firstEnd = bytes.indexOf(newline);
      const firstLength = firstEnd < 0 ? bytes.length : firstEnd;
      // A chunk is no longer than maxLineBytes, so only the first line of `bytes` can be too long.
      longLine ||= firstLength > maxLineBytes;
      if (!longLine) {
        const end = bytes.lastIndexOf(newline);
        if (end < 0) break;
        const lines = decodeLines(file, line, bytes.subarray(0, end));
        yield { firstLine: line, lines, partial: false };
        line += lines.length;
        bytes = bytes.subarray(end + 1);
        continue;
      }
      if (firstLength > maxLineBytes) {
        const cut = cutPosition(bytes, maxLineBytes);
        yield { firstLine: line, lines: decodeLines(file, line, bytes.subarray(0, cut)), partial: true };
        bytes = bytes.subarray(cut);
        continue;
      }
      if (firstEnd < 0) break;
      yield { firstLine: line, lines: decodeLines(file, line, bytes.subarray(0, firstEnd)), partial: true };
      bytes = bytes.subarray(firstEnd + 1);
      line += 1;
      longLine = false;
    }
    rest = bytes;
  }
  if (atStart) rest = withoutByteOrderMark(rest);
  if (rest.length > 0) yield { firstLine: line, lines: decodeLines(file, line, rest), partial: longLine };
}

/** The content of a file in chunks of at most about `chunkBytes`, unpacked where it is gzip. */
async function* fileBytes(file: string, chunkBytes: number, onFileBytes: TextLinesOptions['onFileBytes']): AsyncGenerator<Buffer> {
  await inputFileSize(file);
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new IoError(`${file}: cannot be opened (${String(cause)})`, { cause });
  });
  let gzip = false;
  try {
    const magic = new Uint8Array(2);
    gzip = (await handle.read(magic, 0, 2, 0)).bytesRead === 2 && magic[0] === 0x1f && magic[1] === 0x8b;
    const raw = handle.createReadStream({ start: 0, highWaterMark: chunkBytes, autoClose: false });
    if (onFileBytes !== undefined) raw.on('data', (chunk) => onFileBytes(chunk as Buffer));
    // The listener above would set the stream flowing before anyone reads.
    raw.pause();
    const source = gzip ? pipeline(raw, createGunzip({ chunkSize: chunkBytes }), () => undefined) : raw;
    for await (const chunk of source) yield chunk as Buffer;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string' && cause.code.startsWith('Z_')) {
      throw new DataError(`the gzip stream is damaged or cut short (${cause.message})`, { location: { file }, hint: 'Unpack it with gunzip to see how far it goes, or fetch the file again.', cause });
    }
    throw cause instanceof Error && 'syscall' in cause ? new IoError(`${file}: reading failed (${cause.message})`, { cause }) : cause;
  } finally {
    await handle.close();
  }
}

function withoutByteOrderMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
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
