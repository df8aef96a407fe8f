import assert from 'node:assert/strict';
import type { NativeAddon } from './addon.js';
import { assertClose, assertThreadsAgree, bitsOf, once, randomArray, testAddon, testOnBf16, testOnEveryIsa } from './testing/addonUnderTest.js';
import { plainGemm, roundToBfloat16 } from './testing/plainLinear.js';

interface Shape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

const transposes: readonly [transA: boolean, transB: boolean][] = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
];

/** Single elements, primes around every tile's edges, more than one block of rows, of columns and of k, and long k that is split. */
const shapes: readonly Shape[] = [
  { m: 1, n: 1, k: 1 },
  { m: 2, n: 3, k: 1 },
  { m: 3, n: 2, k: 5 },
  { m: 1, n: 17, k: 19 },
  { m: 7, n: 1, k: 31 },
  { m: 5, n: 7, k: 3 },
  { m: 11, n: 31, k: 16 },
  { m: 12, n: 32, k: 17 },
  { m: 13, n: 33, k: 15 },
  { m: 23, n: 67, k: 101 },
  { m: 96, n: 64, k: 32 },
  { m: 97, n: 129, k: 131 },
  { m: 107, n: 300, k: 397 },
  { m: 211, n: 47, k: 811 },
  { m: 29, n: 37, k: 1543 },
];

const nameOf = ({ m, n, k }: Shape): string => `${m} x ${n} x ${k}`;

function operandsOf({ m, n, k }: Shape): { a: Float32Array; b: Float32Array } {
  return { a: randomArray(m * k, 21), b: randomArray(k * n, 22) };
}

function multiply(addon: NativeAddon, transA: boolean, transB: boolean, { m, n, k }: Shape, a: Float32Array, b: Float32Array): Float32Array {
  const out = new Float32Array(m * n).fill(NaN);
  addon.gemm(transA, transB, m, n, k, a, b, out, false);
  return out;
}

for (const shape of shapes) {
  const { a, b } = operandsOf(shape);
  const { m, n, k } = shape;
  const expected = once(() => transposes.map(([transA, transB]) => plainGemm(transA, transB, m, n, k, a, b)));
  const rounded = once(() => transposes.map(([transA, transB]) => plainGemm(transA, transB, m, n, k, roundToBfloat16(a), roundToBfloat16(b))));

  testOnEveryIsa(`products of every transpose equal float64 loops: ${nameOf(shape)}`, (addon) => {
    for (const threads of [1, 2]) {
      addon.setThreads(threads);
      transposes.forEach(([transA, transB], i) => {
        assertClose(`${transA} ${transB}`, multiply(addon, transA, transB, shape, a, b), expected()[i] as Float64Array, 2e-6);
      });
    }
  });

  testOnBf16(`bfloat16 products equal float64 loops over rounded operands: ${nameOf(shape)}`, (addon) => {
    transposes.forEach(([transA, transB], i) => {
      const found = multiply(addon, transA, transB, shape, a, b);
      assertClose(`${transA} ${transB}`, found, rounded()[i] as Float64Array, 2e-6);
      assertClose(`${transA} ${transB} unrounded`, found, expected()[i] as Float64Array, 1.5e-2);
    });
  });

  const threadsAgree = (addon: NativeAddon): void =>
    assertThreadsAgree(addon, () => transposes.map(([transA, transB]) => multiply(addon, transA, transB, shape, a, b)));
  testOnEveryIsa(`products do not depend on the thread count: ${nameOf(shape)}`, threadsAgree);
  testOnBf16(`bfloat16 products do not depend on the thread count: ${nameOf(shape)}`, threadsAgree);

  testOnEveryIsa(`accumulating adds to what is there: ${nameOf(shape)}`, (addon) => {
    const before = randomArray(m * n, 23, 3);
    transposes.forEach(([transA, transB], i) => {
      const out = before.slice();
      addon.gemm(transA, transB, m, n, k, a, b, out, true);
      const sum = (expected()[i] as Float64Array).map((value, j) => value + (before[j] as number));
      assertClose(`${transA} ${transB}`, out, sum, 2e-6);
    });
  });
}

