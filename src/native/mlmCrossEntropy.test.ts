import assert from 'node:assert/strict';
import type { NativeAddon } from './addon.js';
import { assertCentralDifferences, assertClose, assertThreadsAgree, once, randomArray, testAddon, testOnEveryIsa } from './testing/addonUnderTest.js';
import { plainMlmCrossEntropy } from './testing/plainLinear.js';

interface Inputs {
  readonly h: Float32Array;
  readonly table: Float32Array;
  readonly bias: Float32Array;
  readonly labels: Int32Array;
  readonly hidden: number;
  readonly vocab: number;
  readonly scale: number;
}

function inputsOf(m: number, hidden: number, vocab: number, scale = 1 / Math.max(1, m)): Inputs {
  const labels = Int32Array.from({ length: m }, (_, i) => (i * 7919 + 3) % vocab);
  return { h: randomArray(m * hidden, 51, 1.5), table: randomArray(vocab * hidden, 52), bias: randomArray(vocab, 53), labels, hidden, vocab, scale };
}

function compute(addon: NativeAddon, inputs: Inputs, withGradient = true) {
  const { h, table, bias, labels, hidden, vocab, scale } = inputs;
  const stats = new Float32Array(2).fill(NaN);
  const [dh, dtable, dbias] = [h, table, bias].map((array) => new Float32Array(array.length).fill(NaN)) as [Float32Array, Float32Array, Float32Array];
  const wanted = (output: Float32Array): Float32Array | null => (withGradient ? output : null);
  addon.mlmCrossEntropy(h, table, bias, labels, stats, wanted(dh), wanted(dtable), wanted(dbias), labels.length, hidden, vocab, scale);
  return { loss: stats[0] as number, correct: stats[1] as number, dh, dtable, dbias };
}

const cases: readonly [m: number, hidden: number, vocab: number][] = [
  [1, 1, 1],
  [1, 3, 2],
  [5, 7, 33],
  [37, 20, 1009],
  [131, 9, 517],
];

for (const [m, hidden, vocab] of cases) {
  const inputs = inputsOf(m, hidden, vocab, 0.75);
  const expected = once(() => plainMlmCrossEntropy(inputs.h, inputs.table, inputs.bias, inputs.labels, hidden, vocab, inputs.scale));
  testOnEveryIsa(`loss, correct rows and every gradient equal float64 loops: ${m} rows, hidden ${hidden}, vocabulary ${vocab}`, (addon) => {
    const found = compute(addon, inputs);
    assertClose('loss', [found.loss], [expected().loss], 1e-6);
    assert.equal(found.correct, expected().correct);
    // A gradient that is exactly zero (a vocabulary of one) leaves no level to compare with.
    if (vocab > 1) {
      assertClose('dh', found.dh, expected().dh, 4e-6);
      assertClose('dtable', found.dtable, expected().dtable, 4e-6);
      assertClose('dbias', found.dbias, expected().dbias, 4e-6);
    } else {
      assert.deepEqual([...found.dh, ...found.dtable, ...found.dbias], [0, 0, 0]);
    }
    const without = compute(addon, inputs, false);
    assert.deepEqual([without.loss, without.correct], [found.loss, found.correct]);
    assertThreadsAgree(addon, () => {
      const again = compute(addon, inputs);
      return [Float32Array.of(again.loss, again.correct), again.dh, again.dtable, again.dbias];
    });
  });
}

// 2^24 logits are held at a time, so 96 rows of this vocabulary are one block.
const large = once(() => {
  const inputs = inputsOf(101, 2, 180001);
  return { inputs, expected: plainMlmCrossEntropy(inputs.h, inputs.table, inputs.bias, inputs.labels, inputs.hidden, inputs.vocab, inputs.scale) };
});

testOnEveryIsa('several blocks of rows give what one block gives', (addon) => {
  const { inputs, expected } = large();
  const found = compute(addon, inputs);
  assertClose('loss', [found.loss], [expected.loss], 1e-6);
  assertClose('dh', found.dh, expected.dh, 4e-6);
  assertClose('dtable', found.dtable, expected.dtable, 4e-6);
  assertClose('dbias', found.dbias, expected.dbias, 4e-6);
});

