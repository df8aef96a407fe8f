import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { InterruptedError, NonFiniteError } from '../data/errors.js';
import { type PackedBatch, packSequences } from '../data/packedBatch.js';
import { Random } from '../data/random.js';
import { AdamW } from '../optim/adamw.js';
import { dropoutMask } from '../ops/dropoutGenerator.js';
import { estimateRun, estimateText } from './estimate.js';
import { type BatchSource, type LogEntry, type LoopState, runTraining, type TrainingOptions, type TrainingResult } from './loop.js';
import { timedValues } from './throughput.js';
import { loadLoopState, saveLoopState } from './stateFile.js';

await tf.setBackend('cpu');

type Batch = PackedBatch & { readonly x: Float32Array; readonly y: Float32Array; readonly rows: readonly number[] };
const features = 3;
const rows = 20;

/** Rows of a noisy linear problem. */
const data = (() => {
  const random = new Random(5);
  return Array.from({ length: rows }, () => {
    const x = [random.normal(), random.normal(), random.normal()];
    return { x, y: 2 * (x[0] ?? 0) - (x[1] ?? 0) + 0.5 + 0.1 * random.normal() };
  });
})();

/** Batches of 4 rows in `parts` micro-batches, shuffled per epoch. */
function source(parts: number, poisonStep?: number): BatchSource<Batch> {
  const stepsPerEpoch = rows / 4;
  return {
    epochsAfter: (steps) => steps / stepsPerEpoch,
    microBatches(step) {
      const epoch = Math.floor(step / stepsPerEpoch);
      const order = new Random(9, epoch).shuffle(Array.from({ length: rows }, (_, i) => i));
      const chosen = order.slice((step % stepsPerEpoch) * 4, (step % stepsPerEpoch) * 4 + 4);
      return Array.from({ length: parts }, (_, part) => {
        const ids = chosen.slice((part * 4) / parts, ((part + 1) * 4) / parts);
        const x = Float32Array.from(ids.flatMap((id) => data[id]?.x ?? []));
        if (step === poisonStep && part === parts - 1) x[0] = Number.NaN;
        return { ...packSequences(ids.map((id) => ({ inputIds: [id] }))), x, y: Float32Array.from(ids, (id) => data[id]?.y ?? 0), rows: ids };
      });
    },
  };
}

interface Toy {
  readonly parameters: Map<string, tf.Variable>;
  readonly optimizer: AdamW;
  dispose(): void;
}

function variable(values: number[], shape: number[]): tf.Variable {
  return tf.tidy(() => tf.variable(tf.tensor(values, shape)));
}

function toy(): Toy {
  const parameters = new Map<string, tf.Variable>([
    ['w', variable([0.1, -0.2, 0.3], [features, 1])],
    ['b', variable([0], [1])],
    ['unused', variable([7], [1])],
  ]);
  const optimizer = new AdamW(parameters, { kind: 'adamw' });
  return {
    parameters,
    optimizer,
    dispose: () => {
      optimizer.dispose();
      for (const parameter of parameters.values()) parameter.dispose();
    },
  };
}

function optionsOf(model: Toy, extra: Partial<TrainingOptions<Batch>> = {}, dropRate = 0.2): TrainingOptions<Batch> {
  const w = model.parameters.get('w') as tf.Variable;
  const b = model.parameters.get('b') as tf.Variable;
  return {
    parameters: model.parameters,
    optimizer: model.optimizer,
    batches: source(1),
    computeLoss: (batch, context, all) => {
      const total = all.reduce((sum, part) => sum + part.y.length, 0);
      const spec = context.dropout?.site(0, 0, dropRate);
      const x = tf.tensor2d(batch.x, [batch.y.length, features]);
      const dropped = spec === undefined ? x : tf.mul(x, tf.tensor2d(dropoutMask(spec, batch.y.length, features), [batch.y.length, features]));
      const error = tf.sub(tf.add(tf.matMul(dropped, w as tf.Tensor2D), b), tf.tensor2d(batch.y, [batch.y.length, 1]));
      return { loss: tf.div(tf.sum(tf.square(error)), total) as tf.Scalar, metrics: { absolute_error: tf.mean(tf.abs(error)) as tf.Scalar, rows: batch.y.length } };
    },
    totalSteps: 13,
    learningRate: 0.05,
    schedule: 'linear',
    warmupSteps: 4,
    maxGradNorm: 1,
    seed: 3,
    loggingSteps: 3,
    rowIds: (batch) => batch.rows,
    ...extra,
  };
}

function weights(model: Toy): number[][] {
  return [...model.parameters.values()].map((parameter) => [...parameter.dataSync()]);
}

