import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { type PackedBatch, packSequences } from '../data/packedBatch.js';
import { setEngine } from '../engine/index.js';
import { AdamW } from '../optim/adamw.js';
import { runTraining } from './loop.js';
import { measurePeakFlops } from './peakFlops.js';
import { meanUtilisation, timedValues } from './throughput.js';
import type { LogEntry, LoopState, TrainingOptions } from './types.js';

before(() => setEngine('cpu'));

/** A clock that stands still but where the work of a run moves it. */
class Clock {
  seconds = 100;
  readonly now = (): number => this.seconds * 1000;
}

/** Step n has n + 1 sequences of 10 tokens and takes 2 seconds, its batches one more; an evaluation takes 1000 s, a checkpoint 500. */
function optionsOf(clock: Clock, weight: tf.Variable, changes: Partial<TrainingOptions<PackedBatch>> = {}): TrainingOptions<PackedBatch> {
  const parameters = new Map([['weight', weight]]);
  return {
    parameters,
    optimizer: new AdamW(parameters, { kind: 'adamw' }),
    batches: {
      epochsAfter: (steps) => steps / 6,
      microBatches: (step) => {
        clock.seconds += 1;
        return [packSequences(Array.from({ length: step + 1 }, () => ({ inputIds: new Int32Array(10) })))];
      },
    },
    computeLoss: () => {
      clock.seconds += 2;
      return { loss: tf.square(weight).asScalar(), metrics: {} };
    },
    totalSteps: 6,
    learningRate: 0.1,
    schedule: 'constant',
    warmupSteps: 0,
    maxGradNorm: 0,
    seed: 1,
    loggingSteps: 2,
    evalSteps: 3,
    evaluate: async () => {
      clock.seconds += 1000;
      return { eval_loss: 1 };
    },
    saveSteps: 3,
    save: async () => {
      clock.seconds += 500;
      return undefined;
    },
    ...changes,
  };
}

const peak = { gflops: 2e-9, measuredOn: 'product' } as const;
const timed = (history: readonly LogEntry[]): LogEntry[] => history.filter((entry) => 'loss' in entry).map((entry) => Object.fromEntries(timedValues.map((name) => [name, entry[name] ?? Number.NaN])));

async function run(options: TrainingOptions<PackedBatch>, clock: Clock): Promise<LoopState> {
  const { state } = await runTraining({ ...options, utilisation: { countFlops: ({ inputIds }) => inputIds.length / 10, peak }, now: clock.now });
  return state;
}

test('tokens and model FLOPs are told by the time of the steps alone, elapsed seconds by the whole', async () => {
  const clock = new Clock();
  const weight = tf.variable(tf.scalar(1));
  const { history } = await run(optionsOf(clock, weight), clock);
  assert.deepEqual(timed(history), [
    { tokens_per_second: 30 / 6, data_wait: 1 / 3, mfu: 3 / 6 / 2, elapsed_seconds: 6 },
    { tokens_per_second: 70 / 6, data_wait: 1 / 3, mfu: 7 / 6 / 2, elapsed_seconds: 1512 },
    { tokens_per_second: 110 / 6, data_wait: 1 / 3, mfu: 11 / 6 / 2, elapsed_seconds: 1518 },
  ]);
  assert.deepEqual(history.filter((entry) => 'eval_loss' in entry).map(({ step }) => step), [3, 6]);
  assert.equal(meanUtilisation(history), (3 + 7 + 11) / 3 / 12);
  weight.dispose();
});

test('the estimate before the first step counts nowhere', async () => {
  const clock = new Clock();
  const weight = tf.variable(tf.scalar(1));
  const { history } = await run(optionsOf(clock, weight, { progress: () => undefined }), clock);
  assert.deepEqual(timed(history)[0], { tokens_per_second: 5, data_wait: 1 / 3, mfu: 0.25, elapsed_seconds: 6 });
  weight.dispose();
});

test('a resumed run counts what it does itself, and its time goes on', async () => {
  const clock = new Clock();
  const weight = tf.variable(tf.scalar(1));
  const first = await run(optionsOf(clock, weight, { totalSteps: 3 }), clock);
  const { history } = await run(optionsOf(clock, weight, { resumeState: { ...first, elapsedSeconds: 1009 } }), clock);
  assert.deepEqual(timed(history).slice(1), [
    // Of steps 3 and 4 the session did the fourth.
    { tokens_per_second: 40 / 3, data_wait: 1 / 3, mfu: 4 / 3 / 2, elapsed_seconds: 1012 },
    { tokens_per_second: 110 / 6, data_wait: 1 / 3, mfu: 11 / 6 / 2, elapsed_seconds: 1018 },
  ]);
  weight.dispose();
});

test('without a count of FLOPs no utilisation is logged', async () => {
  const clock = new Clock();
  const weight = tf.variable(tf.scalar(1));
  const { state } = await runTraining({ ...optionsOf(clock, weight), now: clock.now });
  assert.ok(state.history.every((entry) => !('mfu' in entry)));
  assert.equal(meanUtilisation(state.history), undefined);
  weight.dispose();
});

test('the peak is measured on every engine: on registers where the engine is ours, else on a product', async (context) => {
  const plain = measurePeakFlops('highest');
  assert.equal(plain.measuredOn, 'product');
  assert.ok(plain.gflops > 0 && Number.isFinite(plain.gflops));
  let info: Awaited<ReturnType<typeof setEngine>>;
  try {
    info = await setEngine('native');
  } catch (error) {
    return context.skip((error as Error).message);
  }
  for (const precision of info.hasBf16 ? (['highest', 'bf16'] as const) : (['highest'] as const)) {
    const { gflops, measuredOn } = measurePeakFlops(precision);
    assert.equal(measuredOn, 'registers');
    assert.ok(gflops > 0 && Number.isFinite(gflops), precision);
  }
});
