/** Loads the built addon for tests of its functions, runs them on every instruction set, and compares numbers. For test files only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../data/random.js';
import type { NativeAddon } from '../addon.js';
import { loadAddon } from '../loadAddon.js';

const loaded = await loadAddon();

/** A test of the addon; skipped where it is not built. Instruction set, precision and threads are put back after it. */
export function testAddon(title: string, body: (addon: NativeAddon) => void): void {
  test(title, { skip: loaded.addon === undefined && loaded.why }, () => runAndPutBack(body));
}

function runAndPutBack(body: (addon: NativeAddon) => void): void {
  const { addon } = loaded;
  assert.ok(addon);
  const { isa, threads } = addon.info();
  try {
    body(addon);
  } finally {
    addon.setIsa(isa);
    addon.setMatmulPrecision('highest');
    addon.setThreads(threads);
  }
}

/** A test of the addon that runs once on each instruction set of this processor. */
export function testOnEveryIsa(title: string, body: (addon: NativeAddon) => void): void {
  for (const isa of loaded.addon?.info().available ?? ['no addon']) {
    testAddon(`${title} [${isa}]`, (addon) => {
      addon.setIsa(isa);
      body(addon);
    });
  }
}

/** A test of matrix products of operands rounded to bfloat16, once on each instruction set that has them; skipped where none has. */
export function testOnBf16(title: string, body: (addon: NativeAddon) => void): void {
  const names = loaded.addon?.info().withBf16 ?? [];
  if (names.length === 0) test(`${title} [bf16]`, { skip: loaded.addon === undefined ? loaded.why : 'no bfloat16 products here' });
  for (const isa of names) {
    testAddon(`${title} [${isa}, bf16]`, (addon) => {
      addon.setIsa(isa);
      addon.setMatmulPrecision('bf16');
      body(addon);
    });
  }
}

/** Runs `compute` with 1, 2 and 3 threads and demands the same bits of every array it returns. */
export function assertThreadsAgree(addon: NativeAddon, compute: () => readonly Float32Array[]): void {
  addon.setThreads(1);
  const expected = compute();
  for (const threads of [2, 3]) {
    addon.setThreads(threads);
    compute().forEach((array, i) => {
      assert.deepEqual(bitsOf(array), bitsOf(expected[i] as Float32Array), `result ${i} with ${threads} threads`);
    });
  }
}

/** `compute` at the first call, its result at every call: for what all instruction sets are compared with. */
export function once<Result>(compute: () => Result): () => Result {
  let result: { readonly value: Result } | undefined;
  return () => {
    result ??= { value: compute() };
    return result.value;
  };
}

/** The array's bits, for comparisons that tell 0 from -0 and one NaN from another. */
export function bitsOf(array: Float32Array): Uint32Array {
  return new Uint32Array(array.buffer, array.byteOffset, array.length);
}

/** Uniform numbers in [-spread, spread). */
export function randomArray(length: number, seed: number, spread = 1): Float32Array {
  const random = new Random(seed, length);
  return Float32Array.from({ length }, () => (random.uniform() * 2 - 1) * spread);
}

/**
 * Demands |actual - expected| <= tolerance * (|expected| + root mean square of expected) of every element: float32 sums
 * err in proportion to what they add up, not to what is left of it.
 */
export function assertClose(name: string, actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(actual.length, expected.length, `${name}: length`);
  let squares = 0;
  for (let i = 0; i < expected.length; i++) squares += (expected[i] as number) ** 2;
  const level = Math.sqrt(squares / Math.max(1, expected.length));
  for (let i = 0; i < expected.length; i++) {
    const [found, wanted] = [actual[i] as number, expected[i] as number];
    if (!(Math.abs(found - wanted) <= tolerance * (Math.abs(wanted) + level))) {
      assert.fail(`${name}[${i}]: found ${found}, expected ${wanted} (tolerance ${tolerance}, level ${level})`);
    }
  }
}

/**
 * Demands that `gradient` is the derivative of the float64 function `loss` at `input`: central differences of every element.
 */
export function assertCentralDifferences(name: string, loss: (input: Float64Array) => number, input: ArrayLike<number>, gradient: ArrayLike<number>, tolerance: number): void {
  const step = 1e-5;
  const moved = Float64Array.from(input);
  const differences = new Float64Array(input.length);
  for (let i = 0; i < input.length; i++) {
    const value = moved[i] as number;
    moved[i] = value + step;
    const above = loss(moved);
    moved[i] = value - step;
    differences[i] = (above - loss(moved)) / (2 * step);
    moved[i] = value;
  }
  assertClose(name, gradient, differences, tolerance);
}
