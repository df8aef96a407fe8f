/** How results leave a command: lines and JSON on stdout, files that the user names. Nothing from data acts on a terminal. */
import { closeSync, openSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { AtomicFile } from '../../src/checkpoint/atomicFile.js';
import { IoError } from '../../src/data/errors.js';
import { terminalText } from './terminalText.js';

/** One line, or several, on stdout. */
export function printLine(text: string): void {
  process.stdout.write(`${terminalText(text)}\n`);
}

/** One JSON document on stdout. What a terminal would act on stands as \uXXXX, which JSON reads as the same text. */
export function printJson(value: unknown, indent = 2): void {
  printLine(JSON.stringify(value, undefined, indent));
}

/** A file that grows; `discard` after an error leaves the old one as it was. */
export interface GrowingFile {
  write(text: string): void;
  commit(): void;
  discard(): void;
}

/**
 * Opens a file that the user named, and makes the folders above it. A regular file is replaced as a whole by `commit`; a device or a pipe
 * (/dev/stdout) is written into, never replaced. Throws an IoError.
 */
export async function openOutputFile(file: string): Promise<GrowingFile> {
  try {
    const existing = statSync(file, { throwIfNoEntry: false });
    if (existing !== undefined && !existing.isFile()) {
      const descriptor = openSync(file, 'w');
      const close = (): void => closeSync(descriptor);
      return { write: (text) => writeFileSync(descriptor, text), commit: close, discard: close };
    }
    await mkdir(path.dirname(file), { recursive: true });
  } catch (cause) {
    throw new IoError(`cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  const growing = new AtomicFile(file);
  return { write: (text) => growing.write(new TextEncoder().encode(text)), commit: () => growing.commit(), discard: () => growing.discard() };
}

/** Writes a whole file that the user named, see `openOutputFile`. */
export async function writeOutputFile(file: string, text: string): Promise<void> {
  const growing = await openOutputFile(file);
  growing.write(text);
  growing.commit();
}
