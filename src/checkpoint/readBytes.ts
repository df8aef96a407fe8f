/** Reading a range of a file, of any size. */
import { readSync } from 'node:fs';

/** One call of readSync takes at most 2^31 - 1 bytes. */
const chunkBytes = 512 * 1024 * 1024;

/** Fills `bytes` from `position` on; returns how many there were, fewer than asked for where the file ends before. Throws what readSync throws. */
export function readBytes(descriptor: number, position: number, bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const count = readSync(descriptor, bytes, at, Math.min(chunkBytes, bytes.length - at), position + at);
    if (count === 0) return at;
    at += count;
  }
  return bytes.length;
}

/** As readBytes; a file that ends before is an error. */
export function readAllBytes(descriptor: number, position: number, bytes: Uint8Array): void {
  const count = readBytes(descriptor, position, bytes);
  if (count < bytes.length) throw new Error(`the file ended ${bytes.length - count} bytes early while it was read`);
}
