/** In float32 every function of the addon gives the same bits for any number of threads and on every instruction set with fused multiply-add. */
import assert from 'node:assert/strict';
import { Random } from '../data/random.js';
import type { ActivationCode, NativeAddon } from './addon.js';
import { randomArray, testAddon } from './testing/addonUnderTest.js';
import { type Argument, legalCalls } from './testing/legalCalls.js';
import { assertReplays } from './testing/replay.js';

type Name = keyof NativeAddon;

/** What computes nothing. */
const settings: readonly Name[] = ['info', 'setThreads', 'setIsa', 'setMatmulPrecision', 'measurePeakGflops', 'allocateBuffer'];

const activations: readonly ActivationCode[] = [0, 1, 2, 3];

/** Results of a random legal call with random numbers in all arrays, outputs included: some are added to. */
function callOnce(addon: NativeAddon, name: Name, args: readonly Argument[], seed: number): Float32Array[] {
  const outputs: Float32Array[] = [];
  let arrays = 0;
  const fill = (length: number, output: boolean): Float32Array => {
    const array = randomArray(length, seed * 100 + arrays++, 2);
    if (output) outputs.push(array);
    return array;
  };
  const values = args.map((argument) => {
    switch (argument.kind) {
      case 'floats': return argument.length < 0 ? null : fill(argument.length, argument.output);
      case 'ints': return Int32Array.from(argument.values);
      case 'list': return argument.lengths.map((length) => fill(length, argument.output));
      default: return argument.value;
    }
  });
  const result = (addon[name] as (...given: unknown[]) => unknown)(...values);
  return typeof result === 'number' ? [new Float32Array(Float64Array.of(result).buffer)] : outputs;
}

testAddon('small shapes: 20 random calls of every function that computes', (addon) => {
  const builders = legalCalls(addon.info().available);
  assert.deepEqual(Object.keys(addon).sort(), Object.keys(builders).sort());
  for (const name of Object.keys(builders) as Name[]) {
    if (settings.includes(name)) continue;
    for (let seed = 1; seed <= 20; seed++) {
      const args = builders[name](new Random(seed));
      assertReplays(addon, `${name} (seed ${seed})`, () => callOnce(addon, name, args, seed));
    }
  }
});

/** Fresh outputs of these lengths for one call; gives them back. */
function into(lengths: readonly number[], call: (...outputs: Float32Array[]) => void): Float32Array[] {
  const outputs = lengths.map((length, i) => randomArray(length, 900 + i));
  call(...outputs);
  return outputs;
}

// Edges of tiles, one block of k and several, outputs cut along k, and enough work for every way of sharing it out.
const shapes: readonly (readonly [m: number, n: number, k: number])[] = [[1, 1, 1], [17, 31, 33], [33, 17, 700], [97, 129, 1031], [201, 257, 515], [31, 45, 4099], [700, 33, 65]];

testAddon('matrix products of every layout, plain and added to', (addon) => {
  for (const [m, n, k] of shapes) {
    const [a, b] = [randomArray(m * k, 1), randomArray(n * k, 2)];
    for (const [transA, transB, accumulate] of [[false, false, false], [true, false, true], [false, true, true], [true, true, false]] as const) {
      assertReplays(addon, `gemm ${m} ${n} ${k} ${transA} ${transB}`, () => into([m * n], (out) => addon.gemm(transA, transB, m, n, k, a, b, out as Float32Array, accumulate)));
    }
  }
});

testAddon('linear layers, their activations and gradients', (addon) => {
  for (const [m, n, k] of shapes) {
    const [x, dy, weight, bias] = [randomArray(m * k, 1, 3), randomArray(m * n, 2), randomArray(n * k, 3), randomArray(n, 4)] as const;
    const what = `${m} ${n} ${k}`;
    assertReplays(addon, `linearBackward ${what}`, () => into([m * k, n * k, n], (...d) => addon.linearBackward(dy, x, weight, ...(d as [Float32Array, Float32Array, Float32Array]), m, n, k)));
    const activation = activations[(m + n + k) % 4] as ActivationCode;
    assertReplays(addon, `linearActivation ${what} ${activation}`, () => {
      const [pre, y] = [new Float32Array(m * n), new Float32Array(m * n)];
      addon.linearActivationForward(x, weight, bias, pre, y, m, n, k, activation);
      return [y, ...into([m * k, n * k, n], (...d) => addon.linearActivationBackward(dy, pre, x, weight, ...(d as [Float32Array, Float32Array, Float32Array]), m, n, k, activation))];
    });
  }
});