function withoutClock(result: TrainingResult): unknown {
  const { elapsedSeconds: _, ...state } = result.state;
  return { ...state, history: state.history.map((entry) => Object.fromEntries(Object.entries(entry).filter(([name]) => !timedValues.some((timed) => timed === name)))) };
}

test('training lowers the loss, logs every loggingSteps steps, and leaves an unused parameter alone', async () => {
  const model = toy();
  const seen: LogEntry[] = [];
  const result = await runTraining(optionsOf(model, { totalSteps: 200, warmupSteps: 0, loggingSteps: 50, maxGradNorm: 0, onLog: (entry) => void seen.push(entry) }, 0));
  assert.equal(result.state.step, 200);
  assert.equal(seen.length, 4);
  assert.deepEqual(seen.map((entry) => entry['step']), [50, 100, 150, 200]);
  assert.ok((seen[3]?.['loss'] ?? 9) < 0.1 * (seen[0]?.['loss'] ?? 0), JSON.stringify(seen));
  assert.equal(seen[0]?.['epoch'], 10);
  assert.equal(seen[0]?.['rows'], 4);
  assert.deepEqual(weights(model)[2], [7]);
  assert.equal(result.state.samplesSeen, 800);
  model.dispose();
});

for (const stopAt of [1, 4, 7, 10]) {
  test(`a run stopped after step ${stopAt} (warm-up, mid-epoch or at its edge) and resumed from disk is bit-identical`, async () => {
    const whole = toy();
    const expected = await runTraining(optionsOf(whole, { batches: source(2) }));
    const folder = await mkdtemp(path.join(os.tmpdir(), 'bertwright-loop-'));
    const first = toy();
    const abort = new AbortController();
    let saved: number[][] = [];
    const interrupted = runTraining(optionsOf(first, {
      batches: source(2),
      signal: abort.signal,
      progress: (event) => {
        if (event.type === 'step' && event.step === stopAt) abort.abort('SIGTERM');
      },
      save: async (step, state) => {
        assert.equal(step, stopAt);
        saved = weights(first);
        await saveLoopState(folder, state);
        return folder;
      },
    }));
    await assert.rejects(interrupted, (error) => error instanceof InterruptedError && error.exitCode === 143);
    const second = toy();
    [...second.parameters.values()].forEach((parameter, i) => {
      parameter.assign(tf.tensor(saved[i] ?? [], parameter.shape));
    });
    const resumed = await runTraining(optionsOf(second, { batches: source(2), resumeState: await loadLoopState(folder) }));
    assert.deepEqual(weights(second), weights(whole));
    assert.deepEqual(withoutClock(resumed), withoutClock(expected));
    await rm(folder, { recursive: true });
    for (const model of [whole, first, second]) model.dispose();
  });
}

test('two micro-batches give the update of one batch of both', async () => {
  const one = toy();
  const two = toy();
  await runTraining(optionsOf(one, { totalSteps: 5 }, 0));
  await runTraining(optionsOf(two, { totalSteps: 5, batches: source(2) }, 0));
  weights(one).flat().forEach((value, i) => {
    assert.ok(Math.abs(value - (weights(two).flat()[i] ?? Number.NaN)) < 1e-6);
  });
  one.dispose();
  two.dispose();
});

test('a NaN stops the run before the update and names step and rows', async () => {
  const model = toy();
  const before: number[][][] = [];
  const run = runTraining(optionsOf(model, { batches: source(2, 6), progress: (event) => void (event.type === 'step' && before.push(weights(model))) }));
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof NonFiniteError);
    assert.equal(error.exitCode, 76);
    assert.match(error.message, /^step 7: the loss is NaN, though every parameter is finite; rows of the batch: \d+, \d+. The update was not applied.$/);
    assert.match(error.hint ?? '', /learning rate.*--max-grad-norm/);
    return true;
  });
  assert.equal(before.length, 6);
  assert.deepEqual(weights(model), before[5]);
  model.dispose();
});

test('a gradient that is not finite is named although the loss is finite', async () => {
  const model = toy();
  const run = runTraining(optionsOf(model, {
    computeLoss: () => {
      const w = model.parameters.get('w') as tf.Variable;
      const zero = tf.sub(w, w.dataSync()[0] ?? 0);
      return { loss: tf.sum(tf.sqrt(tf.mul(zero, tf.scalar(0)))) as tf.Scalar, metrics: {} };
    },
  }));
  await assert.rejects(run, /^NonFiniteError: step 1: not finite: the gradient of w \[3, 1\] \(3 of 3 entries, the first is NaN at element 0\)[.;]/);
  model.dispose();
});

test('a parameter that is not finite is named, with how many of its entries and the first', async () => {
  const model = toy();
  (model.parameters.get('w') as tf.Variable).assign(tf.tensor2d([1, Infinity, NaN], [3, 1]));
  await assert.rejects(runTraining(optionsOf(model, {})), /^NonFiniteError: step 1: the loss is NaN, and not finite: parameter w \[3, 1\] \(2 of 3 entries, the first is Infinity at element 1\)/);
  model.dispose();
});

