/** A file of weights that is read by slices. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { DataError, IoError } from '../../data/errors.js';
import { readAllBytes } from '../readBytes.js';

export class PytorchInput {
  readonly file: string;
  readonly size: number;
  readonly #descriptor: number;

  /** @throws IoError where it cannot be opened */
  constructor(file: string) {
    this.file = file;
    let descriptor: number | undefined;
    try {
      descriptor = openSync(file, 'r');
      this.size = fstatSync(descriptor).size;
    } catch (cause) {
      if (descriptor !== undefined) closeSync(descriptor);
      throw readError(file, cause);
    }
    this.#descriptor = descriptor;
  }

  /**
   * Bytes in a buffer of their own, so that every element in it is aligned.
   * @throws DataError where the file ends before them, saying what they are; IoError where they cannot be read
   */
  read(position: number, length: number, what: string): Uint8Array {
    if (length > this.size - position) this.fail(`${what} takes ${length} bytes from byte ${position}; the file has ${this.size} bytes`);
    try {
      const bytes = new Uint8Array(length);
      readAllBytes(this.#descriptor, position, bytes);
      return bytes;
    } catch (cause) {
      throw readError(this.file, cause);
    }
  }

  /** @throws DataError, always: the file is damaged, or written by nothing that this reader knows */
  fail(message: string): never {
    throw new DataError(message, { location: { file: this.file }, hint: 'Copy or download the file again; if that does not help, it is damaged.' });
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function readError(file: string, cause: unknown): IoError {
  return new IoError(`${file}: cannot read the weights (${(cause as Error).message})`, { cause });
}
