import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync, mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { writeReport } from '../glue/report/writeReport.js';
import { readTrials } from '../glue/trials.js';
import { InterruptedError, UsageError } from '../src/data/errors.js';
import { setEngine } from '../src/engine/index.js';
import { AutoModelForSequenceClassification } from '../src/models/index.js';
import { tensorBoardTag } from '../src/train/tensorBoard.js';
import { readScalars } from '../src/train/testing/readEvents.js';
import { timedValues } from '../src/train/throughput.js';
import type { LogEntry } from '../src/train/types.js';
import { evaluateTask } from './evaluate.js';
import { finetune } from './finetune.js';
import type { FinetuneOptions } from './options.js';
import { predictTask } from './predict.js';
import { runSuite } from './suite.js';
import { writeCola, writeMnli, writeStsb, writeTinyClassifier, writeTinyModel } from './testing/tinyTask.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-finetune-'));
const model = path.join(folder, 'tiny-bert');
const data = path.join(folder, 'glue');
const base = { model, data, task: 'CoLA', learningRate: 3e-3, perDeviceTrainBatchSize: 8, warmupSteps: 2, seed: 5, maxSeqLength: 24 } as const;

before(async () => {
  await setEngine('auto');
  await writeTinyModel(model);
  await writeCola(data);
  await writeStsb(data);
  await writeMnli(data);
});
after(async () => {
  await rm(folder, { recursive: true });
});

async function json(...parts: string[]): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path.join(folder, ...parts), 'utf8')) as Record<string, unknown>;
}

test("a head of another task's classes starts anew, one of the task's own is kept", async () => {
  for (const [name, id2label, told] of [
    ['other', { 0: 'not_duplicate', 1: 'duplicate' }, 'fresh: classifier.weight, classifier.bias'],
    ['own', { 0: 'acceptable', 1: 'unacceptable' }, 'no weight fresh'],
    ['unnamed', { 0: 'LABEL_0', 1: 'LABEL_1' }, 'no weight fresh'],
  ] as const) {
    await writeTinyClassifier(path.join(folder, name), id2label);
    const notes: string[] = [];
    await finetune({ ...base, model: path.join(folder, name), output: path.join(folder, `from-${name}`), maxSteps: 1, progress: (event) => event.type === 'note' && notes.push(event.text) });
    assert.ok(notes.some((note) => note.includes(told)), `${name}: ${notes.join('\n')}`);
  }
});

