import assert from 'node:assert/strict';
import { dropoutMask } from '../ops/dropoutGenerator.js';
import type { NativeAddon } from './addon.js';
import { assertClose, assertThreadsAgree, randomArray, testAddon, testOnEveryIsa } from './testing/addonUnderTest.js';

const lengths = [1, 7, 0, 33, 20011, 5];

interface Step {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly correction1: number;
  readonly correction2: number;
  readonly gradScale: number;
}

const step: Step = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-6, correction1: 0.271, correction2: 0.002997, gradScale: 0.37 };
const weightDecay = Float32Array.of(0.01, 0, 0.5, 0.1, 0.01, 1);
const lrScale = Float32Array.of(1, 0.5, 1, 2, 0.9, 0);

function makeState() {
  return {
    params: lengths.map((length, i) => randomArray(length, 10 + i, 0.5)),
    grads: lengths.map((length, i) => randomArray(length, 20 + i, 3)),
    ms: lengths.map((length, i) => randomArray(length, 30 + i, 0.1)),
    vs: lengths.map((length, i) => randomArray(length, 40 + i, 0.01).map(Math.abs)),
  };
}

type State = ReturnType<typeof makeState>;

function update(addon: NativeAddon, { params, grads, ms, vs }: State, s: Step): void {
  addon.adamwUpdate(params, grads, ms, vs, weightDecay, lrScale, s.learningRate, s.beta1, s.beta2, s.epsilon, s.correction1, s.correction2, s.gradScale);
}

/** One array in float64; `change` is what leaves the parameter. */
function plainUpdate({ params, grads, ms, vs }: State, i: number, s: Step) {
  const m = Float64Array.from(ms[i] as Float32Array, (value, j) => s.beta1 * value + (1 - s.beta1) * s.gradScale * (grads[i]?.[j] as number));
  const v = Float64Array.from(vs[i] as Float32Array, (value, j) => s.beta2 * value + (1 - s.beta2) * (s.gradScale * (grads[i]?.[j] as number)) ** 2);
  const change = m.map((first, j) => {
    const direction = first / s.correction1 / (Math.sqrt((v[j] as number) / s.correction2) + s.epsilon);
    return s.learningRate * (lrScale[i] as number) * (direction + (weightDecay[i] as number) * (params[i]?.[j] as number));
  });
  return { m, v, change };
}

testOnEveryIsa('AdamW updates parameters and moments as float64 does', (addon) => {
  const before = makeState();
  const after = makeState();
  update(addon, after, step);
  lengths.forEach((length, i) => {
    const { m, v, change } = plainUpdate(before, i, step);
    assertClose(`m[${i}]`, after.ms[i] as Float32Array, m, 1e-6);
    assertClose(`v[${i}]`, after.vs[i] as Float32Array, v, 1e-6);
    for (let j = 0; j < length; j++) {
      const [old, found] = [before.params[i]?.[j] as number, after.params[i]?.[j] as number];
      // One rounding of the parameter and a few of the change.
      assert.ok(Math.abs(found - (old - (change[j] as number))) <= 1.5e-7 * Math.abs(old) + 2e-6 * Math.abs(change[j] as number), `params[${i}][${j}]`);
    }
    assert.deepEqual(after.grads[i], before.grads[i]);
  });
  assert.deepEqual(after.params[5], before.params[5], 'a learning rate of zero changes nothing');
});

testOnEveryIsa('AdamW notices a weight decay far below the rounding of 1', (addon) => {
  // Parameters of 1 with no gradient: 1 - 7e-8 rounds to the neighbour of 1 or to 1; the change must be the nearest float's.
  for (const decay of [4e-8, 7e-8]) {
    const params = new Float32Array(40).fill(1.5);
    const zeros = () => new Float32Array(40);
    addon.adamwUpdate([params], [zeros()], [zeros()], [zeros()], Float32Array.of(decay), Float32Array.of(1), 1, 0.9, 0.999, 1e-8, 1, 1, 1);
    params.forEach((value) => {
      assert.equal(value, Math.fround(1.5 - 1.5 * Math.fround(decay)));
    });
  }
});

testOnEveryIsa('AdamW and the sum of squares give the same bits for every thread count', (addon) => {
  assertThreadsAgree(addon, () => {
    const state = makeState();
    update(addon, state, step);
    const sum = Float64Array.of(addon.sumOfSquares(state.params));
    return [...state.params, ...state.ms, ...state.vs, new Float32Array(sum.buffer)];
  });
});

