/** Fine-tuning with batches of so many tokens: what the steps compute, where epochs end, resuming, and what is said about it. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { InterruptedError, UsageError } from '../src/data/errors.js';
import { setEngine } from '../src/engine/index.js';
import { AutoModelForSequenceClassification } from '../src/models/index.js';
import { createOptimizer } from '../src/optim/createOptimizer.js';
import { optimizerStep } from '../src/train/step.js';
import { timedValues } from '../src/train/throughput.js';
import type { LogEntry } from '../src/train/types.js';
import { trainingBatches } from './batches.js';
import { classificationLoss } from './classificationLoss.js';
import { packRows, type RowBatch } from './encodeSplit.js';
import { estimateFinetune } from './estimateFinetune.js';
import { finetune } from './finetune.js';
import { prepareFinetune } from './finetuneJob.js';
import type { FinetuneOptions } from './options.js';
import { runSuite } from './suite.js';
import { vocabulary, writeCola, writeTinyModel } from './testing/tinyTask.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-token-batches-'));
const model = path.join(folder, 'tiny-bert');
const data = path.join(folder, 'glue');
const trainFile = path.join(folder, 'moods.csv');
/** 37 rows of 1 to 13 words. */
const rows = Array.from({ length: 37 }, (_, i) => {
  const words = Array.from({ length: 1 + ((i * i) % 13) }, (_, j) => vocabulary[6 + ((3 * i + j) % (vocabulary.length - 6))]);
  return { text: words.join(' '), label: ['happy', 'sad', 'calm'][i % 3], score: (i % 5) / 2 };
});
const base = { model, trainFile, validationFile: trainFile, textColumnNames: ['text'], labelColumnName: 'label', learningRate: 3e-3, warmupSteps: 2, seed: 5, maxSeqLength: 24, tokensPerBatch: 35 } as const;

before(async () => {
  await setEngine('auto');
  await writeTinyModel(model);
  await writeCola(data);
  await writeFile(trainFile, `text,label,score\n${rows.map(({ text, label, score }) => `${text},${label},${score}\n`).join('')}`);
});
after(async () => {
  await rm(folder, { recursive: true });
});

interface RunFiles {
  readonly state: { readonly log_history: LogEntry[]; readonly [key: string]: unknown };
  readonly settings: Readonly<Record<string, unknown>>;
  readonly card: string;
  readonly weights: string;
}

async function filesOf(name: string): Promise<RunFiles> {
  const read = (file: string): Promise<string> => readFile(path.join(folder, name, file), 'utf8');
  const { settings } = JSON.parse(await read('run.json')) as { settings: RunFiles['settings'] };
  const weights = (await readFile(path.join(folder, name, 'model.safetensors'))).toString('base64');
  return { state: JSON.parse(await read('trainer_state.json')) as RunFiles['state'], settings, card: await read('README.md'), weights };
}

function untimed(log: readonly LogEntry[]): LogEntry[] {
  return log.map((entry) => Object.fromEntries(Object.entries(entry).filter(([name]) => !timedValues.some((timed) => timed === name))));
}

