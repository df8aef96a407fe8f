import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropoutMask } from '../ops/dropoutGenerator.js';
import type { NativeAddon } from './addon.js';
import { assertCentralDifferences, assertClose, assertThreadsAgree, once, randomArray, testAddon, testOnEveryIsa } from './testing/addonUnderTest.js';
import { type LayerNormProblem, plainLayerNorm, plainLayerNormGradient } from './testing/plainLayerNorm.js';

interface Inputs {
  readonly x: Float32Array;
  readonly residual: Float32Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly dy: Float32Array;
}

function problemOf(rows: number, cols: number, rate = 0): LayerNormProblem {
  return { rows, cols, epsilon: 1e-5, dropout: rate === 0 ? undefined : { rate, key: 77 } };
}

function inputsOf({ rows, cols }: LayerNormProblem): Inputs {
  return {
    x: randomArray(rows * cols, 1, 2), residual: randomArray(rows * cols, 2, 3), gamma: randomArray(cols, 3).map((g) => 1.5 + g),
    beta: randomArray(cols, 4), dy: randomArray(rows * cols, 5),
  };
}

function forward(addon: NativeAddon, { rows, cols, epsilon, dropout }: LayerNormProblem, { x, gamma, beta }: Inputs, residual: Float32Array | null) {
  const [y, xhat, rstd] = [new Float32Array(rows * cols).fill(NaN), new Float32Array(rows * cols).fill(NaN), new Float32Array(rows).fill(NaN)];
  addon.layerNormForward(x, residual, gamma, beta, y, xhat, rstd, rows, cols, epsilon, dropout?.rate ?? 0, dropout?.key ?? 0);
  return { y, xhat, rstd };
}

function backward(addon: NativeAddon, problem: LayerNormProblem, inputs: Inputs, withResidual: boolean) {
  const { rows, cols, dropout } = problem;
  const { xhat, rstd } = forward(addon, problem, inputs, withResidual ? inputs.residual : null);
  const dx = new Float32Array(rows * cols).fill(NaN);
  const dresidual = new Float32Array(rows * cols).fill(NaN);
  const [dgamma, dbeta] = [new Float32Array(cols).fill(NaN), new Float32Array(cols).fill(NaN)];
  addon.layerNormBackward(inputs.dy, xhat, rstd, inputs.gamma, dx, withResidual ? dresidual : null, dgamma, dbeta, rows, cols, dropout?.rate ?? 0, dropout?.key ?? 0);
  return { dx, dresidual, dgamma, dbeta };
}

const sizes: readonly [rows: number, cols: number][] = [[1, 1], [1, 2], [3, 7], [5, 16], [33, 17], [130, 64], [4500, 5], [40, 259]];

for (const [rows, cols] of sizes) {
  for (const rate of [0, 0.2]) {
    for (const withResidual of [true, false]) {
      const problem = problemOf(rows, cols, rate);
      const inputs = inputsOf(problem);
      const residual = withResidual ? inputs.residual : undefined;
      const expected = once(() => {
        const normalized = plainLayerNorm(problem, inputs.x, residual, inputs.gamma, inputs.beta);
        return { ...normalized, ...plainLayerNormGradient(problem, inputs.dy, normalized, inputs.gamma) };
      });
      // Of one or two columns the gradient is what is left of a difference of equals, so rounding is judged by what went in.
      const assertGradientOfRows = (name: string, found: Float32Array, wanted: Float64Array) => {
        if (cols > 2) assertClose(name, found, wanted, 5e-6);
        wanted.forEach((value, i) => {
          // gamma lies below 2.5, dy below 1.
          const level = (expected().rstd[Math.floor(i / cols)] as number) * 2.5;
          assert.ok(Math.abs((found[i] as number) - value) <= 1e-6 * level, `${name}[${i}]: found ${found[i]}, expected ${value}`);
        });
      };
      testOnEveryIsa(`layer norm and its gradient equal float64 loops: [${rows}, ${cols}], dropout ${rate}, ${withResidual ? 'with' : 'no'} residual`, (addon) => {
        const { y, xhat, rstd } = forward(addon, problem, inputs, residual ?? null);
        assertClose('y', y, expected().y, 2e-6);
        assertClose('xhat', xhat, expected().xhat, 2e-6);
        assertClose('rstd', rstd, expected().rstd, 1e-6);
        const { dx, dresidual, dgamma, dbeta } = backward(addon, problem, inputs, withResidual);
        assertGradientOfRows('dx', dx, expected().dx);
        if (withResidual) assertGradientOfRows('dresidual', dresidual, expected().dresidual);
        assertClose('dgamma', dgamma, expected().dgamma, 5e-6);
        assertClose('dbeta', dbeta, expected().dbeta, 5e-6);
      });
    }
  }
}