testAddon('feed-forward blocks and the three projections of attention', (addon) => {
  for (const [m, hidden, inner] of [[1, 33, 17], [33, 31, 127], [201, 64, 257], [700, 31, 100]] as const) {
    const weights = [randomArray(inner * hidden, 1), randomArray(inner, 2), randomArray(hidden * inner, 3), randomArray(hidden, 4)] as const;
    const [x, dy] = [randomArray(m * hidden, 5, 2), randomArray(m * hidden, 6)] as const;
    const lengths = [m * hidden, inner * hidden, inner, hidden * inner, hidden];
    for (const activation of activations) {
      assertReplays(addon, `feedForward ${m} ${hidden} ${inner} ${activation}`, () => {
        const [pre, y] = [new Float32Array(m * inner), new Float32Array(m * hidden)];
        addon.feedForwardForward(x, ...weights, pre, y, m, hidden, inner, activation);
        const gradients = into(lengths, (...d) => addon.feedForwardBackward(dy, x, pre, weights[0], weights[2], ...(d as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array]), m, hidden, inner, activation, false));
        return [y, pre, ...gradients];
      });
    }
    const square = hidden * hidden;
    const [wq, wk, wv] = [randomArray(square, 7), randomArray(square, 8), randomArray(square, 9)];
    assertReplays(addon, `qkv ${m} ${hidden}`, () => {
      const [qkv] = into([3 * m * hidden], (out) => addon.qkvForward(x, wq, weights[3], wk, weights[3], wv, weights[3], out as Float32Array, m, hidden)) as [Float32Array];
      const gradients = into([m * hidden, square, hidden, square, hidden, square, hidden], (...d) => {
        addon.qkvBackward(qkv, x, wq, wk, wv, ...(d as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array]), m, hidden, false);
      });
      return [qkv, ...gradients];
    });
  }
});

testAddon('the masked-language-model loss and its gradients', (addon) => {
  for (const [m, hidden, vocab] of [[1, 17, 33], [77, 31, 1031], [101, 64, 2053]] as const) {
    const [h, table, bias] = [randomArray(m * hidden, 1, 2), randomArray(vocab * hidden, 2, 0.5), randomArray(vocab, 3)];
    const labels = Int32Array.from({ length: m }, (_, i) => (i * 7919) % vocab);
    assertReplays(addon, `mlmCrossEntropy ${m} ${hidden} ${vocab}`, () => into([2, m * hidden, vocab * hidden, vocab], (stats, ...d) => {
      addon.mlmCrossEntropy(h, table, bias, labels, stats as Float32Array, ...(d as [Float32Array, Float32Array, Float32Array]), m, hidden, vocab, 1 / m);
    }));
  }
});

testAddon('attention over sequences short and long', (addon) => {
  for (const [heads, headDim, lengths] of [[3, 17, [1, 33, 0, 31, 17]], [2, 64, [130, 5]], [5, 32, [64, 67]], [1, 31, [577]]] as const) {
    const cuSeqlens = Int32Array.from({ length: lengths.length + 1 }, (_, i) => lengths.slice(0, i).reduce((sum: number, length) => sum + length, 0));
    const tokens = cuSeqlens.at(-1) as number;
    const count = tokens * heads * headDim;
    const [qkv, dout] = [randomArray(3 * count, 1, 2), randomArray(count, 2)];
    for (const rate of [0, 0.2]) {
      assertReplays(addon, `attention of ${heads} x ${headDim}, dropout ${rate}`, () => {
        const [out, lse] = into([count, tokens * heads], (o, l) => addon.attentionForward(qkv, cuSeqlens, o as Float32Array, l as Float32Array, tokens, heads, headDim, rate, 7)) as [Float32Array, Float32Array];
        return [out, lse, ...into([3 * count], (dqkv) => addon.attentionBackward(dout, qkv, out, lse, cuSeqlens, dqkv as Float32Array, tokens, heads, headDim, rate, 7))];
      });
    }
  }
});