test('evaluation runs every evalSteps steps and after the last, and can stop the run', async () => {
  const model = toy();
  const at: number[] = [];
  const evaluate = (step: number) => Promise.resolve({ eval_loss: step });
  await runTraining(optionsOf(model, { evalSteps: 5, evaluate, progress: (event) => void (event.type === 'eval' && at.push(event.step)) }));
  assert.deepEqual(at, [5, 10, 13]);
  const stopped = await runTraining(optionsOf(model, { evalSteps: 5, evaluate, shouldStop: () => true }));
  assert.equal(stopped.stoppedEarly, true);
  assert.equal(stopped.state.step, 5);
  model.dispose();
});

test('an abort within an evaluation saves a state that evaluates first when resumed', async () => {
  const model = toy();
  const abort = new AbortController();
  const kept: LoopState[] = [];
  const run = runTraining(optionsOf(model, {
    evalSteps: 5,
    signal: abort.signal,
    evaluate: () => {
      abort.abort('SIGINT');
      return Promise.reject(new Error('aborted'));
    },
    save: (_, state) => {
      kept.push(state);
      return Promise.resolve('here');
    },
  }));
  await assert.rejects(run, (error) => error instanceof InterruptedError && error.exitCode === 130);
  const [state] = kept;
  assert.ok(state?.evaluationDue === true && state.step === 5);
  const evaluated: number[] = [];
  await runTraining(optionsOf(model, { evalSteps: 5, resumeState: state, evaluate: (step) => Promise.resolve({ eval_loss: evaluated.push(step) }) }));
  assert.deepEqual(evaluated, [5, 10, 13]);
  model.dispose();
});

test('signals get through: the loop yields to the event loop at every step', async () => {
  const model = toy();
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 0);
  await runTraining(optionsOf(model, { totalSteps: 50 }));
  clearInterval(timer);
  assert.ok(turns > 10, `${turns} timer turns`);
  model.dispose();
});

test('a training step leaks no tensor', async () => {
  const model = toy();
  await runTraining(optionsOf(model, { totalSteps: 2, batches: source(2) }));
  const before = tf.memory().numTensors;
  await runTraining(optionsOf(model, { totalSteps: 9, batches: source(2) }));
  assert.equal(tf.memory().numTensors, before);
  model.dispose();
});

test('under a time budget the rates used are recorded and replayed', async () => {
  const factors = new Map<number, number>();
  const rateRecord = { recorded: (step: number) => factors.get(step), record: (step: number, factor: number) => void factors.set(step, factor) };
  const first = toy();
  const timed = { timeBudgetSeconds: 0.15, totalSteps: Number.POSITIVE_INFINITY, warmupSteps: 0.1, rateRecord };
  const result = await runTraining(optionsOf(first, timed));
  assert.ok(result.state.step > 3, `${result.state.step} steps`);
  assert.equal(factors.size, result.state.step);
  const second = toy();
  const replayed = await runTraining(optionsOf(second, { ...timed, timeBudgetSeconds: 0.000001 }));
  assert.equal(replayed.state.step, result.state.step);
  assert.deepEqual(weights(second), weights(first));
  first.dispose();
  second.dispose();
});

test('a run under a time budget that its steps end first has come down to the end of its schedule, too', async () => {
  const model = toy();
  const rates: number[] = [];
  await runTraining(optionsOf(model, { timeBudgetSeconds: 1e6, totalSteps: 10, warmupSteps: 0, learningRate: 1, progress: (event) => event.type === 'step' && rates.push(event.learningRate) }));
  assert.deepEqual(rates.map((rate) => Number(rate.toFixed(2))), [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]);
  model.dispose();
});

test('before the first step the run says how long it will take and how much memory, and nothing else changes by that', async () => {
  const silent = toy();
  await runTraining(optionsOf(silent, { batches: source(2), totalSteps: 13 }));
  const model = toy();
  const told: string[] = [];
  const seen: string[] = [];
  await runTraining(optionsOf(model, { batches: source(2), totalSteps: 13, progress: (event) => {
    seen.push(event.type);
    if (event.type === 'note') told.push(event.text);
  } }));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /^estimate: about \d+:\d\d for 13 steps of [\d.]+ ms, evaluations not counted; about \d+ MiB of memory$/);
  assert.deepEqual(seen.slice(0, 2), ['note', 'step']);
  assert.deepEqual(weights(model), weights(silent));
  const stopped = toy();
  const abort = new AbortController();
  abort.abort('SIGTERM');
  told.length = 0;
  await assert.rejects(runTraining(optionsOf(stopped, { signal: abort.signal, progress: (event) => void (event.type === 'note' && told.push(event.text)) })), InterruptedError);
  assert.deepEqual(told, []);
  for (const each of [silent, model, stopped]) each.dispose();
});

