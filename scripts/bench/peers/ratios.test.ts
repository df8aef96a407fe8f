import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Precision, type Run, ratiosOf, variantsOf } from './ratios.js';

function runsOf(side: Run['side'], variant: string, precision: Precision, peakRssMb: number, times: readonly number[], group = 'mini'): Run[] {
  return times.map((time, round) => ({ side, group, variant, precision, round, time, peakRssMb }));
}

const runs = [
  ...runsOf('ours', 'native', 'highest', 300, [100, 120, 90]),
  ...runsOf('ours', 'native', 'bf16', 320, [50, 60, 55]),
  ...runsOf('peer', 'eager', 'highest', 800, [300, 310, 290]),
  ...runsOf('peer', 'compile', 'highest', 1000, [200, 180, 270]),
  ...runsOf('peer', 'eager', 'bf16', 700, [150, 165, 140]),
];

test("a precision is compared with the peer's fastest variant in it, and the fastest of all with the fastest of all", () => {
  const ratios = ratiosOf(runs);
  assert.deepEqual(ratios.map(({ precision, ours, peer }) => [precision, ours.precision, peer.variant, peer.precision]), [
    ['highest', 'highest', 'compile', 'highest'],
    ['bf16', 'bf16', 'eager', 'bf16'],
    ['fastest', 'bf16', 'eager', 'bf16'],
  ]);
  const [highest, bf16] = ratios;
  assert.deepEqual([highest?.ratio, highest?.least, highest?.most], [2, 1.5, 3]);
  assert.deepEqual([bf16?.ratio, bf16?.least, bf16?.most], [150 / 55, 140 / 55, 3]);
});

test("memory is compared with that of the peer's fastest, and with its least", () => {
  const [highest] = ratiosOf(runs);
  assert.deepEqual([highest?.memoryRatio, highest?.memoryRatioToLeast], [0.3, 300 / 800]);
});

test('groups stay apart; a side or a precision that is missing gives no ratio', () => {
  const other = [...runsOf('ours', 'native', 'highest', 1, [1], 'base'), ...runsOf('peer', 'eager', 'bf16', 1, [3], 'base'), ...runsOf('ours', 'native', 'highest', 1, [1], 'alone')];
  assert.deepEqual(ratiosOf([...runs, ...other]).map(({ group, precision, ratio }) => [group, precision, Math.round(ratio)]), [
    ['mini', 'highest', 2],
    ['mini', 'bf16', 3],
    ['mini', 'fastest', 3],
    ['base', 'fastest', 3],
  ]);
});

test('variants are medians over the rounds, the fastest first', () => {
  assert.deepEqual(variantsOf(runs.filter(({ side, precision }) => side === 'peer' && precision === 'highest')), [
    { variant: 'compile', precision: 'highest', time: 200, peakRssMb: 1000 },
    { variant: 'eager', precision: 'highest', time: 300, peakRssMb: 800 },
  ]);
});
