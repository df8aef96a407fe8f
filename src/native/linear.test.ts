import assert from 'node:assert/strict';
import type { ActivationCode, NativeAddon } from './addon.js';
import { assertCentralDifferences, assertClose, assertThreadsAgree, once, randomArray, testAddon, testOnEveryIsa } from './testing/addonUnderTest.js';
import { plainActivations, plainLinear, plainLinearGradient } from './testing/plainLinear.js';

interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

const cases: readonly Sizes[] = [
  { m: 1, n: 1, k: 1 },
  { m: 2, n: 3, k: 7 },
  { m: 13, n: 2, k: 37 },
  { m: 101, n: 67, k: 43 },
  { m: 1031, n: 45, k: 33 },
  { m: 130, n: 401, k: 97 },
];
const activationNames = ['gelu', 'gelu_new', 'relu', 'tanh'];
const codes: readonly ActivationCode[] = [0, 1, 2, 3];

function unwritten(length: number): Float32Array {
  return new Float32Array(length).fill(NaN);
}

function inputsOf({ m, n, k }: Sizes) {
  return { x: randomArray(m * k, 31), weight: randomArray(n * k, 32), bias: randomArray(n, 33), dy: randomArray(m * n, 34) };
}

function outputsOf({ m, n, k }: Sizes) {
  return { dx: unwritten(m * k), dweight: unwritten(n * k), dbias: unwritten(n) };
}

function backward(addon: NativeAddon, sizes: Sizes, { dy, x, weight }: ReturnType<typeof inputsOf>) {
  const out = outputsOf(sizes);
  addon.linearBackward(dy, x, weight, out.dx, out.dweight, out.dbias, sizes.m, sizes.n, sizes.k);
  return out;
}

function activated(addon: NativeAddon, { m, n, k }: Sizes, inputs: ReturnType<typeof inputsOf>, code: ActivationCode) {
  const pre = unwritten(m * n);
  const y = unwritten(m * n);
  addon.linearActivationForward(inputs.x, inputs.weight, inputs.bias, pre, y, m, n, k, code);
  return { pre, y };
}

for (const sizes of cases) {
  const { m, n, k } = sizes;
  const inputs = inputsOf(sizes);
  const { x, weight, bias, dy } = inputs;
  const title = `[${m}, ${k}] to [${m}, ${n}]`;
  const expected = once(() => ({ y: plainLinear(x, weight, bias, m, n, k), ...plainLinearGradient(dy, x, weight, m, n, k) }));

  testOnEveryIsa(`linear and its gradients equal float64 loops: ${title}`, (addon) => {
    const y = unwritten(m * n);
    addon.linearForward(x, weight, bias, y, m, n, k);
    assertClose('y', y, expected().y, 2e-6);
    addon.linearForward(x, weight, null, y, m, n, k);
    assertClose('y without bias', y, plainLinear(x, weight, undefined, m, n, k), 2e-6);
    const { dx, dweight, dbias } = backward(addon, sizes, inputs);
    assertClose('dx', dx, expected().dx, 2e-6);
    assertClose('dweight', dweight, expected().dweight, 2e-6);
    assertClose('dbias', dbias, expected().dbias, 2e-6);
  });

  testOnEveryIsa(`linear with every activation and its gradients equal float64 loops: ${title}`, (addon) => {
    for (const code of codes) {
      const { value, slope } = plainActivations[code] as (typeof plainActivations)[number];
      const name = activationNames[code] as string;
      const { pre, y } = activated(addon, sizes, inputs, code);
      assertClose(`${name} pre`, pre, expected().y, 2e-6);
      assertClose(`${name} y`, y, expected().y.map(value), 3e-6);
      const alone = unwritten(m * n);
      addon.linearActivationForward(x, weight, bias, null, alone, m, n, k, code);
      assert.deepEqual(alone, y, `${name} without pre`);
      const { dx, dweight, dbias } = outputsOf(sizes);
      addon.linearActivationBackward(dy, pre, x, weight, dx, dweight, dbias, m, n, k, code);
      const gradient = plainLinearGradient(dy.map((d, i) => d * slope(pre[i] as number)), x, weight, m, n, k);
      assertClose(`${name} dx`, dx, gradient.dx, 4e-6);
      assertClose(`${name} dweight`, dweight, gradient.dweight, 4e-6);
      assertClose(`${name} dbias`, dbias, gradient.dbias, 4e-6);
    }
  });

  testOnEveryIsa(`linear does not depend on the thread count: ${title}`, (addon) => {
    assertThreadsAgree(addon, () => [...Object.values(activated(addon, sizes, inputs, 0)), ...Object.values(backward(addon, sizes, inputs))]);
  });
}

