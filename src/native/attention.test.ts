import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../data/random.js';
import { dropThreshold, keepElement, rowKey } from '../ops/dropoutGenerator.js';
import type { NativeAddon } from './addon.js';
import { assertCentralDifferences, assertClose, assertThreadsAgree, once, randomArray, testAddon, testOnBf16, testOnEveryIsa } from './testing/addonUnderTest.js';
import { type AttentionProblem, plainAttention, plainAttentionGradient } from './testing/plainAttention.js';
import { roundToBfloat16 } from './testing/plainLinear.js';
import { assertReplays } from './testing/replay.js';

function problemOf(lengths: readonly number[], heads: number, headDim: number, rate = 0): AttentionProblem {
  const cuSeqlens = new Int32Array(lengths.length + 1);
  lengths.forEach((length, b) => {
    cuSeqlens[b + 1] = (cuSeqlens[b] as number) + length;
  });
  return { cuSeqlens, heads, headDim, dropout: rate === 0 ? undefined : { rate, key: 0x9abcdef0 } };
}

function tokensOf({ cuSeqlens }: AttentionProblem): number {
  return cuSeqlens[cuSeqlens.length - 1] as number;
}

function forward(addon: NativeAddon, problem: AttentionProblem, qkv: Float32Array): { out: Float32Array; lse: Float32Array } {
  const { cuSeqlens, heads, headDim, dropout } = problem;
  const tokens = tokensOf(problem);
  const out = new Float32Array(tokens * heads * headDim).fill(NaN);
  const lse = new Float32Array(tokens * heads).fill(NaN);
  addon.attentionForward(qkv, cuSeqlens, out, lse, tokens, heads, headDim, dropout?.rate ?? 0, dropout?.key ?? 0);
  return { out, lse };
}

function backward(addon: NativeAddon, problem: AttentionProblem, dout: Float32Array, qkv: Float32Array): Float32Array {
  const { cuSeqlens, heads, headDim, dropout } = problem;
  const { out, lse } = forward(addon, problem, qkv);
  const dqkv = new Float32Array(qkv.length).fill(NaN);
  addon.attentionBackward(dout, qkv, out, lse, cuSeqlens, dqkv, tokensOf(problem), heads, headDim, dropout?.rate ?? 0, dropout?.key ?? 0);
  return dqkv;
}

function inputsOf(problem: AttentionProblem, spread = 1.5): { qkv: Float32Array; dout: Float32Array } {
  const width = tokensOf(problem) * problem.heads * problem.headDim;
  return { qkv: randomArray(3 * width, 11, spread), dout: randomArray(width, 12) };
}

/** A test that every instruction set and the arithmetic of bfloat16 have to pass. */
function testEverywhere(title: string, body: (addon: NativeAddon, bf16: boolean) => void): void {
  testOnEveryIsa(title, (addon) => body(addon, false));
  testOnBf16(`${title}, in bfloat16`, (addon) => body(addon, true));
}

/** Demands |actual - expected| <= tolerance * |expected| of the arrays as vectors: roundings of single elements average out, wrong factors do not. */
function assertNear(name: string, actual: Float32Array, expected: Float64Array, tolerance: number): void {
  const square = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0);
  const error = Math.sqrt(square(expected.map((value, i) => (actual[i] as number) - value)) / square(expected));
  assert.ok(error <= tolerance, `${name}: relative error ${error}, tolerance ${tolerance}`);
}

const cases: readonly [lengths: readonly number[], heads: number, headDim: number][] = [
  [[1], 1, 1],
  [[2], 1, 3],
  [[1, 2, 33], 3, 5],
  [[33, 1, 16, 17], 2, 16],
  [[0, 5, 0, 9], 2, 7],
  [[130, 2], 2, 64],
  [[12, 13], 1, 256],
  [[9, 4], 1, 301],
  [[700], 1, 20],
  [[1500], 1, 2],
];

