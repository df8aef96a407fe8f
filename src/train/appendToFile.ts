/** Lines and records added to the end of a log file. */
import { appendFileSync } from 'node:fs';
import { IoError } from '../data/errors.js';

/** Adds to a file, which is made where it is absent; what was added outlives a kill. @throws IoError, on a full disk too */
export function appendToFile(file: string, data: string | Uint8Array): void {
  try {
    appendFileSync(file, data);
  } catch (cause) {
    throw new IoError(`cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
