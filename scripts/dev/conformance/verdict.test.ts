import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SpecResults } from './child.js';
import { differencesFromCpu, problemsOf, skippedByTfjs, summaryOf, unusedKernels } from './verdict.js';

const good: SpecResults = {
  passed: ['relu basic', 'add basic'],
  failed: [],
  skipped: skippedByTfjs,
  isa: 'portable',
  kernels: { Add: { native: 3, cpu: 1 }, Relu: { native: 1, cpu: 0 } },
  addonCalls: { binary: 3 },
};

test('a run that passes has no problems', () => {
  assert.deepEqual([...problemsOf(good), ...unusedKernels(good), ...differencesFromCpu(good, good)], []);
  assert.equal(summaryOf(good), '2 specs passed, 0 failed, 5 skipped; 2 native kernels ran 4 times, 1 of their calls were left to the cpu kernel');
});

test('a failed spec is named with its messages', () => {
  assert.deepEqual(problemsOf({ ...good, failed: [{ name: 'add basic', messages: ['Expected 1 to be 2.', 'at c'] }] }), ['failed: add basic\n    Expected 1 to be 2.\n    at c']);
});

test('a skip that tfjs-core does not have is a problem', () => {
  assert.match(problemsOf({ ...good, skipped: [...skippedByTfjs, 'relu basic'] }).join(), /does not skip it: relu basic/);
});

test('a native kernel that no spec reached is a problem, however often the cpu kernel stood in', () => {
  assert.deepEqual(unusedKernels({ ...good, kernels: { Add: { native: 0, cpu: 7 } } }), ['no spec ran the native kernel Add']);
});

test('specs that ran on one backend only are named, those that tfjs-core defines for its cpu backend excepted', () => {
  const cpu = { ...good, passed: [...good.passed, 'Switching cpu backends Move data', 'exp basic'] };
  assert.deepEqual(differencesFromCpu(good, cpu), ['passed on the cpu backend only: exp basic']);
  assert.deepEqual(differencesFromCpu(cpu, good).slice(-1), ['passed, but not on the cpu backend: exp basic']);
  assert.deepEqual(differencesFromCpu({ ...good, skipped: [] }, good).length, skippedByTfjs.length);
});
