/**
 * Where a NaN or an infinity in one element of an input of the fused kernels has to show: an oracle that needs no numbers.
 * For nonFiniteReach.test.ts.
 */
import type { ActivationCode, NativeAddon } from '../addon.js';
import { randomArray } from './addonUnderTest.js';

/** Whether element `index` of output `output` depends on the spoilt element. */
type Reach = (output: number, index: number) => boolean;

interface Input {
  readonly length: number;
  /** Where an element of this input gets to. */
  readonly reach: (element: number) => Reach;
  /** Infinity makes outputs infinite or NaN as well; false where it may end in a number, as exp(-Infinity) does. */
  readonly infinity: boolean;
}

export interface Case {
  readonly name: string;
  readonly inputs: readonly Input[];
  readonly run: (addon: NativeAddon, inputs: readonly Float32Array[]) => readonly Float32Array[];
}

const input = (length: number, reach: (element: number) => Reach, infinity = true): Input => ({ length, reach, infinity });
const make = (length: number): Float32Array => new Float32Array(length).fill(-7);
const all: Reach = () => true;

/** More than one tile of every instruction set, with a rest. */
const [m, n, k] = [13, 69, 19];
const row = (width: number) => (index: number): number => Math.floor(index / width);
const column = (width: number) => (index: number): number => index % width;

export function linearCase(): Case {
  return {
    name: 'linearForward',
    inputs: [
      input(m * k, (e) => (_, at) => row(n)(at) === row(k)(e)),
      input(n * k, (e) => (_, at) => column(n)(at) === row(k)(e)),
      input(n, (e) => (_, at) => column(n)(at) === e),
    ],
    run: (addon, [x, w, b]) => {
      const y = make(m * n);
      addon.linearForward(x as Float32Array, w as Float32Array, b as Float32Array, y, m, n, k);
      return [y];
    },
  };
}

export function linearBackwardCase(): Case {
  return {
    name: 'linearBackward',
    inputs: [
      // dx, dweight, dbias
      input(m * n, (e) => (output, at) => (output === 0 ? row(k)(at) === row(n)(e) : output === 1 ? row(k)(at) === column(n)(e) : at === column(n)(e))),
      input(m * k, (e) => (output, at) => output === 1 && column(k)(at) === column(k)(e)),
      input(n * k, (e) => (output, at) => output === 0 && column(k)(at) === column(k)(e)),
    ],
    run: (addon, [dy, x, w]) => {
      const [dx, dw, db] = [make(m * k), make(n * k), make(n)];
      addon.linearBackward(dy as Float32Array, x as Float32Array, w as Float32Array, dx, dw, db, m, n, k);
      return [dx, dw, db];
    },
  };
}

function activationCases(activation: ActivationCode): Case[] {
  return [
    {
      name: `linearActivationForward ${activation}`,
      inputs: linearCase().inputs.map(({ length, reach }) => input(length, reach, false)),
      run: (addon, [x, w, b]) => {
        const [pre, y] = [make(m * n), make(m * n)];
        addon.linearActivationForward(x as Float32Array, w as Float32Array, b as Float32Array, pre, y, m, n, k, activation);
        return [pre, y];
      },
    },
    {
      name: `linearActivationBackward ${activation}`,
      inputs: [0, 0].map(() => input(m * n, linearBackwardCase().inputs[0]?.reach as (element: number) => Reach, false)),
      run: (addon, [dy, pre]) => {
        const [dx, dw, db] = [make(m * k), make(n * k), make(n)];
        addon.linearActivationBackward(dy as Float32Array, pre as Float32Array, randomArray(m * k, 8), randomArray(n * k, 9), dx, dw, db, m, n, k, activation);
        return [dx, dw, db];
      },
    },
    {
      name: `feedForwardForward ${activation}`,
      // The wide layer has n units, the narrow one k; a spoilt unit of the wide layer reaches its whole row.
      inputs: [
        input(m * k, (e) => (output, at) => (output === 0 ? row(n)(at) : row(k)(at)) === row(k)(e), false),
        input(n * k, (e) => (output, at) => output === 1 || column(n)(at) === row(k)(e), false),
        input(n, (e) => (output, at) => output === 1 || column(n)(at) === e, false),
        input(k * n, (e) => (output, at) => output === 1 && column(k)(at) === row(n)(e), false),
        input(k, (e) => (output, at) => output === 1 && column(k)(at) === e, false),
      ],
      run: (addon, [x, w1, b1, w2, b2]) => {
        const [pre, y] = [make(m * n), make(m * k)];
        addon.feedForwardForward(x as Float32Array, w1 as Float32Array, b1 as Float32Array, w2 as Float32Array, b2 as Float32Array, pre, y, m, k, n, activation);
        return [pre, y];
      },
    },
    {
      name: `feedForwardBackward ${activation}`,
      // dx [m, k], dw1 [n, k], db1 [n], dw2 [k, n], db2 [k]
      inputs: [
        input(m * k, (e) => (output, at) => (output === 0 ? row(k)(at) === row(k)(e) : output === 1 || output === 2 ? true : output === 3 ? row(n)(at) === column(k)(e) : at === column(k)(e)), false),
        input(m * k, (e) => (output, at) => output === 1 && column(k)(at) === column(k)(e), false),
        input(m * n, (e) => (output, at) => {
          const [i, unit] = [row(n)(e), column(n)(e)];
          return output === 0 ? row(k)(at) === i : output === 1 ? row(k)(at) === unit : output === 2 ? at === unit : output === 3 ? column(n)(at) === unit : false;
        }, false),
        input(n * k, (e) => (output, at) => output === 0 && column(k)(at) === column(k)(e), false),
      ],
      run: (addon, [dy, x, pre, w1]) => {
        const [dx, dw1, db1, dw2, db2] = [make(m * k), make(n * k), make(n), make(k * n), make(k)];
        addon.feedForwardBackward(dy as Float32Array, x as Float32Array, pre as Float32Array, w1 as Float32Array, randomArray(k * n, 9), dx, dw1, db1, dw2, db2, m, k, n, activation, false);
        return [dx, dw1, db1, dw2, db2];
      },
    },
  ];
}