for (const [lengths, heads, headDim] of cases) {
  for (const rate of [0, 0.1]) {
    const problem = problemOf(lengths, heads, headDim, rate);
    const { qkv, dout } = inputsOf(problem);
    const expected = once(() => ({ ...plainAttention(problem, qkv), dqkv: plainAttentionGradient(problem, dout, qkv) }));
    testOnEveryIsa(`attention and its gradient equal float64 loops: lengths ${lengths.join(' ')}, ${heads} x ${headDim}, dropout ${rate}`, (addon) => {
      const { out, lse } = forward(addon, problem, qkv);
      assertClose('out', out, expected().out, 5e-6);
      assertClose('lse', lse, expected().lse, 5e-6);
      assertClose('dqkv', backward(addon, problem, dout, qkv), expected().dqkv, 2e-5);
    });

    const rounded = once(() => ({ ...plainAttention(problem, roundToBfloat16(qkv)), dqkv: plainAttentionGradient(problem, roundToBfloat16(dout), roundToBfloat16(qkv)) }));
    testOnBf16(`attention in bfloat16 equals float64 loops over rounded operands: lengths ${lengths.join(' ')}, ${heads} x ${headDim}, dropout ${rate}`, (addon) => {
      const { out, lse } = forward(addon, problem, qkv);
      const dqkv = backward(addon, problem, dout, qkv);
      // Scores have float32's error alone; probabilities and their gradients are rounded again, which makes 2.0e-3 (measured).
      assertClose('lse', lse, rounded().lse, 2e-6);
      assertNear('out', out, rounded().out, 3e-3);
      assertNear('dqkv', dqkv, rounded().dqkv, 3e-3);
      // Measured: 6.3e-3, 3.6e-3 and 3.9e-3.
      assertNear('lse unrounded', lse, expected().lse, 1e-2);
      assertNear('out unrounded', out, expected().out, 6e-3);
      assertNear('dqkv unrounded', dqkv, expected().dqkv, 6e-3);
    });
  }
}

for (const rate of [0, 0.3]) {
  test(`the float64 gradient of attention equals central differences, dropout ${rate}`, () => {
    const problem = problemOf([3, 1, 5], 2, 3, rate);
    const { qkv, dout } = inputsOf(problem);
    const loss = (input: Float64Array) => plainAttention(problem, input).out.reduce((sum, value, i) => sum + value * (dout[i] as number), 0);
    assertCentralDifferences('dqkv', loss, qkv, plainAttentionGradient(problem, dout, qkv), 1e-8);
  });

  testOnEveryIsa(`the gradient of attention equals central differences of the float64 forward, dropout ${rate}`, (addon) => {
    const problem = problemOf([3, 1, 5], 2, 3, rate);
    const { qkv, dout } = inputsOf(problem);
    const loss = (input: Float64Array) => plainAttention(problem, input).out.reduce((sum, value, i) => sum + value * (dout[i] as number), 0);
    assertCentralDifferences('dqkv', loss, qkv, backward(addon, problem, dout, qkv), 1e-5);
  });
}

testOnEveryIsa('the comparison notices a gradient of queries, keys or values that is 1% too large', (addon) => {
  const problem = problemOf([9, 4], 2, 5, 0.1);
  const { qkv, dout } = inputsOf(problem);
  const expected = plainAttentionGradient(problem, dout, qkv);
  const hidden = problem.heads * problem.headDim;
  for (const part of [0, 1, 2]) {
    const dqkv = backward(addon, problem, dout, qkv).map((value, i) => (Math.floor(i / hidden) % 3 === part ? value * 1.01 : value));
    assert.throws(() => assertClose('dqkv', dqkv, expected, 2e-5), /dqkv/);
  }
});

testEverywhere('queries and keys have no gradient where one key has all the weight', (addon) => {
  const headDim = 19;
  const problem = problemOf([2], 1, headDim);
  const { qkv, dout } = inputsOf(problem);
  for (let d = 0; d < headDim; d++) {
    // Both queries and the first key; the second key points away from them.
    for (const [token, part, value] of [[0, 0, 8], [1, 0, 8], [0, 1, 8], [1, 1, -8]] as const) qkv[(token * 3 + part) * headDim + d] = value;
  }
  const dqkv = backward(addon, problem, dout, qkv);
  for (let i = 0; i < dqkv.length; i++) {
    if (Math.floor(i / headDim) % 3 !== 2) assert.ok(Math.abs(dqkv[i] as number) < 1e-4, `dqkv[${i}]: ${dqkv[i]}`);
  }
});

