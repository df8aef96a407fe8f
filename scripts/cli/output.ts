/** How results leave a command: lines and JSON on stdout, files that the user names. Nothing from data acts on a terminal. */
import { statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../src/checkpoint/atomicFile.js';
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

/**
 * Writes a file that the user named, with the folders above it. A regular file is replaced as a whole; a device or a pipe
 * (/dev/stdout) is written into, never replaced. Throws an IoError.
 */
export async function writeOutputFile(file: string, text: string): Promise<void> {
  try {
    const existing = statSync(file, { throwIfNoEntry: false });
    if (existing !== undefined && !existing.isFile()) {
      writeFileSync(file, text);
      return;
    }
    await mkdir(path.dirname(file), { recursive: true });
  } catch (cause) {
    throw new IoError(`cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  writeFileAtomic(file, text);
}
