/** A random legal call of every function of the addon, argument by argument: what misuseProgram.ts spoils. */
import type { Random } from '../../data/random.js';
import type { NativeAddon } from '../addon.js';

export type Argument =
  /** A Float32Array. `loose`: its length is a limit of indices, so that a shorter one may do. */
  | { readonly kind: 'floats'; readonly name: string; readonly length: number; readonly output: boolean; readonly optional: boolean; readonly loose: boolean }
  /** An Int32Array; `bad` are elements that are refused at any place, if there are any. */
  | { readonly kind: 'ints'; readonly name: string; readonly values: readonly number[]; readonly bad: readonly number[] }
  /** An array of Float32Arrays; `exact`: with other lengths the call is refused. */
  | { readonly kind: 'list'; readonly name: string; readonly lengths: readonly number[]; readonly output: boolean; readonly exact: boolean }
  /** `bad` are numbers that are refused. */
  | { readonly kind: 'number'; readonly name: string; readonly value: number; readonly bad: readonly number[] }
  | { readonly kind: 'boolean'; readonly name: string; readonly value: boolean }
  | { readonly kind: 'string'; readonly name: string; readonly value: string };

const notSizes = [-1, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 31), 1e300];
const notKeys = notSizes.filter((value) => value !== 2 ** 31);
const notRates = [-0.1, 1, 7, Number.NaN, Infinity, -Infinity];

const input = (name: string, length: number): Argument => ({ kind: 'floats', name, length, output: false, optional: false, loose: false });
const table = (name: string, length: number): Argument => ({ kind: 'floats', name, length, output: false, optional: false, loose: true });
const output = (name: string, length: number): Argument => ({ kind: 'floats', name, length, output: true, optional: false, loose: false });
const size = (name: string, value: number): Argument => ({ kind: 'number', name, value, bad: notSizes });
const key = (value: number): Argument => ({ kind: 'number', name: 'dropKey', value, bad: notKeys });
const rate = (value: number): Argument => ({ kind: 'number', name: 'dropRate', value, bad: notRates });
const real = (name: string, value: number): Argument => ({ kind: 'number', name, value, bad: [] });
const code = (name: string, value: number, codes: number): Argument => ({ kind: 'number', name, value, bad: [...notSizes, codes, codes + 1] });
const boolean = (name: string, value: boolean): Argument => ({ kind: 'boolean', name, value });
const string = (name: string, value: string): Argument => ({ kind: 'string', name, value });
const list = (name: string, lengths: readonly number[], output: boolean, exact: boolean): Argument => ({ kind: 'list', name, lengths, output, exact });

/** Chooses sizes, indices and whether optional arguments are there. */
class Choices {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  upTo(most: number, least = 1): number {
    return least + this.#random.integer(most - least + 1);
  }

  get coin(): boolean {
    return this.#random.integer(2) === 0;
  }

  maybe(name: string, length: number, isOutput: boolean, given = this.coin): Argument {
    return given ? { kind: 'floats', name, length, output: isOutput, optional: true, loose: false } : { kind: 'floats', name, length: -1, output: isOutput, optional: true, loose: false };
  }

