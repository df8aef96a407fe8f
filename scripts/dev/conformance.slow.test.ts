import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { loadAddon } from '../../src/native/loadAddon.js';
import type { SpecResults } from './conformance/child.js';
import { type ConformanceRun, type ConformanceSuite, openConformanceSuite } from './conformance/run.js';
import { differencesFromCpu, problemsOf, skippedByTfjs, summaryOf, unusedKernels } from './conformance/verdict.js';

const { addon } = await loadAddon();
const available = addon?.info().available ?? [];

// With checked buffers on every instruction set (what a kernel leaves unwritten is NaN then), and once as users run it.
const runs: readonly ConformanceRun[] = [{ backend: 'native', isa: available[0] }, ...available.map((isa): ConformanceRun => ({ backend: 'native', isa, checkPool: true }))];

describe('the conformance suite of tfjs-core', { skip: addon === undefined ? 'the addon is not built' : false }, () => {
  let suite: ConformanceSuite;
  let cpu: SpecResults;
  before(async () => {
    suite = await openConformanceSuite();
    cpu = await suite.run({ backend: 'cpu' });
  });
  after(() => suite.dispose());

  test('the cpu backend passes it, and skips only what tfjs-core switched off', () => {
    assert.deepEqual(problemsOf(cpu), []);
    assert.deepEqual([...cpu.skipped].sort(), skippedByTfjs);
    assert.ok(cpu.passed.length > 4000, `${cpu.passed.length} specs ran`);
  });

  for (const run of runs) {
    test(`the native backend passes every spec of the cpu backend on ${run.isa}${run.checkPool ? ' with checked buffers' : ''}`, async (context) => {
      const results = await suite.run(run);
      assert.equal(results.isa, run.isa);
      const problems = [...problemsOf(results), ...differencesFromCpu(results, cpu), ...unusedKernels(results)];
      assert.ok(problems.length === 0, `${problems.length} problems:\n${problems.join('\n')}`);
      context.diagnostic(summaryOf(results));
    });
  }
});
