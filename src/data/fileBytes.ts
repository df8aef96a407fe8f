/** The content of a file as a stream of bytes, unpacked where it is gzip or Zstandard; which of them it is is told by its first bytes. */
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { DataError, IoError, UsageError } from './errors.js';
import { didYouMeanPath } from './nearPath.js';

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

/** Called with each stretch of a file as it lies on the disk (compressed where it is). */
export type FileBytesListener = (bytes: Uint8Array) => void;

/**
 * The content of a file in chunks, from those of about `chunkBytes` on the disk. Errors: UsageError where it is absent, DataError for a
 * damaged or cut stream, IoError where reading fails.
 */
export async function* readFileBytes(file: string, chunkBytes: number, onFileBytes?: FileBytesListener): AsyncGenerator<Uint8Array> {
  await inputFileSize(file);
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new IoError(`${file}: cannot be opened (${String(cause)})`, { cause });
  });
  let packing: Packing | undefined;
  try {
    packing = packingOf((await handle.read(new Uint8Array(4), 0, 4, 0)).buffer);
    const raw = handle.createReadStream({ start: 0, highWaterMark: chunkBytes, autoClose: false });
    if (onFileBytes !== undefined) raw.on('data', (chunk) => onFileBytes(chunk as Buffer));
    // The listener above would set the stream flowing before anyone reads.
    raw.pause();
    if (packing === undefined) yield* raw as AsyncIterable<Uint8Array>;
    else if (packing === 'gzip') yield* pipeline(raw, createGunzip({ chunkSize: chunkBytes }), () => undefined) as AsyncIterable<Uint8Array>;
    else yield* unpackZstd(raw as AsyncIterable<Uint8Array>);
  } catch (cause) {
    if (packing !== undefined && (cause instanceof ZstdError || (cause instanceof Error && 'code' in cause && String(cause.code).startsWith('Z_')))) {
      throw new DataError(`the ${packing === 'gzip' ? 'gzip' : 'Zstandard'} stream is damaged or cut short (${cause.message})`, {
        location: { file },
        hint: `Unpack it with ${packing === 'gzip' ? 'gunzip' : 'unzstd'} to see how far it goes, or fetch the file again.`,
        cause,
      });
    }
    throw cause instanceof Error && 'syscall' in cause ? new IoError(`${file}: reading failed (${cause.message})`, { cause }) : cause;
  } finally {
    await handle.close();
  }
}

type Packing = 'gzip' | 'zstd';

function packingOf(magic: Uint8Array): Packing | undefined {
  if (magic[0] === 0x1f && magic[1] === 0x8b) return 'gzip';
  // A Zstandard frame, or one that its readers skip.
  if (magic[1] === 0xb5 && magic[2] === 0x2f && magic[3] === 0xfd && magic[0] === 0x28) return 'zstd';
  return (magic[0] ?? 0) >> 4 === 5 && magic[1] === 0x2a && magic[2] === 0x4d && magic[3] === 0x18 ? 'zstd' : undefined;
}

class ZstdError extends Error {}

/** Bytes handed to fzstd at once: four of them can stand for 128 KiB of text. */
const zstdStep = 2048;

/**
 * Not by node:zlib, which has an unpacker from Node 22.15 on: that one (22.23) stops after the first frame and takes a cut stream for a
 * whole one. Checksums are not looked at: damage may show only where the text is no longer UTF-8.
 */
async function* unpackZstd(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let unpacked: Uint8Array[] = [];
  const unpacker = new Decompress((bytes) => {
    // A copy: the unpacker goes on with its buffer.
    if (bytes.length > 0) unpacked.push(bytes.slice());
  });
  const push = (bytes: Uint8Array, last: boolean): Uint8Array[] => {
    unpacked = [];
    try {
      unpacker.push(bytes, last);
    } catch (cause) {
      throw new ZstdError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
    return unpacked;
  };
  for await (const chunk of packed) {
    for (let at = 0; at < chunk.length; at += zstdStep) yield* push(new Uint8Array(chunk.buffer, chunk.byteOffset + at, Math.min(zstdStep, chunk.length - at)), false);
  }
  yield* push(new Uint8Array(0), true);
}