const kinds: readonly (readonly [what: string, options: Partial<FinetuneOptions>])[] = [
  ['classes', {}],
  ['scores', { labelColumnName: 'score', doRegression: true }],
];
for (const [what, kind] of kinds) {
  test(`${what}: a step of micro-batches with unequal rows is that of the same rows at once: loss, gradient norm and trained weights`, async () => {
    const job = await prepareFinetune({ ...base, ...kind, output: '', tokensPerBatch: 90, gradientAccumulationSteps: 3, configOverrides: ['hidden_dropout_prob=0', 'attention_probs_dropout_prob=0'] });
    const trained = async (cut: (micro: readonly RowBatch[], encoded: Awaited<ReturnType<typeof job.encodeTrain>>) => readonly RowBatch[]) => {
      const classifier = await job.loadModel();
      const encoded = await job.encodeTrain(job.labelMap(classifier));
      const parameters = classifier.namedParameters();
      // So large an epsilon makes the update proportional to the gradient: no small difference is blown up to a whole step.
      const optimizer = createOptimizer('adamw', parameters, { epsilon: 1 });
      const batches = trainingBatches(encoded, job.epochs);
      const steps = [];
      for (const step of [0, job.epochs.stepsIn(1) - 1]) {
        const microBatches = cut(await batches.microBatches(step), encoded);
        const { loss, gradNorm } = optimizerStep({ parameters, microBatches, computeLoss: classificationLoss(classifier, job.spec, 0), seed: 1, step, optimizer, learningRate: 0.5, maxGradNorm: 0 });
        steps.push({ loss, gradNorm, rows: microBatches.map((batch) => batch.rows.length) });
      }
      const weights = Array.from(parameters.values(), (variable) => variable.dataSync());
      optimizer.dispose();
      classifier.dispose();
      return { steps, weights };
    };
    const parts = await trained((micro) => micro);
    const whole = await trained((micro, encoded) => [packRows(encoded, micro.flatMap((batch) => [...batch.rows]))]);
    for (const step of parts.steps) assert.ok(new Set(step.rows).size > 1, `weights that differ: ${step.rows.join()}`);
    const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-4 * Math.max(1e-3, Math.abs(b));
    parts.steps.forEach((step, i) => {
      const other = whole.steps[i];
      assert.ok(other !== undefined && close(step.loss, other.loss) && close(step.gradNorm, other.gradNorm), `${JSON.stringify(step)} and ${JSON.stringify(other)}`);
    });
    const before = await AutoModelForSequenceClassification.fromPretrained(model, { numLabels: job.spec.kind === 'regression' ? 1 : 3, seed: job.plan.seed });
    const start = Array.from(before.namedParameters().values(), (variable) => variable.dataSync());
    const largest = Math.max(...whole.weights.flatMap((tensor, t) => Array.from(tensor, (value, i) => Math.abs(value - (start[t]?.[i] ?? 0)))));
    before.dispose();
    assert.ok(largest > 1e-4, `the weights moved by ${largest}`);
    whole.weights.forEach((tensor, t) => {
      tensor.forEach((value, i) => {
        assert.ok(Math.abs(value - (parts.weights[t]?.[i] ?? Number.NaN)) < 1e-3 * largest, `tensor ${t}, element ${i}`);
      });
    });
  });
}

test('evaluations and checkpoints fall on the ends of epochs, all rows are seen, and settings, notes and card tell the budget', async () => {
  const notes: string[] = [];
  const saved: number[] = [];
  const options: FinetuneOptions = { ...base, output: path.join(folder, 'epochs'), numTrainEpochs: 4, progress: (event) => (event.type === 'note' ? notes.push(event.text) : event.type === 'save' && saved.push(event.step)) };
  const { results } = await finetune(options);
  const { epochs, plan } = await prepareFinetune({ ...base, output: '', numTrainEpochs: 4 });
  const ends = [1, 2, 3, 4].map((epoch) => epochs.stepsIn(epoch));
  assert.ok(new Set(ends.map((end, i) => end - (ends[i - 1] ?? 0))).size > 1, `epochs of unequal steps: ${ends.join()}`);
  const { state, settings, card } = await filesOf('epochs');
  const evaluated = state.log_history.filter((entry) => 'eval_loss' in entry);
  assert.deepEqual(evaluated.map(({ step, epoch }) => [step, epoch]), ends.map((end, i) => [end, i + 1]));
  assert.deepEqual(saved, ends);
  assert.deepEqual([results['epoch'], state['epoch'], state['global_step'], state['max_steps']], [4, 4, ends[3], ends[3]]);
  assert.deepEqual([state['train_batch_size'], state['eval_steps'], state['save_steps']], [null, null, null]);
  assert.ok(Math.abs(Number(results['train_samples_per_second']) * Number(results['train_runtime']) - 4 * rows.length) < 1e-6);
  assert.deepEqual([settings['tokensPerBatch'], settings['perDeviceTrainBatchSize'], settings['stepsPerEpoch'], settings['evalSteps'], settings['totalSteps']], [35, null, null, 'epoch', plan.totalSteps]);
  assert.ok(notes.some((text) => text.includes(`37 training rows, ${ends[3]} steps of at most 35 tokens (about 3 rows)`)), notes.join('\n'));
  assert.ok(notes.some((text) => text.startsWith('settings: ') && text.includes('tokens-per-batch 35, ') && !text.includes('train-batch-size')));
  assert.match(card, /batch of at most 35 tokens, /);
  assert.equal((await finetune(options)).alreadyComplete, true);
  await assert.rejects(finetune({ ...options, tokensPerBatch: 36 }), /tokensPerBatch: was 35, now 36/);
});