testEverywhere('attention drops exactly the elements that the generator drops, forward and backward', (addon, bf16) => {
  // Equal scores give every key the probability 1 / length; unit vectors as values and as output gradients then lay the
  // dropped probabilities bare: out[t, j] and dvalue[j, t].
  const length = 37;
  const problem = problemOf([2, length], 2, 40, 0.25);
  const { cuSeqlens, heads, headDim, dropout } = problem;
  assert.ok(dropout);
  const hidden = heads * headDim;
  const start = cuSeqlens[1] as number;
  const qkv = new Float32Array(tokensOf(problem) * 3 * hidden);
  const dout = new Float32Array(tokensOf(problem) * hidden);
  for (let j = 0; j < length; j++) {
    for (let head = 0; head < heads; head++) {
      qkv[((start + j) * 3 + 2) * hidden + head * headDim + j] = 1;
      dout[(start + j) * hidden + head * headDim + j] = 1;
    }
  }
  const { out } = forward(addon, problem, qkv);
  const dqkv = backward(addon, problem, dout, qkv);
  const kept = Math.fround(1 / (1 - dropout.rate) / length);
  let dropped = 0;
  for (let t = 0; t < length; t++) {
    for (let head = 0; head < heads; head++) {
      const key = rowKey(dropout.key, (start + t) * heads + head);
      for (let j = 0; j < length; j++) {
        const keep = keepElement(key, j, dropThreshold(dropout.rate));
        const found = out[(start + t) * hidden + head * headDim + j] as number;
        const foundBackward = dqkv[((start + j) * 3 + 2) * hidden + head * headDim + t] as number;
        if (!keep) dropped++;
        for (const value of [found, foundBackward]) {
          assert.equal(value !== 0, keep, `query ${t}, head ${head}, key ${j}`);
          // The probability 1 / length is no bfloat16.
          assert.ok(!keep || Math.abs(value - kept) < (bf16 ? 4e-3 : 1e-6) * kept, `query ${t}, key ${j}: ${value}, not ${kept}`);
        }
      }
    }
  }
  assert.ok(dropped > 0.2 * heads * length * length && dropped < 0.3 * heads * length * length, `dropped ${dropped}`);
});

testOnBf16('attention gives the same bits for every thread count', (addon) => {
  const problem = problemOf([33, 7, 64, 1, 50, 12], 3, 20, 0.1);
  const { qkv, dout } = inputsOf(problem);
  assertThreadsAgree(addon, () => {
    const { out, lse } = forward(addon, problem, qkv);
    return [out, lse, backward(addon, problem, dout, qkv)];
  });
});

testAddon('attention of random odd shapes gives the same bits for every thread count and instruction set', (addon) => {
  const random = new Random(5);
  for (let draw = 0; draw < 12; draw++) {
    const lengths = Array.from({ length: 1 + random.integer(5) }, () => random.integer(random.integer(4) === 0 ? 150 : 40));
    const problem = problemOf(lengths, 1 + random.integer(3), 1 + random.integer(70), random.integer(2) * 0.15);
    const { qkv, dout } = inputsOf(problem);
    assertReplays(addon, `lengths ${lengths.join(' ')}, ${problem.heads} x ${problem.headDim}`, () => {
      const { out, lse } = forward(addon, problem, qkv);
      return [out, lse, backward(addon, problem, dout, qkv)];
    });
  }
});

testAddon('the working memory of attention does not grow with the square of the length', (addon) => {
  addon.setThreads(1);
  const problem = problemOf([4096], 1, 8, 0.1);
  const { qkv, dout } = inputsOf(problem);
  // Once before, so that what the engine of JavaScript and the system take for themselves is there.
  const small = problemOf([40], 1, 8, 0.1);
  backward(addon, small, dout.subarray(0, 320), qkv.subarray(0, 960));
  const before = process.memoryUsage().rss;
  backward(addon, problem, dout, qkv);
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  // A matrix of the scores would take 64 MiB.
  assert.ok(grown < 32, `grew by ${grown} MiB`);
});