testOnEveryIsa('the gradients of a linear layer with activation equal central differences of the float64 forward', (addon) => {
  const sizes = { m: 5, n: 4, k: 3 };
  const { m, n, k } = sizes;
  const inputs = inputsOf(sizes);
  for (const code of codes) {
    const { value } = plainActivations[code] as (typeof plainActivations)[number];
    const lossOf = (x: ArrayLike<number>, weight: ArrayLike<number>, bias: ArrayLike<number>): number =>
      plainLinear(x, weight, bias, m, n, k).reduce((sum, pre, i) => sum + value(pre) * (inputs.dy[i] as number), 0);
    const { pre } = activated(addon, sizes, inputs, code);
    const { dx, dweight, dbias } = outputsOf(sizes);
    addon.linearActivationBackward(inputs.dy, pre, inputs.x, inputs.weight, dx, dweight, dbias, m, n, k, code);
    assertCentralDifferences('dx', (x) => lossOf(x, inputs.weight, inputs.bias), inputs.x, dx, 1e-5);
    assertCentralDifferences('dweight', (weight) => lossOf(inputs.x, weight, inputs.bias), inputs.weight, dweight, 1e-5);
    assertCentralDifferences('dbias', (bias) => lossOf(inputs.x, inputs.weight, bias), inputs.bias, dbias, 1e-5);
  }
});

testOnEveryIsa('activations and slopes are accurate from the smallest to the largest numbers and keep NaN', (addon) => {
  const points = [0, 1e-30, 1e-8, 1e-4, 0.1, 0.62, 0.63, 0.99, 1, 1.42, 2, 3, 4.5, 5.7, 6, 9, 12, 30, 100, 1e4];
  const x = Float32Array.from(points.flatMap((value) => [value, -value]));
  const count = x.length;
  const [one, zero] = [Float32Array.of(1), Float32Array.of(0)];
  for (const code of codes) {
    const { value, slope } = plainActivations[code] as (typeof plainActivations)[number];
    const y = unwritten(count);
    addon.linearActivationForward(x, one, zero, null, y, count, 1, 1, code);
    const dx = unwritten(count);
    addon.linearActivationBackward(new Float32Array(count).fill(1), x, x, one, dx, null, null, count, 1, 1, code);
    x.forEach((at, i) => {
      const near = (found: number, wanted: number, what: string): void =>
        assert.ok(Math.abs(found - wanted) <= 5e-7 * Math.max(1, Math.abs(at)), `${activationNames[code]} ${what}(${at}): found ${found}, expected ${wanted}`);
      near(y[i] as number, value(at), 'value');
      near(dx[i] as number, slope(at), 'slope');
    });
    const nan = Float32Array.of(NaN, 1, NaN);
    const result = unwritten(3);
    addon.linearActivationForward(nan, one, zero, null, result, 3, 1, 1, code);
    assert.deepEqual([...result].map(Number.isNaN), [true, false, true], activationNames[code]);
  }
});

testOnEveryIsa('gradients that are not asked for are skipped and do not change the others', (addon) => {
  const sizes = { m: 9, n: 5, k: 6 };
  const { m, n, k } = sizes;
  const inputs = inputsOf(sizes);
  const all = backward(addon, sizes, inputs);
  const only = outputsOf(sizes);
  addon.linearBackward(inputs.dy, inputs.x, inputs.weight, null, only.dweight, null, m, n, k);
  assert.deepEqual(only.dweight, all.dweight);
  addon.linearBackward(inputs.dy, inputs.x, inputs.weight, only.dx, null, only.dbias, m, n, k);
  assert.deepEqual(only, all);
});