  indices(name: string, count: number, limit: number, refused = true): Argument {
    return { kind: 'ints', name, values: Array.from({ length: count }, () => this.#random.integer(limit)), bad: refused ? [-1, limit, 2 ** 31 - 1, -(2 ** 31)] : [] };
  }

  /** Some of the tokens, in ascending order. */
  someOf(tokens: number): { readonly argument: Argument; readonly length: number } {
    const values = Array.from({ length: tokens }, (_, i) => i).filter(() => this.coin);
    return { argument: { kind: 'ints', name: 'rows', values, bad: [-1, tokens, 2 ** 31 - 1, -(2 ** 31)] }, length: values.length };
  }

  sequences(tokens: number): Argument {
    const inner = Array.from({ length: this.upTo(3, 0) }, () => this.#random.integer(tokens + 1)).sort((a, b) => a - b);
    // Below zero, or above the last: refused wherever they stand.
    return { kind: 'ints', name: 'cuSeqlens', values: [0, ...inner, tokens], bad: [-1, tokens + 1, 2 ** 31 - 1, -(2 ** 31)] };
  }
}

/** Dimensions of a walk and strides of a contiguous operand. */
function walk(choose: Choices): { readonly dims: Argument; readonly strides: (name: string) => Argument; readonly count: number } {
  const dims = Array.from({ length: choose.upTo(4) }, () => choose.upTo(5));
  const strides = dims.map((_, d) => dims.slice(d + 1).reduce((product, dim) => product * dim, 1));
  return {
    dims: { kind: 'ints', name: 'dims', values: dims, bad: [0, -1, -(2 ** 31)] },
    strides: (name) => ({ kind: 'ints', name, values: strides, bad: [-1, -(2 ** 31)] }),
    count: dims.reduce((product, dim) => product * dim, 1),
  };
}

export function legalCalls(available: readonly string[]): { readonly [Name in keyof NativeAddon]: (random: Random) => readonly Argument[] } {
  const from = (build: (choose: Choices) => readonly Argument[]) => (random: Random): readonly Argument[] => build(new Choices(random));
  const linearSizes = (m: number, n: number, k: number): Argument[] => [size('m', m), size('n', n), size('k', k)];
  return {
    info: from(() => []),
    setThreads: from((choose) => [{ kind: 'number', name: 'count', value: choose.upTo(3), bad: [0, ...notSizes] }]),
    setIsa: from((choose) => [string('name', available[choose.upTo(available.length) - 1] as string)]),
    setMatmulPrecision: from(() => [string('precision', 'highest')]),
    // The real measurement takes too long to be repeated, so this one is never legal.
    measurePeakGflops: from(() => [string('isa', 'mmx')]),
    gemm: from((choose) => {
      const [m, n, k] = [choose.upTo(20, 0), choose.upTo(20, 0), choose.upTo(20, 0)];
      return [boolean('transA', choose.coin), boolean('transB', choose.coin), ...linearSizes(m, n, k), input('a', m * k), input('b', k * n), output('out', m * n), boolean('accumulate', choose.coin)];
    }),
    linearForward: from((choose) => {
      const [m, n, k] = [choose.upTo(20, 0), choose.upTo(20, 0), choose.upTo(20, 0)];
      return [input('x', m * k), input('weight', n * k), choose.maybe('bias', n, false), output('y', m * n), ...linearSizes(m, n, k)];
    }),
    linearBackward: from((choose) => {
      const [m, n, k] = [choose.upTo(20, 0), choose.upTo(20, 0), choose.upTo(20, 0)];
      return [input('dy', m * n), input('x', m * k), input('weight', n * k), choose.maybe('dx', m * k, true), choose.maybe('dweight', n * k, true), choose.maybe('dbias', n, true), ...linearSizes(m, n, k)];
    }),
    linearActivationForward: from((choose) => {
      const [m, n, k] = [choose.upTo(20, 0), choose.upTo(20, 0), choose.upTo(20, 0)];
      return [input('x', m * k), input('weight', n * k), input('bias', n), choose.maybe('pre', m * n, true), output('y', m * n), ...linearSizes(m, n, k), code('activation', choose.upTo(3, 0), 4)];
    }),
    linearActivationBackward: from((choose) => {
      const [m, n, k] = [choose.upTo(20, 0), choose.upTo(20, 0), choose.upTo(20, 0)];
      return [
        input('dy', m * n), input('pre', m * n), input('x', m * k), input('weight', n * k), choose.maybe('dx', m * k, true), choose.maybe('dweight', n * k, true),
        choose.maybe('dbias', n, true), ...linearSizes(m, n, k), code('activation', choose.upTo(3, 0), 4),
      ];
    }),
    feedForwardForward: from((choose) => {
      const [m, hidden, inner] = [choose.upTo(20, 0), choose.upTo(20, 0), choose.upTo(20, 0)];
      return [
        input('x', m * hidden), input('w1', inner * hidden), input('b1', inner), input('w2', hidden * inner), input('b2', hidden), choose.maybe('pre', m * inner, true),
        output('y', m * hidden), size('m', m), size('hidden', hidden), size('inner', inner), code('activation', choose.upTo(3, 0), 4),
      ];
    }),
    feedForwardBackward: from((choose) => {
      const [m, hidden, inner] = [choose.upTo(20, 0), choose.upTo(20, 0), choose.upTo(20, 0)];
      return [
        input('dy', m * hidden), input('x', m * hidden), output('pre', m * inner), input('w1', inner * hidden), input('w2', hidden * inner), choose.maybe('dx', m * hidden, true),
        output('dw1', inner * hidden), output('db1', inner), output('dw2', hidden * inner), output('db2', hidden),
        size('m', m), size('hidden', hidden), size('inner', inner), code('activation', choose.upTo(3, 0), 4), boolean('accumulate', choose.coin),
      ];
    }),
    qkvForward: from((choose) => {
      const [tokens, hidden, withQuery] = [choose.upTo(9, 0), choose.upTo(17), choose.coin];
      const pairs = ['k', 'v'].flatMap((letter) => [input(`w${letter}`, hidden * hidden), input(`b${letter}`, hidden)]);
      return [
        input('x', tokens * hidden), choose.maybe('wq', hidden * hidden, false, withQuery), choose.maybe('bq', hidden, false, withQuery), ...pairs,
        output('qkv', (withQuery ? 3 : 2) * tokens * hidden), size('tokens', tokens), size('hidden', hidden),
      ];
    }),
    qkvBackward: from((choose) => {
      const [tokens, hidden, withQuery] = [choose.upTo(9, 0), choose.upTo(17), choose.coin];
      const pairs = ['k', 'v'].flatMap((letter) => [output(`dw${letter}`, hidden * hidden), output(`db${letter}`, hidden)]);
      return [
        input('dqkv', (withQuery ? 3 : 2) * tokens * hidden), input('x', tokens * hidden), choose.maybe('wq', hidden * hidden, false, withQuery), input('wk', hidden * hidden),
        input('wv', hidden * hidden), choose.maybe('dx', tokens * hidden, true), choose.maybe('dwq', hidden * hidden, true, withQuery), choose.maybe('dbq', hidden, true, withQuery),
        ...pairs, size('tokens', tokens), size('hidden', hidden), boolean('accumulate', choose.coin),
      ];
    }),
    mlmCrossEntropy: from((choose) => {
      const [m, hidden, vocab, gradient] = [choose.upTo(9, 0), choose.upTo(9), choose.upTo(30), choose.coin];
      return [
        input('h', m * hidden), input('table', vocab * hidden), input('bias', vocab), choose.indices('labels', m, vocab), output('stats', 2),
        choose.maybe('dh', m * hidden, true, gradient), choose.maybe('dtable', vocab * hidden, true, gradient), choose.maybe('dbias', vocab, true, gradient),
        size('m', m), size('hidden', hidden), size('vocab', vocab), real('scale', 0.5),
      ];
    }),
    attentionForward: from((choose) => {
      const [tokens, heads, headDim] = [choose.upTo(30, 0), choose.upTo(3), choose.upTo(9)];
      const hidden = heads * headDim;
      return [
        input('qkv', 3 * tokens * hidden), choose.sequences(tokens), output('out', tokens * hidden), output('lse', tokens * heads),
        size('tokens', tokens), size('heads', heads), size('headDim', headDim), rate(choose.coin ? 0 : 0.3), key(7),
      ];
    }),
    attentionBackward: from((choose) => {
      const [tokens, heads, headDim] = [choose.upTo(30, 0), choose.upTo(3), choose.upTo(9)];
      const hidden = heads * headDim;
      return [
        input('dout', tokens * hidden), input('qkv', 3 * tokens * hidden), input('out', tokens * hidden), input('lse', tokens * heads), choose.sequences(tokens), output('dqkv', 3 * tokens * hidden),
        size('tokens', tokens), size('heads', heads), size('headDim', headDim), rate(choose.coin ? 0 : 0.3), key(2 ** 32 - 1),
      ];
    }),
    attentionRowsForward: from((choose) => {
      const [tokens, heads, headDim] = [choose.upTo(30, 0), choose.upTo(3), choose.upTo(9)];
      const rows = choose.someOf(tokens);
      const [hidden, count] = [heads * headDim, rows.length];
      return [
        input('query', count * hidden), input('keyValue', 2 * tokens * hidden), rows.argument, choose.sequences(tokens), output('out', count * hidden), output('lse', count * heads),
        size('tokens', tokens), size('heads', heads), size('headDim', headDim), rate(choose.coin ? 0 : 0.3), key(7),
      ];
    }),
    attentionRowsBackward: from((choose) => {
      const [tokens, heads, headDim] = [choose.upTo(30, 0), choose.upTo(3), choose.upTo(9)];
      const rows = choose.someOf(tokens);
      const [hidden, count] = [heads * headDim, rows.length];
      return [
        input('dout', count * hidden), input('query', count * hidden), input('keyValue', 2 * tokens * hidden), rows.argument, input('out', count * hidden), input('lse', count * heads),
        choose.sequences(tokens), output('dquery', count * hidden), output('dkeyValue', 2 * tokens * hidden),
        size('tokens', tokens), size('heads', heads), size('headDim', headDim), rate(choose.coin ? 0 : 0.3), key(7),
      ];
    }),
    layerNormForward: from((choose) => {
      const [rows, cols] = [choose.upTo(9, 0), choose.upTo(40)];
      return [
        input('x', rows * cols), choose.maybe('residual', rows * cols, false), input('gamma', cols), input('beta', cols), output('y', rows * cols), choose.maybe('xhat', rows * cols, true),
        output('rstd', rows), size('rows', rows), size('cols', cols), real('epsilon', 1e-5), rate(choose.coin ? 0 : 0.3), key(7),
      ];
    }),
    layerNormBackward: from((choose) => {
      const [rows, cols] = [choose.upTo(40, 0), choose.upTo(40)];
      return [
        input('dy', rows * cols), input('xhat', rows * cols), input('rstd', rows), input('gamma', cols), output('dx', rows * cols), choose.maybe('dresidual', rows * cols, true),
        output('dgamma', cols), output('dbeta', cols), size('rows', rows), size('cols', cols), rate(choose.coin ? 0 : 0.3), key(7),
      ];
    }),
    dropout: from((choose) => {
      const [rows, cols] = [choose.upTo(9, 0), choose.upTo(40, 0)];
      return [input('x', rows * cols), output('y', rows * cols), size('rows', rows), size('cols', cols), rate(0.5), key(7)];
    }),
    embeddingForward: from((choose) => {
      const [tokens, hidden, words] = [choose.upTo(20, 0), choose.upTo(20), choose.upTo(9)];
      return [
        table('word', words * hidden), table('position', 5 * hidden), table('tokenType', 2 * hidden), choose.indices('ids', tokens, words), choose.indices('positions', tokens, 5),
        choose.indices('types', tokens, 2), output('y', tokens * hidden), size('tokens', tokens), size('hidden', hidden),
      ];
    }),
    scatterAddRows: from((choose) => {
      const [count, hidden, rows] = [choose.upTo(20, 0), choose.upTo(20, 0), choose.upTo(100)];
      return [input('dy', count * hidden), choose.indices('rows', count, rows), output('out', rows * hidden), size('count', count), size('hidden', hidden), size('numRows', rows)];
    }),
    gatherRows: from((choose) => {
      const [count, hidden, rows] = [choose.upTo(20, 0), choose.upTo(20), choose.upTo(9)];
      return [table('x', rows * hidden), choose.indices('rows', count, rows), output('y', count * hidden), size('count', count), size('hidden', hidden)];
    }),
    sumOfSquares: from((choose) => [list('arrays', Array.from({ length: choose.upTo(4, 0) }, () => choose.upTo(50, 0)), false, false)]),
    adamwUpdate: from((choose) => {
      const lengths = Array.from({ length: choose.upTo(4) }, () => choose.upTo(50));
      const numbers = ['learningRate', 'beta1', 'beta2', 'epsilon', 'correction1', 'correction2', 'gradScale'].map((name) => real(name, 0.5));
      return [
        list('params', lengths, true, true), list('grads', lengths, false, true), list('ms', lengths, true, true), list('vs', lengths, true, true),
        input('weightDecay', lengths.length), input('lrScale', lengths.length), ...numbers,
      ];
    }),
    allocateBuffer: from((choose) => [{ kind: 'number', name: 'bytes', value: choose.upTo(9000), bad: [0, -1, 0.5, 4.5, Number.NaN, Infinity, -Infinity, 2 ** 60] }]),
    binary: from((choose) => {
      const { dims, strides, count } = walk(choose);
      return [code('code', choose.upTo(6, 0), 7), input('a', count), input('b', count), output('out', count), dims, strides('stridesA'), strides('stridesB')];
    }),
    unary: from((choose) => {
      const count = choose.upTo(100, 0);
      return [code('code', choose.upTo(11, 0), 12), input('x', count), output('out', count), size('count', count)];
    }),
    reduce: from((choose) => {
      const [outer, mid, inner] = [choose.upTo(9, 0), choose.upTo(20), choose.upTo(9, 0)];
      return [code('code', choose.upTo(3, 0), 4), input('x', outer * mid * inner), output('out', outer * inner), size('outer', outer), size('mid', mid), size('inner', inner)];
    }),
    softmax: from((choose) => {
      const [rows, cols] = [choose.upTo(9, 0), choose.upTo(40, 0)];
      return [input('x', rows * cols), output('y', rows * cols), size('rows', rows), size('cols', cols)];
    }),
    copyStrided: from((choose) => {
      const { dims, strides, count } = walk(choose);
      return [input('x', count + 3), output('out', count), size('offset', 3), dims, strides('strides')];
    }),
    concatenate: from((choose) => {
      const outer = choose.upTo(5, 0);
      const widths = Array.from({ length: choose.upTo(4) }, () => choose.upTo(9));
      const total = widths.reduce((sum, width) => sum + width, 0);
      return [
        list('inputs', widths.map((width) => outer * width), false, outer > 0), { kind: 'ints', name: 'widths', values: widths, bad: [-1, -(2 ** 31)] }, output('out', outer * total), size('outer', outer),
      ];
    }),
    gather: from((choose) => {
      const [batch, outer, rows, picks, inner] = [choose.upTo(3), choose.upTo(3, 0), choose.upTo(9), choose.upTo(5, 0), choose.upTo(9, 0)];
      return [
        input('x', batch * outer * rows * inner), choose.indices('indices', batch * picks, rows), output('out', batch * outer * picks * inner),
        size('batch', batch), size('outer', outer), size('size', rows), size('picks', picks), size('inner', inner),
      ];
    }),
    segmentSum: from((choose) => {
      const [count, inner, segments] = [choose.upTo(20, 0), choose.upTo(9, 0), choose.upTo(9)];
      return [input('x', count * inner), choose.indices('ids', count, segments, false), output('out', segments * inner), size('count', count), size('inner', inner), size('segments', segments)];
    }),
  };
}