export function qkvCases(): Case[] {
  const [tokens, hidden] = [7, 18];
  const part = (at: number): number => Math.floor(column(3 * hidden)(at) / hidden);
  const within = (at: number): number => column(hidden)(at);
  const weights = [0, 1, 2].flatMap((p) => [
    input(hidden * hidden, (e) => (_, at) => part(at) === p && within(at) === row(hidden)(e)),
    input(hidden, (e) => (_, at) => part(at) === p && within(at) === e),
  ]);
  return [
    {
      name: 'qkvForward',
      inputs: [input(tokens * hidden, (e) => (_, at) => row(3 * hidden)(at) === row(hidden)(e)), ...weights],
      run: (addon, [x, wq, bq, wk, bk, wv, bv]) => {
        const qkv = make(tokens * 3 * hidden);
        addon.qkvForward(x as Float32Array, wq as Float32Array, bq as Float32Array, wk as Float32Array, bk as Float32Array, wv as Float32Array, bv as Float32Array, qkv, tokens, hidden);
        return [qkv];
      },
    },
    {
      name: 'qkvBackward',
      // dx, then weight and bias of each part
      inputs: [
        input(tokens * 3 * hidden, (e) => (output, at) => {
          if (output === 0) return row(hidden)(at) === row(3 * hidden)(e);
          return Math.floor((output - 1) / 2) === part(e) && (output % 2 === 1 ? row(hidden)(at) : at) === within(e);
        }),
        input(tokens * hidden, (e) => (output, at) => output % 2 === 1 && column(hidden)(at) === column(hidden)(e)),
      ],
      run: (addon, [dqkv, x]) => {
        const [dx, dwq, dbq, dwk, dbk, dwv, dbv] = [tokens, hidden, 1, hidden, 1, hidden, 1].map((rows) => make(rows * hidden)) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
        const [wq, wk, wv] = [5, 6, 7].map((seed) => randomArray(hidden * hidden, seed)) as [Float32Array, Float32Array, Float32Array];
        addon.qkvBackward(dqkv as Float32Array, x as Float32Array, wq, wk, wv, dx, dwq, dbq, dwk, dbk, dwv, dbv, tokens, hidden, false);
        return [dx, dwq, dbq, dwk, dbk, dwv, dbv];
      },
    },
  ];
}