testOnEveryIsa('attention stays exact for scores in the thousands', (addon) => {
  const problem = problemOf([21], 1, 24);
  const { qkv, dout } = inputsOf(problem, 60);
  const expected = plainAttention(problem, qkv);
  assertClose('out', forward(addon, problem, qkv).out, expected.out, 2e-3);
  assertClose('dqkv', backward(addon, problem, dout, qkv), plainAttentionGradient(problem, dout, qkv), 2e-2);
});

for (const bad of [NaN, Infinity]) {
  testEverywhere(`${bad} in a value reaches its sequence and head and nothing else`, (addon) => {
    const problem = problemOf([5, 18], 2, 6);
    const { qkv, dout } = inputsOf(problem);
    const hidden = 12;
    qkv[(7 * 3 + 2) * hidden + 6] = bad; // token 7 (second sequence), head 1, first element of the value
    const { out } = forward(addon, problem, qkv);
    const dqkv = backward(addon, problem, dout, qkv);
    for (let token = 0; token < 23; token++) {
      for (let c = 0; c < hidden; c++) {
        assert.equal(Number.isFinite(out[token * hidden + c]), !(token >= 5 && c === 6), `out ${token}, ${c}`);
      }
      for (let c = 0; c < 6; c++) assert.ok(Number.isFinite(dqkv[token * 3 * hidden + c]));
      assert.equal(Number.isFinite(dqkv[token * 3 * hidden + 6]), token < 5, `dquery of token ${token}`);
    }
  });

  testEverywhere(`${bad} in a query makes the whole row NaN`, (addon) => {
    const problem = problemOf([20], 1, 6);
    const { qkv } = inputsOf(problem);
    qkv[3 * 18] = bad;
    const { out, lse } = forward(addon, problem, qkv);
    for (let token = 0; token < 20; token++) {
      for (let c = 0; c < 6; c++) assert.equal(Number.isNaN(out[token * 6 + c]), token === 3, `out ${token}, ${c}`);
      assert.equal(Number.isNaN(lse[token]), token === 3, `lse ${token}`);
    }
  });
}

testAddon('attention of no tokens does nothing', (addon) => {
  const none = new Float32Array(0);
  addon.attentionForward(none, new Int32Array(1), none, none, 0, 2, 8, 0, 0);
  addon.attentionBackward(none, none, none, none, new Int32Array(1), none, 0, 2, 8, 0, 0);
});

testAddon('attention refuses what does not fit, by name', (addon) => {
  const call = (changes: { cu?: Int32Array; qkv?: Float32Array; heads?: number; headDim?: number; rate?: number; out?: Float32Array }) => () =>
    addon.attentionForward(
      changes.qkv ?? new Float32Array(3 * 3 * 4), changes.cu ?? Int32Array.of(0, 1, 3), changes.out ?? new Float32Array(3 * 4), new Float32Array(3 * 2),
      3, changes.heads ?? 2, changes.headDim ?? 2, changes.rate ?? 0, 0,
    );
  assert.doesNotThrow(call({}));
  assert.throws(call({ qkv: new Float32Array(35) }), { name: 'RangeError', message: /qkv must have at least 36 elements, found 35/ });
  assert.throws(call({ out: new Float32Array(11) }), { name: 'RangeError', message: /out must have at least 12/ });
  assert.throws(call({ cu: new Int32Array(0) }), { name: 'RangeError', message: /cuSeqlens/ });
  assert.throws(call({ cu: Int32Array.of(1, 3) }), { name: 'RangeError', message: /cuSeqlens\[0\] must be 0, found 1/ });
  assert.throws(call({ cu: Int32Array.of(0, 2, 1, 3) }), { name: 'RangeError', message: /must not fall/ });
  assert.throws(call({ cu: Int32Array.of(0, 4) }), { name: 'RangeError', message: /must end at tokens = 3, found 4/ });
  assert.throws(call({ heads: 0 }), { name: 'RangeError', message: /heads/ });
  assert.throws(call({ headDim: 0 }), { name: 'RangeError', message: /headDim must be 1 or more, found 0/ });
  assert.throws(call({ rate: 1 }), { name: 'RangeError', message: /dropRate/ });
  assert.throws(call({ rate: NaN }), { name: 'RangeError', message: /dropRate/ });
});

