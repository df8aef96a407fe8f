/**
 * Dropout masks from a counter-based generator: the mask is a pure function of a 32-bit key and the element's
 * row and column, so it is the same on every engine and for every thread count, and backward recomputes it.
 * The C++ twin is src/native/dropoutGenerator.h; a test compares them bit for bit.
 *
 *   rowKey = mix32(key ^ mix32(row + 0x9e3779b9))
 *   u      = mix32(rowKey + column * 0x9e3779b9)        (all modulo 2^32)
 *   keep   = u >= threshold, threshold = floor(rate * 2^32)
 */
import { mix32, mixKey } from '../data/random.js';

/** Dropout of one site in one forward pass; `rate` in [0, 1). */
export interface DropoutSpec {
  readonly rate: number;
  /** Unsigned 32-bit key of the site. */
  readonly key: number;
}

/** The keys of one forward pass: seed, optimizer step and micro-batch fix them all. */
export class DropoutStream {
  readonly #base: number;

  constructor(seed: number, step: number, microBatch: number) {
    this.#base = mixKey(seed, step, microBatch);
  }

  /** The specification for one site of one layer, or undefined where nothing is dropped. */
  site(layer: number, site: number, rate: number): DropoutSpec | undefined {
    return rate === 0 ? undefined : { rate, key: mixKey(this.#base, layer, site) };
  }
}

/** floor(rate * 2^32): elements whose hash is below it are dropped. */
export function dropThreshold(rate: number): number {
  return Math.floor(rate * 4294967296);
}

/** Key of one row; combine with `keepElement`. */
export function rowKey(key: number, row: number): number {
  return mix32((key ^ mix32((row + 0x9e3779b9) >>> 0)) >>> 0);
}

/** Whether the element in `column` of the row is kept. */
export function keepElement(keyOfRow: number, column: number, threshold: number): boolean {
  return mix32((keyOfRow + Math.imul(column, 0x9e3779b9)) >>> 0) >= threshold;
}

/** The mask of a [rows, cols] tensor with kept elements at 1 / (1 - rate), dropped ones at 0. */
export function dropoutMask(spec: DropoutSpec, rows: number, cols: number): Float32Array {
  const threshold = dropThreshold(spec.rate);
  const scale = 1 / (1 - spec.rate);
  const mask = new Float32Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    const key = rowKey(spec.key, r);
    for (let c = 0; c < cols; c++) mask[r * cols + c] = keepElement(key, c, threshold) ? scale : 0;
  }
  return mask;
}
