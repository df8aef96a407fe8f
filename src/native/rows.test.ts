import assert from 'node:assert/strict';
import { Random } from '../data/random.js';
import { assertThreadsAgree, randomArray, testAddon, testOnEveryIsa } from './testing/addonUnderTest.js';

function randomRows(count: number, limit: number, seed: number): Int32Array {
  const random = new Random(seed, count, limit);
  return Int32Array.from({ length: count }, () => random.integer(limit));
}

/** Sums in float32 and in the order of `rows`, as the kernel must. */
function plainScatter(dy: Float32Array, rows: Int32Array, hidden: number, numRows: number): Float32Array {
  const out = new Float32Array(numRows * hidden);
  rows.forEach((row, i) => {
    for (let j = 0; j < hidden; j++) out[row * hidden + j] = (out[row * hidden + j] as number) + (dy[i * hidden + j] as number);
  });
  return out;
}

for (const [tokens, hidden, vocab] of [[0, 5, 3], [1, 1, 1], [7, 3, 11], [130, 33, 1000], [600, 64, 50]] as const) {
  testOnEveryIsa(`the embedding sum adds the three rows: ${tokens} tokens of ${hidden}`, (addon) => {
    const [word, position, tokenType] = [randomArray(vocab * hidden, 1), randomArray(13 * hidden, 2), randomArray(2 * hidden, 3)];
    const [ids, positions, types] = [randomRows(tokens, vocab, 4), randomRows(tokens, 13, 5), randomRows(tokens, 2, 6)];
    const y = new Float32Array(tokens * hidden).fill(NaN);
    addon.embeddingForward(word, position, tokenType, ids, positions, types, y, tokens, hidden);
    for (let t = 0; t < tokens; t++) {
      for (let j = 0; j < hidden; j++) {
        const expected = [word[(ids[t] as number) * hidden + j], position[(positions[t] as number) * hidden + j], tokenType[(types[t] as number) * hidden + j]] as [number, number, number];
        assert.ok(Math.abs((y[t * hidden + j] as number) - (expected[0] + expected[1] + expected[2])) <= 3e-7, `token ${t}, column ${j}`);
      }
    }
  });
}

for (const [count, hidden, numRows] of [[0, 3, 4], [1, 1, 1], [9, 5, 2], [300, 67, 2], [257, 3, 64], [130, 33, 1000], [513, 20, 30000]] as const) {
  testOnEveryIsa(`gather picks rows and scatter-add sums them in order, into zeros: ${count} of ${numRows} rows of ${hidden}`, (addon) => {
    const rows = randomRows(count, numRows, 1);
    const table = randomArray(numRows * hidden, 2);
    const y = new Float32Array(count * hidden).fill(NaN);
    addon.gatherRows(table, rows, y, count, hidden);
    rows.forEach((row, i) => {
      assert.deepEqual(y.subarray(i * hidden, (i + 1) * hidden), table.subarray(row * hidden, (row + 1) * hidden), `row ${i}`);
    });
    const out = new Float32Array(numRows * hidden).fill(NaN);
    addon.scatterAddRows(y, rows, out, count, hidden, numRows);
    assert.deepEqual(out, plainScatter(y, rows, hidden, numRows));
  });
}

testOnEveryIsa('scatter-add gives the same bits for every thread count, and carries NaN to its row only', (addon) => {
  const [count, hidden] = [700, 129];
  const dy = randomArray(count * hidden, 3);
  dy[5 * hidden + 128] = NaN;
  for (const numRows of [2, 5000]) {
    const rows = randomRows(count, numRows, 4);
    assertThreadsAgree(addon, () => {
      const out = new Float32Array(numRows * hidden);
      addon.scatterAddRows(dy, rows, out, count, hidden, numRows);
      out.forEach((value, i) => {
        assert.equal(Number.isNaN(value), i === (rows[5] as number) * hidden + 128, `element ${i}`);
      });
      return [out];
    });
  }
});

testAddon('row kernels name the index that is out of range', (addon) => {
  const f32 = (length: number) => new Float32Array(length);
  assert.throws(() => addon.embeddingForward(f32(6), f32(6), f32(4), Int32Array.of(0, 3), Int32Array.of(0, 0), Int32Array.of(0, 0), f32(4), 2, 2), {
    name: 'RangeError', message: /ids\[1\] = 3 is outside the 3 rows of word/,
  });
  assert.throws(() => addon.embeddingForward(f32(6), f32(6), f32(4), Int32Array.of(0, 2), Int32Array.of(-1, 0), Int32Array.of(0, 0), f32(4), 2, 2), {
    name: 'RangeError', message: /positions\[0\] = -1 is outside the 3 rows of position/,
  });
  assert.throws(() => addon.embeddingForward(f32(6), f32(6), f32(4), Int32Array.of(0, 2), Int32Array.of(1, 0), Int32Array.of(0, 2), f32(4), 2, 2), {
    name: 'RangeError', message: /types\[1\] = 2 is outside the 2 rows of tokenType/,
  });
  assert.throws(() => addon.gatherRows(f32(6), Int32Array.of(3), f32(2), 1, 2), { name: 'RangeError', message: /rows\[0\] = 3 is outside the 3 rows of x/ });
  assert.throws(() => addon.scatterAddRows(f32(4), Int32Array.of(0, 5), f32(10), 2, 2, 5), { name: 'RangeError', message: /rows\[1\] = 5 is outside the 5 rows of out/ });
  assert.throws(() => addon.gatherRows(f32(6), Int32Array.of(1), f32(1), 1, 2), { name: 'RangeError', message: /y must have at least 2/ });
  assert.throws(() => addon.scatterAddRows(f32(3), Int32Array.of(0, 1), f32(10), 2, 2, 5), { name: 'RangeError', message: /dy must have at least 4/ });
  assert.throws(() => addon.gatherRows(f32(6), Int32Array.of(), f32(6), 3, 2), { name: 'RangeError', message: /rows must have at least 3/ });
});