test('a run stopped in the second epoch goes on to the same weights and log', async () => {
  const options = { ...base, numTrainEpochs: 3, gradientAccumulationSteps: 2, loggingSteps: 2 };
  await finetune({ ...options, output: path.join(folder, 'whole') });
  const { epochs } = await prepareFinetune({ ...options, output: '' });
  const stopAt = epochs.stepsIn(1) + 2;
  const abort = new AbortController();
  const output = path.join(folder, 'stopped');
  await assert.rejects(finetune({ ...options, output, signal: abort.signal, progress: (event) => event.type === 'step' && event.step === stopAt && abort.abort('SIGINT') }), InterruptedError);
  await finetune({ ...options, output });
  const [whole, stopped] = [await filesOf('whole'), await filesOf('stopped')];
  assert.ok(whole.weights === stopped.weights, 'the same weights');
  assert.deepEqual(untimed(stopped.state.log_history), untimed(whole.state.log_history));
});

test('the estimate has the steps of the run', async () => {
  const options = { ...base, output: '', numTrainEpochs: 2.5, gradientAccumulationSteps: 2 };
  const { plan } = await prepareFinetune(options);
  const estimate = await estimateFinetune(options);
  assert.equal(estimate.steps, plan.totalSteps);
  assert.ok(estimate.seconds > 0 && Number.isFinite(estimate.seconds));
});

test("a recipe's grid of batch sizes is not searched beside a budget", async () => {
  const output = path.join(folder, 'grid');
  await finetune({ ...base, output, recipe: 'google-small', learningRate: undefined, maxSteps: 2 });
  const { chosen, trials } = JSON.parse(await readFile(path.join(output, 'trials.json'), 'utf8')) as { chosen: string; trials: unknown[] };
  assert.equal(trials.length, 4);
  assert.match(chosen, /^learning-rate-[^_]+$/);
});

test('errors: a size in sequences as well, a budget below the longest row, no number', async () => {
  const cases: readonly (readonly [Partial<FinetuneOptions>, RegExp])[] = [
    [{ perDeviceTrainBatchSize: 8 }, /both --per-device-train-batch-size and --tokens-per-batch are given/],
    [{ tokensPerBatch: 23 }, /tokens-per-batch is 23; expected a whole number of at least 24/],
    // The model has 48 positions: no row is longer.
    [{ tokensPerBatch: 47, maxSeqLength: 128 }, /tokens-per-batch is 47; expected a whole number of at least 48/],
    [{ tokensPerBatch: 99.5 }, /tokens-per-batch is 99.5; expected a whole number/],
  ];
  for (const [changes, message] of cases) {
    await assert.rejects(finetune({ ...base, output: path.join(folder, 'wrong'), ...changes }), (error) => error instanceof UsageError && message.test(error.message));
  }
  const suite = { models: [model], tasks: ['cola'], seeds: [1], data, output: path.join(folder, 'suite'), tokensPerBatch: 64, perDeviceTrainBatchSize: 8 };
  await assert.rejects(runSuite(suite), (error) => error instanceof UsageError && /expected one of them/.test(error.message));
});

test('a suite takes the budget to its runs', async () => {
  const output = path.join(folder, 'suite');
  const { runs } = await runSuite({ models: [model], tasks: ['cola'], seeds: [1], data, output, tokensPerBatch: 64, maxSeqLength: 24, numTrainEpochs: 1, doPredict: false });
  assert.deepEqual(runs.map(({ status }) => status), ['complete']);
  assert.equal((await filesOf(path.join('suite', 'tiny-bert', 'cola', 'seed-1'))).settings['tokensPerBatch'], 64);
});