function attentionCases(): Case[] {
  const [heads, headDim, cuSeqlens, rows] = [2, 11, Int32Array.of(0, 3, 22, 23), Int32Array.of(1, 4, 5, 22)];
  const [tokens, hidden] = [23, heads * headDim];
  const sequenceOf = (token: number): number => cuSeqlens.findLastIndex((start) => start <= token);
  const head = (at: number): number => Math.floor(column(hidden)(at) / headDim);
  const split = (e: number): { token: number; part: number; at: number } => ({ token: row(3 * hidden)(e), part: Math.floor(column(3 * hidden)(e) / hidden), at: column(hidden)(e) });
  const forward = (addon: NativeAddon, qkv: Float32Array): [Float32Array, Float32Array] => {
    const [out, lse] = [make(tokens * hidden), make(tokens * heads)];
    addon.attentionForward(qkv, cuSeqlens, out, lse, tokens, heads, headDim, 0, 0);
    return [out, lse];
  };
  return [
    {
      name: 'attentionForward',
      inputs: [
        input(tokens * 3 * hidden, (e) => (output, at) => {
          const spoilt = split(e);
          const token = output === 0 ? row(hidden)(at) : row(heads)(at);
          if ((output === 0 ? head(at) : column(heads)(at)) !== head(spoilt.at) || sequenceOf(token) !== sequenceOf(spoilt.token)) return false;
          // A query is its token's, a key every query's, a value's element every query's element but in no score.
          return spoilt.part === 0 ? token === spoilt.token : spoilt.part === 1 || (output === 0 && column(hidden)(at) === spoilt.at);
        }, false),
      ],
      run: (addon, [qkv]) => forward(addon, qkv as Float32Array),
    },
    {
      name: 'attentionBackward',
      // Of dout: the gradient of its query, and of every key and (in its element) value of the sequence.
      inputs: [
        input(tokens * hidden, (e) => (_, at) => {
          const target = split(at);
          if (head(target.at) !== head(e % hidden) || sequenceOf(target.token) !== sequenceOf(row(hidden)(e))) return false;
          return target.part === 0 ? target.token === row(hidden)(e) : target.part === 1 || target.at === column(hidden)(e);
        }),
      ],
      run: (addon, [dout]) => {
        const qkv = randomArray(tokens * 3 * hidden, 9);
        const [out, lse] = forward(addon, qkv);
        const dqkv = make(tokens * 3 * hidden);
        addon.attentionBackward(dout as Float32Array, qkv, out, lse, cuSeqlens, dqkv, tokens, heads, headDim, 0, 0);
        return [dqkv];
      },
    },
    {
      name: 'attentionRowsForward',
      inputs: [
        input(rows.length * hidden, (e) => (output, at) => (output === 0 ? row(hidden)(at) : row(heads)(at)) === row(hidden)(e) && (output === 0 ? head(at) : column(heads)(at)) === head(e % hidden), false),
      ],
      run: (addon, [query]) => {
        const [out, lse] = [make(rows.length * hidden), make(rows.length * heads)];
        addon.attentionRowsForward(query as Float32Array, randomArray(tokens * 2 * hidden, 10), rows, cuSeqlens, out, lse, tokens, heads, headDim, 0, 0);
        return [out, lse];
      },
    },
  ];
}

function rowCases(): Case[] {
  const [rows, cols] = [6, 37];
  const ids = Int32Array.of(3, 0, 3, 1, 5, 0);
  const sameRow = (e: number): Reach => (output, at) => (output === 1 ? at : row(cols)(at)) === row(cols)(e);
  return [
    {
      name: 'layerNormForward',
      inputs: [input(rows * cols, sameRow), input(rows * cols, sameRow), input(cols, (e) => (output, at) => output === 0 && column(cols)(at) === e), input(cols, (e) => (output, at) => output === 0 && column(cols)(at) === e)],
      run: (addon, [x, residual, gamma, beta]) => {
        const [y, rstd] = [make(rows * cols), make(rows)];
        addon.layerNormForward(x as Float32Array, residual as Float32Array, gamma as Float32Array, beta as Float32Array, y, null, rstd, rows, cols, 1e-5, 0, 0);
        return [y, rstd];
      },
    },
    {
      name: 'layerNormBackward',
      // dx, dgamma, dbeta
      inputs: [
        input(rows * cols, (e) => (output, at) => (output === 0 ? row(cols)(at) === row(cols)(e) : at === column(cols)(e))),
        input(rows * cols, (e) => (output, at) => (output === 0 ? row(cols)(at) === row(cols)(e) : output === 1 && at === column(cols)(e))),
        input(rows, (e) => (output, at) => output === 0 && row(cols)(at) === e),
        input(cols, () => (output) => output === 0),
      ],
      run: (addon, [dy, xhat, rstd, gamma]) => {
        const [dx, dgamma, dbeta] = [make(rows * cols), make(cols), make(cols)];
        addon.layerNormBackward(dy as Float32Array, xhat as Float32Array, rstd as Float32Array, gamma as Float32Array, dx, null, dgamma, dbeta, rows, cols, 0, 0);
        return [dx, dgamma, dbeta];
      },
    },
    { name: 'dropout that drops nothing', inputs: [input(rows * cols, (e) => (_, at) => at === e)], run: (addon, [x]) => { const y = make(rows * cols); addon.dropout(x as Float32Array, y, rows, cols, 0, 3); return [y]; } },
    {
      name: 'embeddingForward',
      inputs: [0, 1, 2].map(() => input(rows * cols, (e) => (_, at) => ids[row(cols)(at)] === row(cols)(e) && column(cols)(at) === column(cols)(e))),
      run: (addon, [word, position, type]) => { const y = make(rows * cols); addon.embeddingForward(word as Float32Array, position as Float32Array, type as Float32Array, ids, ids, ids, y, rows, cols); return [y]; },
    },
    {
      name: 'gatherRows',
      inputs: [input(rows * cols, (e) => (_, at) => ids[row(cols)(at)] === row(cols)(e) && column(cols)(at) === column(cols)(e))],
      run: (addon, [x]) => { const y = make(rows * cols); addon.gatherRows(x as Float32Array, ids, y, rows, cols); return [y]; },
    },
    ...[6, 100].map((numRows): Case => ({
      name: `scatterAddRows into ${numRows} rows`,
      inputs: [input(rows * cols, (e) => (_, at) => row(cols)(at) === ids[row(cols)(e)] && column(cols)(at) === column(cols)(e))],
      run: (addon, [dy]) => { const out = make(numRows * cols); addon.scatterAddRows(dy as Float32Array, ids, out, rows, cols, numRows); return [out]; },
    })),
    {
      name: 'segmentSum',
      inputs: [input(rows * cols, (e) => (_, at) => row(cols)(at) === ids[row(cols)(e)] && column(cols)(at) === column(cols)(e))],
      run: (addon, [x]) => { const out = make(rows * cols); addon.segmentSum(x as Float32Array, ids, out, rows, cols, rows); return [out]; },
    },
    { name: 'softmax', inputs: [input(rows * cols, (e) => (_, at) => row(cols)(at) === row(cols)(e))], run: (addon, [x]) => { const y = make(rows * cols); addon.softmax(x as Float32Array, y, rows, cols); return [y]; } },
  ];
}

