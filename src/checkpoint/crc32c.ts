/**
 * CRC-32C, the Castagnoli checksum (RFC 3720, appendix B.4: polynomial 0x1edc6f41, here with its bits reversed), and the mask
 * under which LevelDB and TensorFlow store it.
 */

const reversedPolynomial = 0x82f63b78;

/** Entry 256 n + b: the checksum register after byte b and n zero bytes, so that eight bytes take one step. */
const tables = makeTables();

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? reversedPolynomial : 0);
    made[byte] = crc;
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256] ?? 0;
    made[at] = (before >>> 8) ^ (made[before & 255] ?? 0);
  }
  return made;
}

/** The checksum of all bytes, as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = -1;
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    const low = crc ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    crc =
      (tables[1792 + (low & 255)] ?? 0) ^
      (tables[1536 + ((low >>> 8) & 255)] ?? 0) ^
      (tables[1280 + ((low >>> 16) & 255)] ?? 0) ^
      (tables[1024 + (low >>> 24)] ?? 0) ^
      (tables[768 + (high & 255)] ?? 0) ^
      (tables[512 + ((high >>> 8) & 255)] ?? 0) ^
      (tables[256 + ((high >>> 16) & 255)] ?? 0) ^
      (tables[high >>> 24] ?? 0);
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ (tables[(crc ^ view.getUint8(at)) & 255] ?? 0);
  return ~crc >>> 0;
}

/** The mask keeps the checksum of data that holds its own checksum from being trivial: rotated right by 15 bits, plus a constant. */
const maskDelta = 0xa282ead8;

/** A checksum as LevelDB and TensorFlow store it, unsigned. */
export function maskCrc32c(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + maskDelta) >>> 0;
}
