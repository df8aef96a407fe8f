/** NaN and infinities are carried, not lost: they reach exactly the outputs that depend on them, on every instruction set. */
import assert from 'node:assert/strict';
import type { NativeAddon } from './addon.js';
import { binaryCodes, unaryCodes } from './kernels/opCodes.js';
import { bitsOf, randomArray, testOnBf16, testOnEveryIsa } from './testing/addonUnderTest.js';
import { type Case, linearBackwardCase, linearCase, qkvCases, reachCases } from './testing/reachCases.js';

const make = (length: number): Float32Array => new Float32Array(length).fill(-7);

function classOf(value: number): string {
  return Number.isNaN(value) ? 'NaN' : Number.isFinite(value) ? 'a number' : value > 0 ? 'Infinity' : '-Infinity';
}

/** First, middle and last element. */
function sites(length: number): number[] {
  return [...new Set([0, Math.floor(length / 2), length - 1])];
}

function checkReach(addon: NativeAddon, { name, inputs, run }: Case): void {
  addon.setThreads(2);
  const clean = inputs.map(({ length }, i) => randomArray(length, i + 1));
  const expected = run(addon, clean.map((array) => array.slice()));
  inputs.forEach(({ length, reach, infinity }, i) => {
    for (const element of sites(length)) {
      for (const spoilt of infinity ? [NaN, Infinity] : [NaN]) {
        const spoiltInputs = clean.map((array) => array.slice());
        (spoiltInputs[i] as Float32Array)[element] = spoilt;
        const reached = reach(element);
        run(addon, spoiltInputs).forEach((found, output) => {
          const [bits, cleanBits] = [bitsOf(found), bitsOf(expected[output] as Float32Array)];
          found.forEach((value, index) => {
            const where = `${name}: output ${output} [${index}] with ${spoilt} at ${element} of input ${i}`;
            if (!reached(output, index)) assert.equal(bits[index], cleanBits[index], `${where} changed to ${value}`);
            else if (Number.isNaN(spoilt)) assert.ok(Number.isNaN(value), `${where} is ${value}`);
            else assert.ok(!Number.isFinite(value), `${where} is ${value}`);
          });
        });
      }
    }
  });
}

for (const one of reachCases) testOnEveryIsa(`NaN and infinity reach what depends on them and nothing else: ${one.name}`, (addon) => checkReach(addon, one));
for (const one of [linearCase(), linearBackwardCase(), ...qkvCases()]) testOnBf16(`NaN and infinity reach what depends on them and nothing else: ${one.name}`, (addon) => checkReach(addon, one));

const special = [NaN, Infinity, -Infinity, 0, -0, 1.5, -1.5, 88, -200];

const unaryMeaning: Readonly<Record<keyof typeof unaryCodes, (x: number) => number>> = {
  Neg: (x) => -x, Abs: Math.abs, Square: (x) => x * x, Sqrt: Math.sqrt, Rsqrt: (x) => 1 / Math.sqrt(x), Reciprocal: (x) => 1 / x, Exp: (x) => Math.fround(Math.exp(x)), Log: Math.log,
  Relu: (x) => Math.max(x, 0), Tanh: Math.tanh, Sigmoid: (x) => 1 / (1 + Math.exp(-x)), Erf: (x) => (Number.isNaN(x) ? NaN : Math.sign(x)),
};

testOnEveryIsa('unary kernels give NaN and infinities where mathematics does, and numbers elsewhere', (addon) => {
  for (const [name, code] of Object.entries(unaryCodes)) {
    const meaning = unaryMeaning[name as keyof typeof unaryCodes];
    // Every length moves the special numbers to other lanes and into the rest behind the last vector.
    for (const length of [1, 7, 16, 33, 50]) {
      const x = Float32Array.from({ length }, (_, i) => special[(i * 5 + length) % special.length] as number);
      const y = make(length);
      addon.unary(code, x, y, length);
      y.forEach((value, i) => { assert.equal(classOf(value), classOf(meaning(x[i] as number)), `${name}(${x[i]}) at ${i} of ${length} is ${value}`); });
    }
  }
});

const binaryMeaning: Readonly<Record<keyof typeof binaryCodes, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b, Sub: (a, b) => a - b, Multiply: (a, b) => a * b, RealDiv: (a, b) => a / b, Maximum: Math.max, Minimum: Math.min, SquaredDifference: (a, b) => (a - b) ** 2,
};

testOnEveryIsa('binary kernels give NaN and infinities where arithmetic does, with either operand repeated', (addon) => {
  const count = special.length ** 2;
  const a = Float32Array.from({ length: count }, (_, i) => special[i % special.length] as number);
  const b = Float32Array.from({ length: count }, (_, i) => special[Math.floor(i / special.length)] as number);
  for (const [name, code] of Object.entries(binaryCodes)) {
    const meaning = binaryMeaning[name as keyof typeof binaryCodes];
    const check = (strideA: number, strideB: number, left: Float32Array, right: Float32Array): void => {
      const out = make(count);
      addon.binary(code, left, right, out, Int32Array.of(count), Int32Array.of(strideA), Int32Array.of(strideB));
      out.forEach((value, i) => {
        const [l, r] = [left[i * strideA] as number, right[i * strideB] as number];
        assert.equal(classOf(value), classOf(meaning(l, r)), `${name}(${l}, ${r}) at ${i} is ${value}`);
      });
    };
    check(1, 1, a, b);
    for (const value of special) {
      check(1, 0, a, Float32Array.of(value));
      check(0, 1, Float32Array.of(value), b);
    }
  }
});

testOnEveryIsa('what only moves numbers keeps the bits of every NaN', (addon) => {
  const bits = Uint32Array.of(0x7fc00001, 0xffc12345, 0x7fa00001, 0x7f800000, 0xff800000, 0x80000000);
  const x = new Float32Array(bits.buffer);
  const [transposed, joined, picked] = [make(6), make(12), make(6)];
  addon.copyStrided(x, transposed, 0, Int32Array.of(3, 2), Int32Array.of(1, 3));
  addon.concatenate([x, x], Int32Array.of(3, 3), joined, 2);
  addon.gather(x, Int32Array.of(5, 4, 3, 2, 1, 0), picked, 1, 1, 6, 6, 1);
  const at = (...indices: number[]): number[] => indices.map((index) => bits[index] as number);
  assert.deepEqual([...bitsOf(transposed)], at(0, 3, 1, 4, 2, 5));
  assert.deepEqual([...bitsOf(joined)], at(0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5));
  assert.deepEqual([...bitsOf(picked)], at(5, 4, 3, 2, 1, 0));
});
