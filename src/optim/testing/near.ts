import assert from 'node:assert/strict';

/** Elements agree within a tolerance relative to the expected one, absolute below 1. */
export function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    const e = expected[i] ?? Number.NaN;
    assert.ok(Math.abs((found[i] ?? Number.NaN) - e) <= tolerance * Math.max(1, Math.abs(e)), `element ${i}: ${found[i]} against ${e}`);
  }
}