for (const rate of [0, 0.3]) {
  const problem = problemOf(3, 9, rate);
  const inputs = inputsOf(problem);
  const lossOf = (x: ArrayLike<number>, residual: ArrayLike<number>, gamma: ArrayLike<number>, beta: ArrayLike<number>) =>
    plainLayerNorm(problem, x, residual, gamma, beta).y.reduce((sum, value, i) => sum + value * (inputs.dy[i] as number), 0);
  const { x, residual, gamma, beta } = inputs;
  const check = (gradient: Record<'dx' | 'dresidual' | 'dgamma' | 'dbeta', ArrayLike<number>>, tolerance: number) => {
    assertCentralDifferences('dx', (moved) => lossOf(moved, residual, gamma, beta), x, gradient.dx, tolerance);
    assertCentralDifferences('dresidual', (moved) => lossOf(x, moved, gamma, beta), residual, gradient.dresidual, tolerance);
    assertCentralDifferences('dgamma', (moved) => lossOf(x, residual, moved, beta), gamma, gradient.dgamma, tolerance);
    assertCentralDifferences('dbeta', (moved) => lossOf(x, residual, gamma, moved), beta, gradient.dbeta, tolerance);
  };

  test(`the float64 gradient of layer norm equals central differences, dropout ${rate}`, () => {
    check(plainLayerNormGradient(problem, inputs.dy, plainLayerNorm(problem, x, residual, gamma, beta), gamma), 1e-8);
  });

  testOnEveryIsa(`the gradient of layer norm equals central differences of the float64 forward, dropout ${rate}`, (addon) => {
    check(backward(addon, problem, inputs, true), 1e-5);
  });
}

testOnEveryIsa('the comparison notices any gradient of layer norm that is 1% too large', (addon) => {
  const problem = problemOf(12, 19, 0.1);
  const inputs = inputsOf(problem);
  const found = backward(addon, problem, inputs, true);
  const expected = plainLayerNormGradient(problem, inputs.dy, plainLayerNorm(problem, inputs.x, inputs.residual, inputs.gamma, inputs.beta), inputs.gamma);
  for (const name of ['dx', 'dresidual', 'dgamma', 'dbeta'] as const) {
    assert.throws(() => assertClose(name, found[name].map((value) => value * 1.01), expected[name], 5e-6), new RegExp(name));
  }
});

testOnEveryIsa('layer norm drops exactly the elements that the generator drops, forward and backward', (addon) => {
  const problem = problemOf(23, 41, 0.25);
  const inputs = inputsOf(problem);
  assert.ok(problem.dropout);
  const mask = dropoutMask(problem.dropout, problem.rows, problem.cols);
  // Ones in x: z is the mask itself, and xhat has one value for kept and a smaller one for dropped elements of a row.
  const ones = { ...inputs, x: inputs.x.map(() => 1) };
  const { xhat } = forward(addon, problem, ones, null);
  mask.forEach((factor, i) => {
    assert.equal((xhat[i] as number) > 0, factor > 0, `xhat[${i}]`);
  });
  const { dx, dresidual } = backward(addon, problem, inputs, true);
  mask.forEach((factor, i) => {
    assert.equal(dx[i], factor === 0 ? 0 : Math.fround((dresidual[i] as number) * factor), `dx[${i}]`);
  });
});

