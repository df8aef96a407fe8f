/** Batches from the worker thread are those of this thread, in every order that they are asked for. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { DataError } from '../src/data/errors.js';
import type { TokenStore } from '../src/data/tokenStore.js';
import { type ExampleBatch, PretrainingBatches, pretrainingVocabulary } from './batches.js';
import type { SharedBatchOptions } from './batchWorker.js';
import { defaultMasking } from './masking.js';
import { PrefetchedBatches, stepsAhead } from './prefetch.js';
import { inThisThread, RunBatches, stepsPerPass } from './runBatches.js';
import { StageSchedule } from './stages.js';
import { allDocuments, placeStore, randomLengths, testTokenizer } from './testing/inventedText.js';

const store = placeStore(randomLengths(40, 20, 15));
const vocabulary = { ...pretrainingVocabulary(testTokenizer()), size: 100_000, continues: new Uint8Array(100_000), clsTokenId: 90_001, sepTokenId: 90_002, maskTokenId: 90_003 };

function optionsOf(maxSeqLength: number, seed: number, nextSentence: 'nsp' | 'none' = 'nsp'): SharedBatchOptions {
  return { examples: { nextSentence, maxSeqLength, shortSeqProb: 0.1 }, masking: defaultMasking(maxSeqLength), vocabulary, seed, batchSize: 5, tokensPerBatch: 150, accumulationSteps: 2 };
}

const stageOptions = [optionsOf(31, 5), optionsOf(67, 6)];
const stages = [{ maxSeqLength: 31, share: 0.8 }, { maxSeqLength: 67, share: 0.2 }];
const sourcesOf = (of: TokenStore, options: readonly SharedBatchOptions[]): PretrainingBatches[] => options.map((each) => new PretrainingBatches({ ...each, store: of, documents: allDocuments(of) }));
const started: PrefetchedBatches[] = [];
after(() => Promise.all(started.map((each) => each.close())));

function prefetched(of: TokenStore, options: readonly SharedBatchOptions[]): PrefetchedBatches {
  const maker = new PrefetchedBatches(of, allDocuments(of), options);
  started.push(maker);
  return maker;
}

test('the same batches, through epochs, stages and jumps', async () => {
  const sources = sourcesOf(store, stageOptions);
  const steps = 2 * (sources[0]?.stepsPerEpoch ?? 0) + 5;
  const schedule = new StageSchedule(stages, steps);
  const here = new RunBatches(sources, schedule, inThisThread(sources), 0);
  const there = new RunBatches(sources, schedule, prefetched(store, stageOptions), 4);
  for (const step of [...Array.from({ length: steps }, (_, i) => i), 3, 4, 4, steps - 1, 0]) assert.deepEqual(await there.microBatches(step), await here.microBatches(step), `step ${step}`);
});

test('a step is asked for once while it is of use: the estimate before a run and its first step share one', async () => {
  const maker = prefetched(store, stageOptions);
  const upcoming = [{ stage: 0, step: 1 }];
  const first = await maker.microBatches({ stage: 0, step: 0 }, upcoming);
  assert.equal(await maker.microBatches({ stage: 0, step: 0 }, upcoming), first);
});

test('stages have their own lengths, random numbers and passes', () => {
  const sources = sourcesOf(store, stageOptions);
  const [short = 0, long = 0] = sources.map(({ stepsPerEpoch }) => stepsPerEpoch);
  const total = 100;
  const batches = new RunBatches(sources, new StageSchedule(stages, total), inThisThread(sources), 0);
  const longest = (step: number): number => Math.max(...(batches.microBatches(step) as ExampleBatch[]).map(({ positionIds }) => Math.max(...positionIds) + 1));
  const most = (from: number, to: number): number => Math.max(...Array.from({ length: to - from }, (_, i) => longest(from + i)));
  assert.equal(most(0, 20), 31);
  assert.equal(most(80, 100), 67);
  assert.ok(Math.abs(batches.epochsAfter(40) - 40 / short) < 1e-12);
  assert.ok(Math.abs(batches.epochsAfter(total) - (80 / short + 20 / long)) < 1e-12);
  assert.ok(Math.abs(batches.epochsAfter(total) - total / stepsPerPass(stages, sources)) < 1e-9);
  assert.equal(batches.epochsAfter(0), 0);
});

test('an error in the worker comes through with its class and what to do', async () => {
  const single = placeStore([[4, 5, 6]]);
  const maker = prefetched(single, [optionsOf(31, 5), optionsOf(31, 5, 'none')]);
  await assert.rejects(maker.microBatches({ stage: 0, step: 0 }, []), (error) => error instanceof DataError && error.message.includes('single document') && (error.hint ?? '').includes('blank line'));
  assert.equal((await maker.microBatches({ stage: 1, step: 0 }, [])).length, 2, 'the worker is still there');
  await assert.rejects(maker.microBatches({ stage: 2, step: 0 }, []), Error);
});

test('what is asked of a closed maker, or was open when it closed, is an error and no endless wait', async () => {
  const maker = prefetched(store, stageOptions);
  const open = maker.microBatches({ stage: 0, step: 0 }, []);
  const settled = Promise.allSettled([open]);
  await maker.close();
  const [result] = await settled;
  if (result.status === 'rejected') assert.match(String(result.reason), /thread that makes batches/);
  await assert.rejects(maker.microBatches({ stage: 0, step: 1 }, []), /closed/);
});

test('a few steps are made ahead, fewer where they are large', () => {
  assert.deepEqual([4096, 131_072, 10_000_000].map(stepsAhead), [16, 8, 2]);
});