testOnEveryIsa('a batch of no rows gives zero weight gradients', (addon) => {
  const [weight, dweight, dbias] = [randomArray(15, 35), unwritten(15), unwritten(3)];
  const empty = new Float32Array(0);
  addon.linearForward(empty, weight, null, empty, 0, 3, 5);
  addon.linearBackward(empty, empty, weight, empty, dweight, dbias, 0, 3, 5);
  assert.deepEqual([...dweight, ...dbias], new Array(18).fill(0));
});

const qkvSizes: readonly [tokens: number, hidden: number][] = [[1, 1], [3, 5], [50, 33], [1300, 24], [101, 130]];

for (const [tokens, hidden] of qkvSizes) {
  const x = randomArray(tokens * hidden, 41);
  const dqkv = randomArray(tokens * 3 * hidden, 42);
  const weights = [43, 44, 45].map((seed) => randomArray(hidden * hidden, seed)) as [Float32Array, Float32Array, Float32Array];
  const biases = [46, 47, 48].map((seed) => randomArray(hidden, seed)) as [Float32Array, Float32Array, Float32Array];

  const forward = (addon: NativeAddon): Float32Array => {
    const qkv = unwritten(tokens * 3 * hidden);
    addon.qkvForward(x, weights[0], biases[0], weights[1], biases[1], weights[2], biases[2], qkv, tokens, hidden);
    return qkv;
  };
  const gradients = (addon: NativeAddon, withDx = true) => {
    const dx = unwritten(tokens * hidden);
    const square = (): Float32Array => unwritten(hidden * hidden);
    const [dwq, dwk, dwv, dbq, dbk, dbv] = [square(), square(), square(), unwritten(hidden), unwritten(hidden), unwritten(hidden)] as const;
    addon.qkvBackward(dqkv, x, weights[0], weights[1], weights[2], withDx ? dx : null, dwq, dbq, dwk, dbk, dwv, dbv, tokens, hidden, false);
    return { dx, dweights: [dwq, dwk, dwv], dbiases: [dbq, dbk, dbv] };
  };

  testOnEveryIsa(`the qkv projection and its gradients equal float64 loops: ${tokens} tokens, hidden ${hidden}`, (addon) => {
    const part = (array: Float32Array, i: number): Float32Array => array.filter((_, index) => Math.floor(index / hidden) % 3 === i);
    const qkv = forward(addon);
    const { dx, dweights, dbiases } = gradients(addon);
    const expectedDx = new Float64Array(tokens * hidden);
    weights.forEach((weight, i) => {
      assertClose(`qkv part ${i}`, part(qkv, i), plainLinear(x, weight, biases[i], tokens, hidden, hidden), 2e-6);
      const expected = plainLinearGradient(part(dqkv, i), x, weight, tokens, hidden, hidden);
      assertClose(`dweight ${i}`, dweights[i] as Float32Array, expected.dweight, 2e-6);
      assertClose(`dbias ${i}`, dbiases[i] as Float32Array, expected.dbias, 2e-6);
      expected.dx.forEach((value, j) => {
        expectedDx[j] = (expectedDx[j] as number) + value;
      });
    });
    assertClose('dx', dx, expectedDx, 2e-6);
    assert.deepEqual(gradients(addon, false).dweights, dweights);
    assertThreadsAgree(addon, () => [forward(addon), dx, ...gradients(addon).dweights, ...gradients(addon).dbiases, gradients(addon).dx]);
  });
}

testAddon('an unknown activation is refused', (addon) => {
  const one = Float32Array.of(1);
  assert.throws(() => addon.linearActivationForward(one, one, one, null, one, 1, 1, 1, 4 as ActivationCode), RangeError);
});