testOnEveryIsa('layer norm gives the same bits for every thread count', (addon) => {
  const problem = problemOf(611, 67, 0.1);
  const inputs = inputsOf(problem);
  assertThreadsAgree(addon, () => [...Object.values(forward(addon, problem, inputs, inputs.residual)), ...Object.values(backward(addon, problem, inputs, true))]);
});

testOnEveryIsa('layer norm keeps its precision on rows far from zero', (addon) => {
  const problem = problemOf(4, 300);
  const inputs = inputsOf(problem);
  const far = { ...inputs, x: inputs.x.map((value) => value + 1000) };
  const expected = plainLayerNorm(problem, far.x, undefined, far.gamma, far.beta);
  assertClose('y', forward(addon, problem, far, null).y, expected.y, 2e-4);
});

testOnEveryIsa('layer norm works in place, without xhat, and carries NaN and infinities to their row only', (addon) => {
  const problem = problemOf(6, 21);
  const { x, gamma, beta } = inputsOf(problem);
  x[2 * 21 + 20] = NaN;
  x[4 * 21] = Infinity;
  const y = Float32Array.from(x);
  const rstd = new Float32Array(6);
  addon.layerNormForward(y, null, gamma, beta, y, null, rstd, 6, 21, problem.epsilon, 0, 0);
  const expected = plainLayerNorm(problem, x, undefined, gamma, beta).y;
  for (const row of [0, 1, 3, 5]) assertClose(`row ${row}`, y.subarray(row * 21, row * 21 + 21), expected.subarray(row * 21, row * 21 + 21), 2e-6);
  for (const row of [2, 4]) assert.ok(y.subarray(row * 21, row * 21 + 21).some(Number.isNaN), `row ${row}`);
});

testAddon('layer norm of no rows gives zero gradients of gamma and beta', (addon) => {
  const none = new Float32Array(0);
  const [gamma, dgamma, dbeta] = [Float32Array.of(5, 5), Float32Array.of(5, 5), Float32Array.of(5, 5)];
  addon.layerNormForward(none, none, gamma, dbeta, none, none, none, 0, 2, 1e-5, 0, 0);
  addon.layerNormBackward(none, none, none, gamma, none, none, dgamma, dbeta, 0, 2, 0, 0);
  assert.deepEqual([...dgamma, ...dbeta], [0, 0, 0, 0]);
});

testAddon('layer norm refuses what does not fit, by name', (addon) => {
  const f32 = (length: number) => new Float32Array(length);
  assert.throws(() => addon.layerNormForward(f32(6), null, f32(2), f32(3), f32(6), null, f32(2), 2, 3, 1e-5, 0, 0), { name: 'RangeError', message: /gamma must have at least 3 elements, found 2/ });
  assert.throws(() => addon.layerNormForward(f32(6), f32(5), f32(3), f32(3), f32(6), null, f32(2), 2, 3, 1e-5, 0, 0), { name: 'RangeError', message: /residual/ });
  assert.throws(() => addon.layerNormForward(f32(0), null, f32(0), f32(0), f32(0), null, f32(2), 2, 0, 1e-5, 0, 0), { name: 'RangeError', message: /cols must be 1 or more/ });
  assert.throws(() => addon.layerNormForward(f32(6), null, f32(3), f32(3), f32(6), null, f32(2), 2, 3, 1e-5, 1.5, 0), { name: 'RangeError', message: /dropRate/ });
  assert.throws(() => addon.layerNormBackward(f32(6), f32(6), f32(2), f32(3), f32(6), null, f32(3), f32(2), 2, 3, 0, 0), { name: 'RangeError', message: /dbeta/ });
});