/** The rows of `width` numbers at `tokens`. */
function rowsOf(values: Float32Array, width: number, tokens: Int32Array): Float32Array {
  return Float32Array.from(tokens.length * width === 0 ? [] : [...tokens].flatMap((token) => [...values.subarray(token * width, (token + 1) * width)]));
}

for (const [lengths, rows] of [
  [[3, 1, 5], [0, 3, 4, 7]],
  [[0, 5, 0, 9], [13]],
  [[33, 1, 70], []],
  [[130, 2], [...Array(131).keys()]],
  [[150, 40], [1, 2, 77, 149, 150, 188]],
] as const) {
  for (const rate of [0, 0.2]) {
    testOnEveryIsa(`attention of some tokens is attention at these tokens, to the bit: ${rows.length} of lengths ${lengths.join(' ')}, dropout ${rate}`, (addon) => {
      const problem = problemOf(lengths, 3, 17, rate);
      const { cuSeqlens, heads, headDim } = problem;
      const [tokens, hidden, asked] = [tokensOf(problem), heads * headDim, Int32Array.from(rows)];
      const { qkv, dout } = inputsOf(problem);
      // Nothing comes back from the tokens that were not asked for.
      for (let token = 0; token < tokens; token++) if (!asked.includes(token)) dout.fill(0, token * hidden, (token + 1) * hidden);
      const whole = forward(addon, problem, qkv);
      const gradient = backward(addon, problem, dout, qkv);
      const parts = (values: Float32Array, from: number, to: number): Float32Array =>
        Float32Array.from(Array.from({ length: tokens }, (_, t) => [...values.subarray(t * 3 * hidden + from, t * 3 * hidden + to)]).flat());
      const [query, keyValue] = [rowsOf(parts(qkv, 0, hidden), hidden, asked), parts(qkv, hidden, 3 * hidden)];
      const [out, lse, dquery] = [hidden, heads, hidden].map((width) => new Float32Array(asked.length * width).fill(NaN)) as [Float32Array, Float32Array, Float32Array];
      const dkeyValue = new Float32Array(keyValue.length).fill(NaN);
      const dropout = [problem.dropout?.rate ?? 0, problem.dropout?.key ?? 0] as const;
      addon.attentionRowsForward(query, keyValue, asked, cuSeqlens, out, lse, tokens, heads, headDim, ...dropout);
      addon.attentionRowsBackward(rowsOf(dout, hidden, asked), query, keyValue, asked, out, lse, cuSeqlens, dquery, dkeyValue, tokens, heads, headDim, ...dropout);
      // Sums of zeros may differ in their sign, which == does not see.
      const same = (name: string, actual: Float32Array, expected: Float32Array): void => {
        assert.equal(actual.length, expected.length, name);
        assert.deepEqual(actual.map((value) => value + 0), expected.map((value) => value + 0), name);
      };
      same('out', out, rowsOf(whole.out, hidden, asked));
      same('lse', lse, rowsOf(whole.lse, heads, asked));
      same('dquery', dquery, rowsOf(parts(gradient, 0, hidden), hidden, asked));
      same('dkeyValue', dkeyValue, parts(gradient, hidden, 3 * hidden));
    });
  }
}

testAddon('attention of some tokens refuses tokens that are not in order, twice there or none', (addon) => {
  const arrays = (count: number): [Float32Array, Float32Array] => [new Float32Array(count * 4), new Float32Array(5 * 8)];
  for (const [rows, message] of [
    [[1, 0], /rows\[1\] = 0 must be one of the 5 tokens and above the row before it/],
    [[2, 2], /rows\[1\] = 2/],
    [[5], /rows\[0\] = 5/],
    [[-1], /rows\[0\] = -1/],
  ] as const) {
    const [query, keyValue] = arrays(rows.length);
    assert.throws(
      () => addon.attentionRowsForward(query, keyValue, Int32Array.from(rows), Int32Array.of(0, 5), new Float32Array(query.length), new Float32Array(rows.length * 2), 5, 2, 2, 0, 0),
      (error) => error instanceof RangeError && message.test(error.message),
    );
  }
});