test('a tiny model overfits 32 rows, writes every file of a checkpoint directory, and evaluate and predict agree with it', async () => {
  const output = path.join(folder, 'overfit');
  const before = tf.memory().numTensors;
  const { results } = await finetune({ ...base, output, numTrainEpochs: 16, command: 'bertwright finetune --task CoLA' });
  assert.equal(tf.memory().numTensors, before);
  assert.equal(results['eval_matthews_correlation'], 1);
  // The model kept is that of the first epoch without a mistake, whose loss is anywhere below chance, ln 2.
  assert.ok(Number(results['eval_loss']) < 0.65, `loss ${String(results['eval_loss'])}`);
  const files = await readdir(output);
  for (const name of ['config.json', 'model.safetensors', 'vocab.txt', 'tokenizer.json', 'tokenizer_config.json', 'trainer_state.json', 'all_results.json', 'train_results.json', 'eval_results.json', 'metrics.jsonl', 'run.json', 'README.md', 'predict_results_cola.txt', 'predictions']) {
    assert.ok(files.includes(name), name);
  }
  assert.ok(!files.some((name) => name.startsWith('checkpoint-') || name === '.lock'), files.join());
  const all = await json('overfit', 'all_results.json');
  for (const key of ['task', 'model', 'seed', 'epoch', 'train_loss', 'train_runtime', 'train_samples_per_second', 'eval_loss', 'eval_samples', 'engine', 'precision', 'versions', 'majority_prediction', 'majority_matthews_correlation']) {
    assert.ok(key in all, key);
  }
  assert.equal(all['eval_samples'], 32);
  const { peakGflops } = (await json('overfit', 'run.json'))['about'] as { peakGflops: number };
  assert.equal(all['peak_gflops'], peakGflops);
  assert.ok(Number(all['train_mfu']) > 0, String(all['train_mfu']));
  for (const entry of (await metricLines('overfit')).filter((line) => 'loss' in line)) {
    for (const key of ['grad_norm', 'learning_rate', ...timedValues]) assert.ok(Number.isFinite(entry[key]), key);
  }
  assert.deepEqual((await json('overfit', 'config.json'))['id2label'], { 0: 'unacceptable', 1: 'acceptable' });
  assert.equal((await json('overfit', 'run.json'))['status'], 'complete');
  assert.equal((await json('overfit', 'run.json'))['command'], 'bertwright finetune --task CoLA');
  assert.match(await readFile(path.join(output, 'README.md'), 'utf8'), /\| matthews_correlation \| 100\.00 \| 0\.00 \|/);

  const evaluated = await evaluateTask({ task: 'cola', model: output, data });
  assert.equal(evaluated['eval_loss'], results['eval_loss']);
  assert.equal(evaluated['eval_matthews_correlation'], 1);
  assert.ok(Number(evaluated['eval_samples_per_second']) > 0);
  const gold = (await readFile(path.join(output, 'predictions', 'dev.jsonl'), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(gold.length === 32 && gold.every((row) => row['label'] === row['prediction']), 'gold labels beside predictions that are all right');
  const lines = (await readFile(path.join(output, 'predictions', 'test.jsonl'), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as unknown);
  const notes: string[] = [];
  const predicted = await predictTask({ task: 'cola', model: output, data, split: 'test', progress: (event) => event.type === 'note' && notes.push(event.text) });
  assert.match(notes.join(), /^3 rows in .* rows a second/);
  assert.deepEqual(predicted, lines);
  assert.deepEqual(predicted.map(({ prediction }) => prediction), ['acceptable', 'acceptable', 'acceptable']);
  assert.ok((predicted[0]?.score ?? 0) > 0.5);
  const table = await readFile(path.join(output, 'predict_results_cola.txt'), 'utf8');
  assert.equal(table.split('\n')[1], '0\tacceptable');
  const [text] = await predictTask({ model: output, rows: [{ textA: 'a young painter garden sang the in song .' }] });
  assert.equal(text?.prediction, 'unacceptable');
});

test('the finished run is not repeated; other settings are refused with the difference', async () => {
  const output = path.join(folder, 'overfit');
  const again = await finetune({ ...base, output, numTrainEpochs: 16 });
  assert.equal(again.alreadyComplete, true);
  assert.equal(again.results['eval_matthews_correlation'], 1);
  await assert.rejects(finetune({ ...base, output, numTrainEpochs: 16, learningRate: 1e-4 }), (error) => error instanceof UsageError && /learningRate: was 0\.003, now 0\.0001/.test(error.message));
});

test('labels of another order are mapped by name: a checkpoint whose classes are swapped scores the same', async () => {
  const swapped = path.join(folder, 'swapped');
  const trained = await AutoModelForSequenceClassification.fromPretrained(path.join(folder, 'overfit'));
  const classifier = trained.namedParameters();
  for (const name of ['classifier.weight', 'classifier.bias']) {
    const variable = classifier.get(name);
    assert.ok(variable !== undefined);
    tf.tidy(() => variable.assign(tf.reverse(variable, 0)));
  }
  await trained.savePretrained(swapped);
  trained.dispose();
  const config = await json('swapped', 'config.json');
  await writeFile(path.join(swapped, 'config.json'), JSON.stringify({ ...config, id2label: { 0: 'acceptable', 1: 'unacceptable' }, label2id: { acceptable: 0, unacceptable: 1 } }));
  for (const name of ['vocab.txt', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']) {
    await writeFile(path.join(swapped, name), await readFile(path.join(folder, 'overfit', name)));
  }
  const results = await evaluateTask({ task: 'cola', model: swapped, data });
  assert.equal(results['eval_matthews_correlation'], 1);
});

const resumable: Omit<FinetuneOptions, 'output'> = { ...base, numTrainEpochs: 3, gradientAccumulationSteps: 2, evalSteps: 2, loggingSteps: 2, perDeviceTrainBatchSize: 5, saveTotalLimit: 2 };

async function metricLines(name: string): Promise<LogEntry[]> {
  const text = await readFile(path.join(folder, name, 'metrics.jsonl'), 'utf8');
  return text.trimEnd().split('\n').map((line) => JSON.parse(line) as LogEntry);
}

/** Steps and values of each tag as TensorBoard should show a log. */
function expectedScalars(log: readonly LogEntry[]): Map<string, [step: number, value: number][]> {
  const byTag = new Map<string, [number, number][]>();
  for (const { step = 0, ...values } of log) {
    for (const [key, value] of Object.entries(values)) {
      const tag = tensorBoardTag(key);
      byTag.set(tag, [...(byTag.get(tag) ?? []), [step, Math.fround(value)]]);
    }
  }
  return byTag;
}

/** Entries of a log without what the clock decides. */
function untimed(log: readonly LogEntry[]): LogEntry[] {
  return log.map((entry) => Object.fromEntries(Object.entries(entry).filter(([name]) => !timedValues.some((timed) => timed === name))));
}

/** What must not depend on interruptions: weights, log, predictions, metrics but for the clock. */
async function outcome(name: string): Promise<unknown> {
  const { log_history: history } = (await json(name, 'trainer_state.json')) as { log_history: LogEntry[] };
  const results = Object.entries(await json(name, 'all_results.json')).filter(([key]) => !/runtime|per_second|model|mfu|gflops/.test(key));
  const metrics = await metricLines(name);
  assert.deepEqual(metrics, history);
  assert.deepEqual(readScalars(path.join(folder, name, 'runs')), expectedScalars(metrics));
  return {
    history: untimed(history),
    results,
    predictions: await readFile(path.join(folder, name, 'predictions', 'dev.jsonl'), 'utf8'),
    weights: (await readFile(path.join(folder, name, 'model.safetensors'))).toString('base64'),
  };
}

test('a run that was stopped in mid-epoch saves, and resumed it is bit-identical to one that was not', async () => {
  await finetune({ ...resumable, output: path.join(folder, 'whole') });
  const abort = new AbortController();
  const output = path.join(folder, 'stopped');
  const progress: FinetuneOptions['progress'] = (event) => {
    if (event.type === 'step' && event.step === 5) abort.abort('SIGINT');
  };
  await assert.rejects(finetune({ ...resumable, output, signal: abort.signal, progress }), (error) => error instanceof InterruptedError && error.exitCode === 130);
  assert.equal((await json('stopped', 'run.json'))['status'], 'interrupted');
  const notes: string[] = [];
  await finetune({ ...resumable, output, progress: (event) => void (event.type === 'note' && notes.push(event.text)) });
  assert.ok(notes.includes('resuming from step 5 of 12'), notes.join('\n'));
  assert.deepEqual(await outcome('stopped'), await outcome('whole'));
  const kept = (await readdir(output)).filter((name) => name.startsWith('checkpoint-'));
  assert.ok(kept.length >= 1 && kept.length <= 3, kept.join());
});

test('a run killed with SIGKILL resumes from its last checkpoint and is bit-identical', async () => {
  const output = path.join(folder, 'killed');
  const script = `
    import { setEngine } from ${JSON.stringify(new URL('../src/engine/index.js', import.meta.url).href)};
    import { finetune } from ${JSON.stringify(new URL('./finetune.js', import.meta.url).href)};
    await setEngine('auto');
    await finetune({ ...${JSON.stringify({ ...resumable, output })}, progress: (event) => {
      if (event.type === 'step' && event.step === 7) process.kill(process.pid, 'SIGKILL');
    } });
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'pipe'] });
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  const signal = await new Promise((resolve) => child.once('exit', (_, name) => resolve(name)));
  assert.equal(signal, 'SIGKILL', errors.join(''));
  await finetune({ ...resumable, output });
  assert.deepEqual(await outcome('killed'), await outcome('whole'));
});

test('STS-B is a regression on the raw score: one output, correlations, numbers as predictions', async () => {
  const output = path.join(folder, 'stsb');
  const { results } = await finetune({ ...base, task: 'stsb', output, numTrainEpochs: 60, learningRate: 1e-2, evalSteps: 0.5 });
  assert.ok(Number(results['eval_pearson']) > 0.5, JSON.stringify(results));
  assert.equal(results['eval_combined_score'], (Number(results['eval_pearson']) + Number(results['eval_spearmanr'])) / 2);
  const [first] = await predictTask({ task: 'stsb', model: output, data });
  assert.equal(typeof first?.prediction, 'number');
  assert.equal(first?.score, undefined);
  assert.deepEqual(first?.logits, [first?.prediction]);
});

test('MNLI is evaluated on both dev sets and predicts the diagnostic set', async () => {
  const output = path.join(folder, 'mnli');
  const { results } = await finetune({ ...base, task: 'mnli', output, numTrainEpochs: 1 });
  for (const key of ['eval_accuracy', 'eval_accuracy_mm', 'eval_loss_mm', 'majority_accuracy_mm']) assert.equal(typeof results[key], 'number', key);
  assert.equal(results['eval_samples'], 11);
  assert.equal(results['eval_samples_mm'], 13);
  assert.deepEqual((await readdir(path.join(output, 'predictions'))).sort(), ['ax.jsonl', 'dev.jsonl', 'dev_mm.jsonl']);
});

test('own data in CSV and JSON lines: labels by name, layer-wise decay, random weights, early stopping', async () => {
  const trainFile = path.join(folder, 'mood.csv');
  const validationFile = path.join(folder, 'mood-dev.jsonl');
  await writeFile(trainFile, 'review,mood\n"the old sailor sang, a song",happy\nthe broken clock,sad\nbread in the garden,happy\nthe door did broke,sad\n');
  await writeFile(validationFile, '{"review":"sang in the garden","mood":"happy"}\n{"review":"the broke clock","mood":"sad"}\n');
  const output = path.join(folder, 'mood');
  const { results } = await finetune({ model, init: 'random', output, trainFile, validationFile, labelColumnName: 'mood', metricName: 'accuracy', numTrainEpochs: 6, perDeviceTrainBatchSize: 2, layerWiseLrDecay: 0.8, earlyStoppingPatience: 2, learningRate: 1e-5 });
  assert.equal(results['task'], 'mood');
  assert.equal(results['init'], 'random');
  assert.ok(Number(results['epoch']) < 6, 'a learning rate that changes nothing stops early');
  assert.deepEqual((await json('mood', 'config.json'))['id2label'], { 0: 'happy', 1: 'sad' });
  const scored = await evaluateTask({ model: output, validationFile, labelColumnName: 'mood' });
  assert.deepEqual([scored['eval_loss'], scored['eval_accuracy']], [results['eval_loss'], results['eval_accuracy']]);
  await assert.rejects(evaluateTask({ model: output }), /nothing to evaluate on/);
  await assert.rejects(evaluateTask({ model: output, validationFile: trainFile, labelColumnName: 'review' }), /label "the old sailor sang, a song", expected one of happy, sad/);
});

test('overrides change the configuration: another training, the new dropout in the checkpoint, and refused when they differ on resuming', async () => {
  const run = (output: string, configOverrides?: readonly string[]) => finetune({ ...base, output: path.join(folder, output), maxSteps: 4, configOverrides });
  await run('as-it-is');
  await run('overridden', ['hidden_dropout_prob=0.4', 'classifier_dropout=0.2']);
  const config = await json('overridden', 'config.json');
  assert.deepEqual([config['hidden_dropout_prob'], config['classifier_dropout']], [0.4, 0.2]);
  assert.notDeepEqual(await readFile(path.join(folder, 'overridden', 'model.safetensors')), await readFile(path.join(folder, 'as-it-is', 'model.safetensors')));
  assert.equal((await run('overridden', ['hidden_dropout_prob=0.4', 'classifier_dropout=0.2'])).alreadyComplete, true);
  await assert.rejects(run('overridden'), (error) => error instanceof UsageError && /configOverrides/.test(error.message));
  await assert.rejects(run('refused', ['hidden_dropout=0.4']), (error) => error instanceof UsageError && /Did you mean "hidden_dropout_prob"/.test(error.message));
  await assert.rejects(run('refused', ['hidden_size=64']), (error) => error instanceof Error && /expected shape|expected \[/.test(error.message));
});

test('the suite runs what is missing, lists what failed, and goes on', async () => {
  const output = path.join(folder, 'suite');
  const options = { models: [model], tasks: ['cola', 'rte', 'stsb'], seeds: [1, 2], data, output, numTrainEpochs: 1, perDeviceTrainBatchSize: 16, doPredict: false } as const;
  const planned = await runSuite({ ...options, dryRun: true });
  assert.equal(planned.runs.length, 6);
  assert.ok(planned.runs.every((run) => run.status === 'planned'));
  await assert.rejects(runSuite({ ...options, models: [model, path.join(folder, 'tiny-brt')] }), /no model directory .*Did you mean "tiny-bert"/, 'before anything runs');
  const { runs } = await runSuite(options);
  assert.deepEqual(runs.map((run) => `${run.task} ${run.seed} ${run.status}`), ['cola 1 complete', 'cola 2 complete', 'rte 1 failed', 'rte 2 failed', 'stsb 1 complete', 'stsb 2 complete']);
  assert.match(runs[2]?.error ?? '', /no folder "RTE"/);
  assert.equal(runs[0]?.directory, path.join(output, 'tiny-bert', 'cola', 'seed-1'));
  assert.ok(Array.isArray((await json('suite', 'suite.json'))['runs']));
  assert.deepEqual((await runSuite({ ...options, dryRun: true })).runs.map((run) => run.status), ['complete', 'complete', 'planned', 'planned', 'complete', 'complete']);
  const all = await runSuite({ ...options, tasks: ['all'], seeds: [1], init: 'random' });
  assert.ok(all.runs.some((run) => run.task === 'rte' && run.status === 'skipped'));
  assert.ok(all.runs.some((run) => run.task === 'mnli' && run.status === 'complete'));
  const listed = (await json('suite', 'suite.json'))['runs'] as unknown[];
  assert.equal(listed.length, 6 + all.runs.length);
});

test('a recipe with a grid runs its points, keeps the best on dev and predicts with it', async () => {
  const output = path.join(folder, 'grid');
  const options = { model, data, task: 'cola', recipe: 'bert-paper', output, numTrainEpochs: 1, seed: 2 } as const;
  const { results } = await finetune(options);
  const { chosen, trials } = (await readTrials(output)) ?? assert.fail('no trials.json');
  assert.deepEqual(trials.map(({ point }) => point), [5e-5, 4e-5, 3e-5, 2e-5].map((learningRate) => ({ learningRate, perDeviceTrainBatchSize: 32 })));
  const best = Math.max(...trials.map(({ runs }) => runs[0]?.value ?? 0));
  assert.equal(trials.find(({ runs }) => runs[0]?.value === best)?.directory, chosen, 'the best, of equals the first');
  assert.equal(results['eval_matthews_correlation'], best);
  assert.ok((await readdir(output)).includes('model.safetensors'));
  assert.deepEqual((await readdir(path.join(output, 'predictions'))).sort(), ['dev.jsonl', 'test.jsonl']);
  assert.deepEqual((await finetune(options)).results, results);
  const { data: report } = await writeReport([output], { output: path.join(folder, 'grid-report') });
  assert.deepEqual(report.systems.filter(({ group }) => group === 'measured').map(({ tasks }) => [tasks.cola?.seeds, tasks.cola?.chosenOf]), [[[2], 4]]);
  await assert.rejects(finetune({ ...options, output: path.join(folder, 'overfit') }), (error) => error instanceof UsageError && /holds a run with other settings/.test(error.message));
});

test('a model that does not exist or has no head is a usage error that says what to do', async () => {
  await assert.rejects(finetune({ ...base, model: path.join(folder, 'tiny-brt'), output: path.join(folder, 'none') }), /Did you mean "tiny-bert"/);
  await assert.rejects(evaluateTask({ task: 'cola', model, data }), /no classification head/);
  await assert.rejects(evaluateTask({ task: 'cola', model, data: `${data}s` }), /no GLUE data folder at .*Did you mean "glue"/);
  await assert.rejects(finetune({ ...base, output: path.join(folder, 'none'), maxTrainSamples: 0 }), /--max-train-samples is 0/);
  await assert.rejects(finetune({ ...base, output: path.join(folder, 'none'), evalStrategy: 'no', earlyStoppingPatience: 1 }), /--early-stopping-patience without evaluations/);
  await assert.rejects(finetune({ ...base, output: path.join(folder, 'none'), metricName: 'f1' }), /both --task and --metric-name/);
  await assert.rejects(finetune({ ...base, output: path.join(folder, 'none'), maxSeqLength: 2 }), /--max-seq-length is 2/);
  assert.ok(!existsSync(path.join(folder, 'none')), 'nothing is written for options that are refused');
  await assert.rejects(evaluateTask({ task: 'mnli', model: path.join(folder, 'overfit'), data }), /labels are unacceptable, acceptable/);
});
