/** The errors that simd/math.inc and simd/activation.inc promise, over dense grids against float64, on every instruction set. */
import assert from 'node:assert/strict';
import type { ActivationCode, NativeAddon } from './addon.js';
import { unaryCodes } from './kernels/opCodes.js';
import { testOnEveryIsa } from './testing/addonUnderTest.js';
import { erf, plainActivations } from './testing/plainLinear.js';

const points = 20_001;

function grid(from: number, to: number): Float32Array {
  return Float32Array.from({ length: points }, (_, i) => from + ((to - from) * i) / (points - 1));
}

/** Demands |found - wanted(x)| < bound(x) everywhere; `bound` must not be so loose that a quarter of it does as well. */
function assertErrors(what: string, x: Float32Array, found: Float32Array, wanted: (x: number) => number, bound: (x: number) => number): void {
  let worst = 0;
  x.forEach((at, i) => {
    const share = Math.abs((found[i] as number) - wanted(at)) / bound(at);
    if (!(share < 1)) assert.fail(`${what}(${at}): found ${found[i]}, expected ${wanted(at)}`);
    worst = Math.max(worst, share);
  });
  assert.ok(worst > 0.25, `${what}: the bound is ${1 / worst} times the largest error`);
}

function unary(addon: NativeAddon, name: keyof typeof unaryCodes, x: Float32Array): Float32Array {
  const out = new Float32Array(x.length);
  addon.unary(unaryCodes[name], x, out, x.length);
  return out;
}

testOnEveryIsa('exp, log, tanh, sigmoid and erf err by no more than they say', (addon) => {
  const functions = [
    ['Exp', grid(-87, 88), Math.exp, (x: number) => 2e-7 * Math.exp(x)],
    ['Log', grid(1e-3, 30), Math.log, (x: number) => 2e-7 * Math.abs(Math.log(x)) + 1e-9],
    ['Tanh', grid(-11, 11), Math.tanh, () => 2e-7],
    ['Sigmoid', grid(-30, 30), (x: number) => 1 / (1 + Math.exp(-x)), () => 2e-7],
    ['Erf', grid(-5, 5), erf, () => 2e-7],
    ['Erf', grid(-0.5, 0.5), erf, (x: number) => 4e-7 * Math.abs(erf(x)) + 1e-12],
  ] as const;
  for (const [name, x, wanted, bound] of functions) assertErrors(name, x, unary(addon, name, x), wanted, bound);
});

testOnEveryIsa('activations and their slopes err by no more than 2e-7 of the argument and 6e-7', (addon) => {
  const x = grid(-8, 8);
  const [one, zero, dy] = [Float32Array.of(1), Float32Array.of(0), new Float32Array(points).fill(1)];
  const bounds: readonly (readonly [code: ActivationCode, value: number, slope: number])[] = [[0, 2e-7, 3e-7], [1, 2e-7, 6e-7], [3, 2e-7, 2e-7]];
  for (const [code, value, slope] of bounds) {
    const plain = plainActivations[code] as (typeof plainActivations)[number];
    const [y, dx] = [new Float32Array(points), new Float32Array(points)];
    addon.linearActivationForward(x, one, zero, null, y, points, 1, 1, code);
    addon.linearActivationBackward(dy, x, x, one, dx, null, null, points, 1, 1, code);
    assertErrors(`activation ${code}`, x, y, plain.value, (at) => value * Math.max(1, Math.abs(at)));
    assertErrors(`slope of activation ${code}`, x, dx, plain.slope, () => slope);
  }
});

testOnEveryIsa('erf is 1 and the slope of GELU 0 and 1, as near as it matters, where nothing is left to tell them apart', (addon) => {
  const x = Float32Array.of(-1e30, -50, -6, 6, 50, 1e30, -Infinity, Infinity);
  assert.deepEqual([...unary(addon, 'Erf', x)], [-1, -1, -1, 1, 1, 1, -1, 1]);
  const dx = new Float32Array(x.length);
  addon.linearActivationBackward(new Float32Array(x.length).fill(1), x, x, Float32Array.of(1), dx, null, null, x.length, 1, 1, 0);
  x.forEach((at, i) => {
    assert.ok(Math.abs((dx[i] as number) - Number(at > 0)) < 1e-7, `${at}: ${dx[i]}`);
  });
});