testOnEveryIsa('the sum of squares accumulates in float64 over all arrays and lets NaN and infinities through', (addon) => {
  const arrays = lengths.map((length, i) => randomArray(length, 50 + i, 100));
  const expected = arrays.reduce((sum, array) => sum + array.reduce((part, value) => part + value * value, 0), 0);
  assert.ok(Math.abs(addon.sumOfSquares(arrays) - expected) <= 1e-13 * expected);
  assert.equal(addon.sumOfSquares([Float32Array.of(1e30, 1e-3), Float32Array.of(-1e30)]), 2 * Math.fround(1e30) ** 2);
  assert.equal(addon.sumOfSquares([]), 0);
  assert.equal(addon.sumOfSquares([new Float32Array(0)]), 0);
  for (const bad of [NaN, Infinity, -Infinity]) {
    for (const at of [0, 20010]) {
      const spoilt = arrays.map((array) => Float32Array.from(array));
      (spoilt[4] as Float32Array)[at] = bad;
      assert.equal(addon.sumOfSquares(spoilt), bad * bad);
    }
  }
});

for (const [rows, cols] of [[0, 3], [1, 1], [5, 13], [33, 64], [3, 30000], [20000, 2]] as const) {
  testOnEveryIsa(`dropout applies the generator's mask: [${rows}, ${cols}]`, (addon) => {
    const x = randomArray(rows * cols, 7);
    const spec = { rate: 0.37, key: 0xfedcba98 };
    const y = new Float32Array(rows * cols).fill(NaN);
    const expected = dropoutMask(spec, rows, cols).map((factor, i) => (factor === 0 ? 0 : factor * (x[i] as number)));
    assertThreadsAgree(addon, () => {
      addon.dropout(x, y, rows, cols, spec.rate, spec.key);
      assert.deepEqual(y, expected);
      return [Float32Array.from(y)];
    });
    const inPlace = Float32Array.from(x);
    addon.dropout(inPlace, inPlace, rows, cols, spec.rate, spec.key);
    assert.deepEqual(inPlace, expected);
    addon.dropout(x, y, rows, cols, 0, spec.key);
    assert.deepEqual(y, x);
  });
}

testAddon('optimizer kernels refuse lists that do not match, by name', (addon) => {
  const call = (changes: Partial<State>, decay = weightDecay) => () => {
    const { params, grads, ms, vs } = { ...makeState(), ...changes };
    addon.adamwUpdate(params, grads, ms, vs, decay, lrScale, 1, 0.9, 0.999, 1e-8, 1, 1, 1);
  };
  assert.throws(call({ grads: [] }), { name: 'RangeError', message: /grads must have 6 arrays as params has, found 0/ });
  const short = makeState().vs;
  short[3] = new Float32Array(32);
  assert.throws(call({ vs: short }), { name: 'RangeError', message: /vs\[3\] must have 33 elements as params\[3\] has, found 32/ });
  assert.throws(call({}, new Float32Array(5)), { name: 'RangeError', message: /weightDecay/ });
  assert.throws(() => addon.dropout(new Float32Array(6), new Float32Array(5), 2, 3, 0.1, 0), { name: 'RangeError', message: /y must/ });
  assert.throws(() => addon.dropout(new Float32Array(6), new Float32Array(6), 2, 3, 0.1, -1), { name: 'RangeError', message: /dropKey/ });
});

testOnEveryIsa('without decay, AdamW leaves what has neither gradient nor moments, wherever it lies, and misses nothing beside it', (addon) => {
  const [length, learningRate] = [1111, 0.01];
  const state = (): Record<'p' | 'g' | 'm' | 'v', Float32Array> => {
    const [p, g, m, v] = [randomArray(length, 1, 1), randomArray(length, 2, 1), randomArray(length, 3, 1), randomArray(length, 4, 1).map(Math.abs)] as const;
    // Runs of zeros in all three, and within them one number in one of the three.
    for (const [begin, end] of [[5, 140], [256, 768], [1000, 1111]] as const) [g, m, v].forEach((array) => { array.fill(0, begin, end); });
    g[300] = 0.5;
    m[511] = -0.25;
    v[640] = 1e-30;
    return { p, g, m, v };
  };
  const run = (s: ReturnType<typeof state>, decay: number, gradScale: number): void =>
    addon.adamwUpdate([s.p], [s.g], [s.m], [s.v], Float32Array.of(decay), Float32Array.of(1), learningRate, 0.9, 0.999, 1e-8, 1, 1, gradScale);
  const [before, after] = [state(), state()];
  run(after, 0, 1);
  before.p.forEach((old, j) => {
    const [g, m, v] = [before.g[j] as number, before.m[j] as number, before.v[j] as number];
    const [first, second] = [0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g];
    const change = (learningRate * first) / (Math.sqrt(second) + 1e-8);
    const limit = g === 0 && m === 0 ? 0 : 1.5e-7 * Math.abs(old) + 1e-5 * Math.abs(change);
    assert.ok(Math.abs((after.p[j] as number) - (old - change)) <= limit, `element ${j}: ${after.p[j]}, expected ${old - change}`);
  });
  const spoilt = state();
  run(spoilt, 0, Number.NaN);
  assert.ok(spoilt.p.every(Number.isNaN), 'a scale that is not a number reaches every element');
});
