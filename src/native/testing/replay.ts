/** Demands of a computation with the addon that it replays to the bit, whatever the threads and the instruction set. For test files only. */
import assert from 'node:assert/strict';
import type { NativeAddon } from '../addon.js';

const threadCounts = [1, 2, 3, 5];

/**
 * Runs `compute` with 1, 2, 3 and 5 threads on every instruction set of this processor and demands one result: the same
 * on all that have fused multiply-add, and on 'portable' one of its own. A NaN is taken for equal to any other.
 */
export function assertReplays(addon: NativeAddon, what: string, compute: () => readonly Float32Array[]): void {
  let fused: readonly Uint32Array[] | undefined;
  for (const isa of addon.info().available) {
    addon.setIsa(isa);
    addon.setMatmulPrecision('highest');
    let expected = isa === 'portable' ? undefined : fused;
    for (const threads of threadCounts) {
      addon.setThreads(threads);
      const bits = compute().map(comparableBits);
      if (expected === undefined) expected = bits;
      else bits.forEach((array, i) => { assertSameBits(array, expected?.[i], `${what}, output ${i} on ${isa} with ${threads} threads`); });
    }
    if (isa !== 'portable') fused = expected;
  }
}

function comparableBits(array: Float32Array): Uint32Array {
  const bits = new Uint32Array(array.slice().buffer);
  array.forEach((value, i) => {
    if (Number.isNaN(value)) bits[i] = 0x7fc00000;
  });
  return bits;
}

/** assert.deepEqual would print whole arrays. */
function assertSameBits(actual: Uint32Array, expected: Uint32Array | undefined, what: string): void {
  assert.equal(actual.length, expected?.length, what);
  const different = actual.findIndex((bits, i) => bits !== expected?.[i]);
  if (different < 0) return;
  const count = actual.reduce((sum, bits, i) => sum + Number(bits !== expected?.[i]), 0);
  assert.fail(`${what}: ${count} of ${actual.length} elements differ, the first at ${different}: ${asFloat(actual[different])}, not ${asFloat(expected?.[different])}`);
}

function asFloat(bits: number | undefined): number {
  return new Float32Array(Uint32Array.of(bits ?? 0).buffer)[0] ?? Number.NaN;
}