function headCase(): Case {
  const [rows, hidden, vocab] = [5, 19, 41];
  // stats, dh, dtable, dbias; the gradient of the tables takes every row's probabilities. The count of right rows stays a number.
  return {
    name: 'mlmCrossEntropy',
    inputs: [
      input(rows * hidden, (e) => (output, at) => (output === 0 ? at === 0 : output !== 1 || row(hidden)(at) === row(hidden)(e)), false),
      input(vocab * hidden, () => (output, at) => output !== 0 || at === 0, false),
      input(vocab, () => (output, at) => output !== 0 || at === 0, false),
    ],
    run: (addon, [h, table, bias]) => {
      const [stats, dh, dtable, dbias] = [make(2), make(rows * hidden), make(vocab * hidden), make(vocab)];
      addon.mlmCrossEntropy(h as Float32Array, table as Float32Array, bias as Float32Array, Int32Array.of(40, 3, 17, 0, 3), stats, dh, dtable, dbias, rows, hidden, vocab, 0.2);
      // A spoilt row is never right; the others' count is compared by itself.
      return [stats.subarray(0, 1), dh, dtable, dbias];
    },
  };
}

function optimizerCase(): Case {
  const count = 37;
  const own = (outputs: readonly number[]) => (e: number): Reach => (output, at) => outputs.includes(output) && at === e;
  return {
    name: 'adamwUpdate',
    // p, m, v
    inputs: [input(count, own([0])), input(count, own([0, 1, 2])), input(count, own([0, 1])), input(count, own([0, 2]), false)],
    run: (addon, [p, g, momentum, square]) => {
      const [p2, m2, v2] = [p, momentum, square].map((array) => (array as Float32Array).slice()) as [Float32Array, Float32Array, Float32Array];
      v2.forEach((value, i) => { v2[i] = Math.abs(value) + 0.1; });
      addon.adamwUpdate([p2], [g as Float32Array], [m2], [v2], Float32Array.of(0.01), Float32Array.of(1), 0.1, 0.9, 0.99, 1e-8, 0.1, 0.01, 1);
      return [p2, m2, v2];
    },
  };
}

export const reachCases: readonly Case[] = [
  linearCase(), linearBackwardCase(), ...([0, 1, 2, 3] as const).flatMap(activationCases), ...qkvCases(), ...attentionCases(), ...rowCases(), headCase(), optimizerCase(),
  // Each gradient alone may cancel nothing, so the sum of all is not finite either.
  { name: 'sumOfSquares', inputs: [input(37, () => all), input(501, () => all)], run: (addon, [a, b]) => [Float32Array.of(addon.sumOfSquares([a as Float32Array, b as Float32Array]))] },
];
