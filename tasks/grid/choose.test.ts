import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Trial, TrialRun } from '../../glue/trials.js';
import { chooseTrial } from './choose.js';

const trial = (directory: string, ...values: readonly (number | TrialRun['status'])[]): Trial => ({
  directory,
  point: { learningRate: 1 },
  runs: values.map((value, seed) => (typeof value === 'number' ? { seed, status: 'complete', value } : { seed, status: value })),
});

const cases: readonly [what: string, trials: readonly Trial[], chosen: string | undefined, metric?: string][] = [
  ['the best mean, not the best run', [trial('a', 0.9, 0.1), trial('b', 0.6, 0.6)], 'b'],
  ['of equals the first', [trial('a', 0.5), trial('b', 0.7, 0.5), trial('c', 0.6, 0.6)], 'b'],
  ['the smallest loss', [trial('a', 0.9), trial('b', 0.6), trial('c', 0.7)], 'b', 'loss'],
  ['one that diverged only where all others did more often', [trial('a', 0.9, 'diverged'), trial('b', 0.1, 0.1)], 'b'],
  ['among those with as many divergences the best of the rest', [trial('a', 0.2, 'diverged'), trial('b', 'diverged', 0.3)], 'b'],
  ['a complete run without a value counts as the worst, too', [trial('a', 0.9, 'complete'), trial('b', 0.1, 0.1)], 'b'],
  ['none with a failed run, however good', [trial('a', 0.9, 'failed'), trial('b', 0.1, 0.1)], 'b'],
  ['none that is not finished', [trial('a', 0.9, 'planned'), trial('b', 0.1, 0.1)], 'b'],
  ['nothing where all diverged or failed', [trial('a', 'diverged'), trial('b', 'failed')], undefined],
  ['nothing of nothing', [], undefined],
];

for (const [what, trials, chosen, metric = 'accuracy'] of cases) test(`a search chooses ${what}`, () => assert.equal(chooseTrial(trials, metric)?.directory, chosen));