test('the estimate scales a micro-batch by tokens to its step, and counts the steps of a time budget', () => {
  const model = toy();
  const passes: number[] = [];
  const { computeLoss, parameters, seed } = optionsOf(model);
  const timed = (batch: Batch, ...rest: [Parameters<typeof computeLoss>[1], readonly Batch[]]) => {
    passes.push(batch.inputIds.length);
    const until = performance.now() + 20;
    while (performance.now() < until);
    return computeLoss(batch, ...rest);
  };
  const parts = source(1).microBatches(0) as readonly Batch[];
  const [whole] = parts as [Batch];
  const one: Batch = { ...packSequences([{ inputIds: [1] }]), x: whole.x.slice(0, features), y: whole.y.slice(0, 1), rows: [0] };
  const before = tf.memory().numTensors;
  const { secondsPerStep, bytes } = estimateRun({ parameters, computeLoss: timed, seed }, [one, one, whole], 0, 100);
  assert.equal(tf.memory().numTensors, before);
  assert.deepEqual(passes, [1, 1], 'one pass to warm up and one to time, of the middle micro-batch');
  assert.ok(secondsPerStep >= 6 * 0.02 && secondsPerStep < 6 * 2, `${secondsPerStep} s for 6 tokens at 20 ms each`);
  assert.ok(bytes > 1e7);
  estimateRun({ parameters, computeLoss: timed, seed }, [one], 0, 3);
  assert.equal(passes.length, 3, 'a short run spends no pass on warming up');
  assert.match(estimateText({ secondsPerStep: 0.5, bytes: 2 ** 20 }, 7200, Number.POSITIVE_INFINITY), /about 1:00:00 for 7200 steps of 500 ms.*about 1 MiB/);
  assert.match(estimateText({ secondsPerStep: 2, bytes: 2 ** 20 }, Number.POSITIVE_INFINITY, 300), /about 150 steps of 2\.0 s in the 5:00 of the time budget/);
  model.dispose();
});

test('a budget that runs out in an evaluation still leaves a last step that is evaluated and saved', async () => {
  const model = toy();
  const evaluated: number[] = [];
  const saved: number[] = [];
  const { state } = await runTraining(optionsOf(model, {
    timeBudgetSeconds: 1,
    totalSteps: Number.POSITIVE_INFINITY,
    warmupSteps: 0,
    evalSteps: 3,
    saveSteps: 1000,
    evaluate: async (step) => {
      evaluated.push(step);
      if (step === 3) await new Promise((resolve) => setTimeout(resolve, 1100));
      return { eval_loss: step };
    },
    save: (step) => {
      saved.push(step);
      return Promise.resolve(undefined);
    },
  }));
  assert.deepEqual([evaluated, saved, state.step], [[3, 4], [4], 4]);
  model.dispose();
});

test('the loop tells how long its steps waited for batches, and what part of the run is over', async () => {
  const model = toy();
  const shares: (number | undefined)[] = [];
  const slow: BatchSource<Batch> = {
    microBatches: async (step, shareDone) => {
      shares.push(shareDone);
      await new Promise((resolve) => setTimeout(resolve, 30));
      return source(1).microBatches(step);
    },
    epochsAfter: (steps) => steps / 2,
  };
  const waits: number[] = [];
  const { dataWait } = await runTraining(optionsOf(model, {
    batches: slow,
    totalSteps: 4,
    loggingSteps: 2,
    onLog: (entry) => {
      assert.equal(entry['epoch'], (entry['step'] ?? 0) / 2);
      waits.push(entry['data_wait'] ?? Number.NaN);
    },
  }));
  assert.equal(waits.length, 2);
  for (const wait of waits) assert.ok(wait > 0 && wait < 1, `${wait}`);
  assert.deepEqual(shares, [0, 0.25, 0.5, 0.75]);
  assert.ok(dataWait > 0 && dataWait < 1, `${dataWait}`);
  const factors = new Map([[0, 0.5], [1, 0.25]]);
  shares.length = 0;
  const rateRecord = { recorded: (step: number) => factors.get(step), record: () => undefined };
  await runTraining(optionsOf(model, { batches: slow, totalSteps: 3, timeBudgetSeconds: 1000, rateRecord }));
  assert.deepEqual(shares.slice(0, 2), [undefined, undefined], 'steps that repeat recorded ones do not ask the clock');
  assert.ok((shares[2] ?? -1) > 0 && (shares[2] ?? -1) < 0.1);
  model.dispose();
});