testAddon('layer norm, with and without residual and dropout', (addon) => {
  for (const [rows, cols] of [[1, 1], [33, 31], [31, 257], [1501, 48], [5, 4099]] as const) {
    const [x, residual, gamma, beta, dy] = [randomArray(rows * cols, 1, 5), randomArray(rows * cols, 2), randomArray(cols, 3), randomArray(cols, 4), randomArray(rows * cols, 5)] as const;
    for (const rate of [0, 0.3]) {
      const given = rate === 0 ? null : residual;
      assertReplays(addon, `layerNorm ${rows} ${cols} ${rate}`, () => {
        const [y, xhat, rstd] = into([rows * cols, rows * cols, rows], (...out) => addon.layerNormForward(x, given, gamma, beta, ...(out as [Float32Array, Float32Array, Float32Array]), rows, cols, 1e-12, rate, 7)) as [Float32Array, Float32Array, Float32Array];
        return [y, xhat, rstd, ...into([rows * cols, rows * cols, cols, cols], (...d) => addon.layerNormBackward(dy, xhat, rstd, gamma, ...(d as [Float32Array, Float32Array, Float32Array, Float32Array]), rows, cols, rate, 7))];
      });
    }
  }
});

testAddon('reductions, softmax, elementary functions and rows', (addon) => {
  for (const [outer, mid, inner] of [[1, 1, 1], [1, 100_003, 1], [33, 1031, 1], [3, 517, 31], [1, 5003, 17]] as const) {
    const x = randomArray(outer * mid * inner, 1, 9);
    for (const code of [0, 1, 2, 3]) assertReplays(addon, `reduce ${code} ${outer} ${mid} ${inner}`, () => into([outer * inner], (out) => addon.reduce(code, x, out as Float32Array, outer, mid, inner)));
    assertReplays(addon, `softmax ${outer} ${mid * inner}`, () => into([x.length], (y) => addon.softmax(x, y as Float32Array, outer, mid * inner)));
    for (let code = 0; code < 12; code++) assertReplays(addon, `unary ${code} ${x.length}`, () => into([x.length], (out) => addon.unary(code, x, out as Float32Array, x.length)));
  }
  const [count, hidden] = [5003, 33];
  const dy = randomArray(count * hidden, 2);
  for (const numRows of [2, 1031]) {
    const rows = Int32Array.from({ length: count }, (_, i) => (i * 7919) % numRows);
    assertReplays(addon, `scatterAddRows ${numRows}`, () => into([numRows * hidden], (out) => addon.scatterAddRows(dy, rows, out as Float32Array, count, hidden, numRows)));
  }
});

testAddon('the norm of the gradients and the optimizer step', (addon) => {
  const lengths = [1, 0, 33, 16_417, 100_003];
  const arrays = (seed: number): Float32Array[] => lengths.map((length, i) => randomArray(length, seed + i));
  const grads = arrays(10);
  const decay = randomArray(lengths.length, 1).map(Math.abs);
  assertReplays(addon, 'sumOfSquares', () => [new Float32Array(Float64Array.of(addon.sumOfSquares(grads)).buffer)]);
  assertReplays(addon, 'adamwUpdate', () => {
    const [params, ms, vs] = [arrays(20), arrays(30), arrays(40).map((array) => array.map(Math.abs))] as const;
    for (let step = 1; step <= 3; step++) addon.adamwUpdate(params, grads, ms, vs, decay, decay, 1e-2, 0.9, 0.999, 1e-8, 1 - 0.9 ** step, 1 - 0.999 ** step, 0.7);
    return [...params, ...ms, ...vs];
  });
});