testOnEveryIsa('more than one block of packed columns and of k at once equal float64 loops', (addon) => {
  const shape = { m: 5, n: 2803, k: 401 };
  const { a, b } = operandsOf(shape);
  for (const transB of [false, true]) {
    assertClose(`${transB}`, multiply(addon, false, transB, shape, a, b), plainGemm(false, transB, shape.m, shape.n, shape.k, a, b), 2e-6);
  }
});

testOnEveryIsa('without rows or columns nothing is written; with k = 0 the product is zero', (addon) => {
  const empty = new Float32Array(0);
  const some = new Float32Array(15).fill(2);
  addon.gemm(false, false, 0, 3, 5, empty, some, empty, false);
  addon.gemm(false, true, 5, 0, 3, some, empty, empty, false);
  const out = new Float32Array(6).fill(7);
  addon.gemm(false, false, 2, 3, 0, empty, empty, out, true);
  assert.deepEqual([...out], [7, 7, 7, 7, 7, 7]);
  addon.gemm(false, false, 2, 3, 0, empty, empty, out, false);
  assert.deepEqual([...out], [0, 0, 0, 0, 0, 0]);
});

function checkNonFinite(addon: NativeAddon): void {
  const shape = { m: 15, n: 35, k: 21 };
  for (const [transA, transB] of transposes) {
    const { a, b } = operandsOf(shape);
    a[transA ? 4 * shape.m + 13 : 13 * shape.k + 4] = NaN;
    b[transB ? 34 * shape.k + 20 : 20 * shape.n + 34] = Infinity;
    const out = multiply(addon, transA, transB, shape, a, b);
    out.forEach((value, index) => {
      const [i, j] = [Math.floor(index / shape.n), index % shape.n];
      const wanted = i === 13 ? 'NaN' : j === 34 ? 'infinite' : 'finite';
      assert.equal(Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? 'finite' : 'infinite', wanted, `[${i}, ${j}]`);
    });
  }
}

testOnEveryIsa('NaN and infinity reach exactly the rows and columns that hold them', checkNonFinite);
testOnBf16('NaN and infinity of bfloat16 products reach exactly the rows and columns that hold them', checkNonFinite);

testOnEveryIsa('nothing is written beyond the product, and the operands stay', (addon) => {
  const shape = { m: 14, n: 37, k: 9 };
  const { a, b } = operandsOf(shape);
  const before = [a, b].map((array) => bitsOf(array.slice()));
  const out = new Float32Array(shape.m * shape.n + 64).fill(5);
  addon.gemm(false, false, shape.m, shape.n, shape.k, a, b, out, false);
  assert.deepEqual(out.subarray(shape.m * shape.n), new Float32Array(64).fill(5));
  assert.deepEqual([a, b].map(bitsOf), before);
});

testAddon('arrays shorter than the sizes say are refused', (addon) => {
  const array = (length: number): Float32Array => new Float32Array(length);
  assert.throws(() => addon.gemm(false, false, 2, 3, 4, array(7), array(12), array(6), false), /a\b.*8/);
  assert.throws(() => addon.gemm(false, false, 2, 3, 4, array(8), array(11), array(6), false), /b\b.*12/);
  assert.throws(() => addon.gemm(false, false, 2, 3, 4, array(8), array(12), array(5), false), /out\b.*6/);
});

testAddon('bfloat16 is refused where the instruction set does not have it', (addon) => {
  const { available, withBf16 } = addon.info();
  for (const isa of available.filter((name) => !withBf16.includes(name))) {
    addon.setIsa(isa);
    assert.throws(() => addon.setMatmulPrecision('bf16'), RangeError);
  }
});
