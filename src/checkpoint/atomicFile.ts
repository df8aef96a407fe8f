/**
 * Files that are either wholly there or not at all: written beside their place under a temporary name, forced to the
 * disk, checked for size, then renamed. A failed write leaves the old file as it was and removes the temporary one.
 */
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statfsSync, writeSync } from 'node:fs';
import path from 'node:path';
import { IoError } from '../data/errors.js';

/** Temporary names end in this, so that left-overs of a killed process can be recognised and removed. */
export const temporarySuffix = '.partial';

/** A file that grows under its temporary name until `commit`; an error of any method leaves nothing behind and is an IoError. */
export class AtomicFile {
  readonly #file: string;
  readonly #temporary: string;
  readonly #expectedSize: number;
  #descriptor: number | undefined;
  #size = 0;

  /** @param expectedSize bytes, where they are known: for the message when they find no space */
  constructor(file: string, expectedSize = 0) {
    this.#file = file;
    this.#temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}${temporarySuffix}`);
    this.#expectedSize = expectedSize;
    this.#guarded(() => {
      this.#descriptor = openSync(this.#temporary, 'w', 0o666);
    });
  }

  write(bytes: Uint8Array): void {
    this.#guarded((descriptor) => {
      writeWhole(descriptor, bytes);
      this.#size += bytes.byteLength;
    });
  }

  /** Takes the place of the file that was there. */
  commit(): void {
    this.#guarded((descriptor) => {
      // One attempt only: after a failed fsync the kernel may have dropped the pages, and a second would falsely succeed.
      fsyncSync(descriptor);
      const written = fstatSync(descriptor).size;
      if (written !== this.#size) throw new Error(`wrote ${written} of ${this.#size} bytes`);
      this.#descriptor = undefined;
      closeSync(descriptor);
      renameSync(this.#temporary, this.#file);
    });
    syncDirectory(path.dirname(this.#file));
  }

  /** Leaves the file that was there as it is; after `commit` it does nothing. */
  discard(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    rmSync(this.#temporary, { force: true });
  }

  #guarded(work: (descriptor: number) => void): void {
    try {
      work(this.#descriptor ?? -1);
    } catch (cause) {
      this.discard();
      rmSync(this.#temporary, { force: true });
      throw writeError(this.#file, Math.max(this.#expectedSize, this.#size), cause);
    }
  }
}

/**
 * Writes a file atomically.
 * @param data text (UTF-8), bytes, or several pieces of bytes laid end to end
 * @throws IoError naming path, size needed and free space
 */
export function writeFileAtomic(file: string, data: string | Uint8Array | Iterable<Uint8Array>): void {
  const pieces = typeof data === 'string' ? [new TextEncoder().encode(data)] : data instanceof Uint8Array ? [data] : data;
  const growing = new AtomicFile(file, Array.isArray(pieces) ? pieces.reduce((sum, piece: Uint8Array) => sum + piece.byteLength, 0) : 0);
  try {
    for (const piece of pieces) growing.write(piece);
  } catch (cause) {
    // The pieces may be made only now, and making one may fail.
    growing.discard();
    throw cause instanceof IoError ? cause : writeError(file, 0, cause);
  }
  growing.commit();
}

/** Makes a directory and those above it, where they are absent. Throws an IoError naming it. */
export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    throw new IoError(`${directory}: cannot create the directory (${(cause as Error).message})`, { cause });
  }
}

/** Forces a directory's entries to the disk, so that a rename in it outlives a power loss. */
export function syncDirectory(directory: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(directory, 'r');
    fsyncSync(descriptor);
  } catch (cause) {
    // Windows cannot open a directory, and some network file systems cannot sync one; both order renames themselves.
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (!['EPERM', 'EISDIR', 'EINVAL', 'ENOTSUP', 'EACCES'].includes(code)) throw new IoError(`${directory}: cannot sync the directory (${(cause as Error).message})`, { cause });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** writeSync may write less than it was given, without an error, where the disk is full. */
function writeWhole(descriptor: number, bytes: Uint8Array): void {
  const chunk = 64 * 1024 * 1024;
  for (let at = 0; at < bytes.byteLength; ) {
    const count = writeSync(descriptor, bytes, at, Math.min(chunk, bytes.byteLength - at));
    if (count === 0) throw new Error(`the device took no more after ${at} of ${bytes.byteLength} bytes`);
    at += count;
  }
}

function writeError(file: string, size: number, cause: unknown): IoError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const kept = 'The file that was there before is unchanged.';
  // Space is no matter where the folder is missing or must not be written.
  if (code !== undefined && !['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO'].includes(code)) return new IoError(`${file}: cannot write (${message})`, { cause, hint: kept });
  let free = 'unknown';
  try {
    const { bavail, bsize } = statfsSync(path.dirname(file));
    free = `${bavail * bsize} bytes`;
  } catch {
    // The directory itself may be gone; the message stands without the figure.
  }
  return new IoError(`${file}: cannot write (${message}); ${size} bytes needed, free: ${free}`, {
    cause,
    hint: `${kept} Free some space or choose another output directory.`,
  });
}