testOnEveryIsa('the gradients equal central differences of the float64 loss', (addon) => {
  const inputs = inputsOf(4, 3, 11, 0.5);
  const { h, table, bias, labels, hidden, vocab, scale } = inputs;
  const { dh, dtable, dbias } = compute(addon, inputs);
  assertCentralDifferences('dh', (x) => plainMlmCrossEntropy(x, table, bias, labels, hidden, vocab, scale).loss, h, dh, 1e-5);
  assertCentralDifferences('dtable', (x) => plainMlmCrossEntropy(h, x, bias, labels, hidden, vocab, scale).loss, table, dtable, 1e-5);
  assertCentralDifferences('dbias', (x) => plainMlmCrossEntropy(h, table, x, labels, hidden, vocab, scale).loss, bias, dbias, 1e-5);
});

testOnEveryIsa('a row is correct where its label is the first of the largest logits', (addon) => {
  const [vocab, zero] = [40, new Float32Array(3)];
  const bias = new Float32Array(vocab);
  bias[7] = bias[39] = 2;
  const labels = Int32Array.of(7, 39, 8);
  const stats = new Float32Array(2);
  addon.mlmCrossEntropy(zero, new Float32Array(vocab), bias, labels, stats, null, null, null, 3, 1, vocab, 1);
  assert.equal(stats[1], 1);
  addon.mlmCrossEntropy(zero, new Float32Array(vocab), new Float32Array(vocab), Int32Array.of(0, 1, 39), stats, null, null, null, 3, 1, vocab, 1);
  assert.equal(stats[1], 1);
});

testOnEveryIsa('large logits neither overflow nor lose the loss', (addon) => {
  const bias = Float32Array.of(3e4, -3e4, 2.9999e4, 0, 1);
  const stats = new Float32Array(2);
  for (const [label, wanted] of [[0, 0], [2, 1], [1, 6e4]] as const) {
    addon.mlmCrossEntropy(Float32Array.of(0), new Float32Array(5), bias, Int32Array.of(label), stats, null, null, null, 1, 1, 5, 1);
    const rest = Math.log1p(Math.exp(-1));
    assert.ok(Math.abs((stats[0] as number) - wanted - rest) <= 1e-6 * Math.max(1, wanted), `label ${label}: ${stats[0]}`);
  }
});

testOnEveryIsa('a NaN or infinite logit anywhere makes the loss NaN', (addon) => {
  for (const bad of [NaN, Infinity]) {
    for (const at of [0, 1, 18, 36]) {
      const inputs = inputsOf(3, 2, 37);
      inputs.bias[at] = bad;
      assert.ok(Number.isNaN(compute(addon, inputs).loss), `${bad} at ${at}`);
      assert.ok(Number.isNaN(compute(addon, inputs, false).loss), `${bad} at ${at} without gradient`);
    }
  }
});

testOnEveryIsa('no rows give a loss of zero and zero gradients', (addon) => {
  const found = compute(addon, inputsOf(0, 2, 5));
  assert.deepEqual([found.loss, found.correct, ...found.dtable, ...found.dbias], new Array(17).fill(0));
});

testAddon('labels outside the vocabulary and half of the gradients are refused', (addon) => {
  const { h, table, bias } = inputsOf(2, 2, 5);
  const stats = new Float32Array(2);
  for (const label of [-1, 5]) {
    assert.throws(
      () => addon.mlmCrossEntropy(h, table, bias, Int32Array.of(0, label), stats, null, null, null, 2, 2, 5, 1),
      (error: Error) => error instanceof RangeError && error.message.includes(`labels[1]`) && error.message.includes(`${label}`),
    );
  }
  assert.throws(() => addon.mlmCrossEntropy(h, table, bias, Int32Array.of(0, 1), stats, h.slice(), null, null, 2, 2, 5, 1), TypeError);
});
