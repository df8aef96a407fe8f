import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { bertConfig, readConfig } from '../src/config/index.js';
import { DataError, InterruptedError, NonFiniteError, UsageError } from '../src/data/errors.js';
import type { PretrainingBatch } from '../src/data/pretrainingBatch.js';
import { engineInfo, setEngine } from '../src/engine/index.js';
import { BertForPreTraining } from '../src/models/index.js';
import { BertTokenizer } from '../src/tokenizer/index.js';
import { optimizerKinds } from '../src/optim/optimizerKinds.js';
import type { ProgressEvent } from '../src/train/types.js';
import { PretrainingBatches, pretrainingVocabulary } from './batches.js';
import { HeldOutEvaluation, metricWarnings } from './evaluate.js';
import { fillMask } from './fill.js';
import { openPrepared } from './manifest.js';
import { defaultMasking } from './masking.js';
import { type PretrainOptions, type PretrainResult, pretrain, pretrainingLoss } from './pretrain.js';
import { prepare } from './prepare.js';
import { countingText, inventedText, temporaryFolder, testTokenizer, writeText } from './testing/inventedText.js';
import { unigramLogProbabilities } from './unigram.js';

const folder = temporaryFolder();
const tokenizer = testTokenizer();
const counting = path.join(folder, 'counting');
const modelConfig = { hiddenSize: 24, numHiddenLayers: 2, numAttentionHeads: 3, intermediateSize: 48, maxPositionEmbeddings: 40 };

before(async () => {
  await setEngine('auto');
  await prepare({ corpus: [writeText(folder, 'counting.txt', countingText(60, 6))], tokenizer, output: counting, maxSeqLength: 32, validationSplitPercentage: 10 });
});

function run(output: string, changes: Partial<PretrainOptions> = {}): Promise<PretrainResult> {
  return pretrain({ data: counting, modelConfig, output: path.join(folder, output), seed: 3, maxSteps: 8, perDeviceTrainBatchSize: 5, ...changes });
}

function weights(output: string): Buffer {
  return readFileSync(path.join(folder, output, 'model.safetensors'));
}

function json(output: string, file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path.join(folder, output, file), 'utf8')) as Record<string, unknown>;
}

/** The log of a run without what the clock decides. */
function history(output: string): unknown {
  const entries = json(output, 'trainer_state.json')['log_history'] as Record<string, number>[];
  return entries.map(({ tokens_per_second, data_wait, mfu, elapsed_seconds, ...entry }) => {
    // Entries of evaluations have no speed.
    if (entry['loss'] === undefined) return entry;
    assert.ok((tokens_per_second ?? 0) > 0 && (elapsed_seconds ?? 0) > 0 && (mfu ?? 0) > 0 && data_wait !== undefined && data_wait >= 0 && data_wait < 1);
    return entry;
  });
}

test('a run on text whose words follow from their neighbours gets far below the word frequencies', { timeout: 120_000 }, async () => {
  const data = path.join(folder, 'counting-runs');
  await prepare({ corpus: [writeText(folder, 'countingRuns.txt', countingText(200, 6))], tokenizer, output: data, maxSeqLength: 16, nextSentence: 'none', validationSplitPercentage: 5 });
  const { results } = await run('learns', {
    data,
    maxSteps: 500,
    perDeviceTrainBatchSize: 16,
    learningRate: 3e-3,
    modelConfig: { ...modelConfig, hiddenSize: 64, numHiddenLayers: 1, numAttentionHeads: 4, hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 },
  });
  const [loss, unigram] = [Number(results['eval_mlm_loss']), Number(results['eval_unigram_loss'])];
  assert.ok(Math.abs(unigram - Math.log(15)) < 0.2, `${unigram}`);
  assert.ok(loss < unigram - 1, `${loss} against ${unigram}`);
  assert.ok(Number(results['eval_mlm_accuracy']) > 0.5);
  assert.ok(Math.abs(Number(results['eval_perplexity']) - Math.exp(loss)) < 1e-9);
  assert.equal(results['kind'], 'pretraining');
  const [candidates] = await fillMask(path.join(folder, 'learns'), 'river stone [MASK] under walk slow green after house', 3);
  assert.equal(candidates?.[0]?.token, 'light');
  assert.equal(candidates?.length, 3);
  const total = (await fillMask(path.join(folder, 'learns'), 'river [MASK] light [MASK] walk', tokenizer.vocabSize)).map((pieces) => pieces.reduce((sum, { score }) => sum + score, 0));
  assert.equal(total.length, 2);
  for (const sum of total) assert.ok(Math.abs(sum - 1) < 1e-5);
});

test('the directory is a checkpoint that loads, with its results and logs', async () => {
  const { results } = await run('files', { evalSteps: 4 });
  const names = readdirSync(path.join(folder, 'files'));
  for (const name of ['config.json', 'model.safetensors', 'vocab.txt', 'tokenizer.json', 'tokenizer_config.json', 'trainer_state.json', 'all_results.json', 'train_results.json', 'eval_results.json', 'metrics.jsonl', 'run.json', 'README.md']) {
    assert.ok(names.includes(name), name);
  }
  assert.deepEqual(json('files', 'config.json')['architectures'], ['BertForPreTraining']);
  assert.equal(json('files', 'run.json')['status'], 'complete');
  assert.deepEqual(json('files', 'all_results.json'), results);
  const evaluations = (history('files') as Record<string, number>[]).filter((entry) => entry['eval_mlm_loss'] !== undefined);
  assert.deepEqual(evaluations.map(({ step }) => step), [4, 8]);
  assert.equal(evaluations.at(-1)?.['eval_mlm_loss'], results['eval_mlm_loss']);
  const model = await BertForPreTraining.fromPretrained(path.join(folder, 'files'));
  assert.deepEqual(model.loadReport.missing, []);
  model.dispose();
});

test('the precision of the engine is as before a run, and the run takes it where nothing else was asked for', async () => {
  const before = engineInfo().matmulPrecision;
  const { results } = await run('precision', { maxSteps: 1 });
  assert.equal(results['precision'], before);
  if (engineInfo().hasBf16) assert.equal((await run('precision-bf16', { maxSteps: 1, matmulPrecision: 'bf16' })).results['precision'], 'bf16');
  else await assert.rejects(run('precision-bf16', { maxSteps: 1, matmulPrecision: 'bf16' }), UsageError);
  assert.equal(engineInfo().matmulPrecision, before);
});

test('after an abort the run goes on and ends bit for bit where an uninterrupted one ends', async () => {
  await run('whole', { evalSteps: 3, gradientAccumulationSteps: 2 });
  for (const stopAt of [1, 3, 6]) {
    const output = `stopped-${stopAt}`;
    const controller = new AbortController();
    const progress = (event: ProgressEvent): void => {
      if (event.type === 'step' && event.step === stopAt) controller.abort('SIGTERM');
    };
    const options = { evalSteps: 3, gradientAccumulationSteps: 2 };
    await assert.rejects(run(output, { ...options, signal: controller.signal, progress }), (error) => error instanceof InterruptedError && error.exitCode === 143);
    assert.equal(json(output, 'run.json')['status'], 'interrupted');
    const notes: string[] = [];
    await run(output, { ...options, progress: (event) => event.type === 'note' && notes.push(event.text) });
    assert.ok(notes.some((note) => note.includes(`resuming from step ${stopAt}`)), notes.join('\n'));
    assert.deepEqual(weights(output), weights('whole'), `stopped at ${stopAt}`);
    assert.deepEqual(history(output), history('whole'));
  }
});

test('after a crash the run goes on from its last checkpoint and ends bit for bit the same', async () => {
  const crash = (event: ProgressEvent): void => {
    if (event.type === 'step' && event.step === 5) throw new Error('crash');
  };
  for (const optimizer of optimizerKinds) {
    const [whole, crashed] = [`uncrashed-${optimizer}`, `crashed-${optimizer}`];
    await run(whole, { saveSteps: 3, optimizer });
    await assert.rejects(run(crashed, { saveSteps: 3, optimizer, progress: crash }), /crash/);
    assert.deepEqual(readdirSync(path.join(folder, crashed)).filter((name) => name.startsWith('checkpoint')), ['checkpoint-3']);
    await run(crashed, { saveSteps: 3, optimizer });
    assert.deepEqual(weights(crashed), weights(whole));
    assert.deepEqual(history(crashed), history(whole));
  }
  assert.notDeepEqual(weights('uncrashed-lamb'), weights('uncrashed-adamw'));
});

test('the same call again does nothing, other settings are refused', async () => {
  const first = await run('again');
  const again = await run('again');
  assert.equal(again.alreadyComplete, true);
  assert.deepEqual(again.results, first.results);
  await assert.rejects(run('again', { learningRate: 0.5 }), (error) => error instanceof UsageError && error.message.includes('learningRate'));
  assert.equal((await run('again', { learningRate: 0.5, overwrite: true })).alreadyComplete, false);
});

test('micro-batches of one step give the update of one large batch', async () => {
  const off = { ...modelConfig, hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 };
  await run('accumulated', { modelConfig: off, perDeviceTrainBatchSize: 4, gradientAccumulationSteps: 3, maxSteps: 3 });
  await run('at-once', { modelConfig: off, perDeviceTrainBatchSize: 12, maxSteps: 3 });
  const losses = (output: string): number[] => (history(output) as Record<string, number>[]).flatMap(({ loss }) => loss ?? []);
  assert.equal(losses('accumulated').length, 3);
  for (const [i, loss] of losses('accumulated').entries()) assert.ok(Math.abs(loss - (losses('at-once')[i] ?? 0)) < 1e-4);
});

test('the loss of a step is the mean over its masked tokens plus the mean over its pairs', async () => {
  const corpus = await openPrepared(counting);
  const vocabulary = pretrainingVocabulary(tokenizer);
  const batches = new PretrainingBatches({ store: corpus.store, documents: corpus.trainDocuments, examples: { nextSentence: 'nsp', maxSeqLength: 32, shortSeqProb: 0.5 }, masking: defaultMasking(32), vocabulary, seed: 1, batchSize: 3, accumulationSteps: 2 });
  const unequal = ([first, second]: readonly PretrainingBatch[]): boolean => first?.maskedLabels.length !== second?.maskedLabels.length;
  const micro = Array.from({ length: batches.stepsPerEpoch }, (_, step) => batches.microBatches(step)).find(unequal) ?? [];
  const model = BertForPreTraining.fromConfig(bertConfig({ ...modelConfig, vocabSize: tokenizer.vocabSize }), { seed: 1 });
  const parts = tf.tidy(() => micro.map((batch) => pretrainingLoss(model)(batch, { training: false }, micro).loss.dataSync()[0] ?? 0));
  const plain = tf.tidy(() => micro.map((batch) => model.packedLoss(batch, { training: false }, { mlmScale: 1, nspScale: 1 })).map(({ mlm, nspLoss }) => [mlm.dataSync()[0] ?? 0, nspLoss.dataSync()[0] ?? 0] as const));
  const masked = micro.reduce((sum, { maskedLabels }) => sum + maskedLabels.length, 0);
  const expected = plain.reduce((sum, [mlm, nsp]) => sum + mlm / masked + nsp / 6, 0);
  assert.equal(micro.length, 2);
  assert.ok(Math.abs(parts.reduce((sum, part) => sum + part, 0) - expected) < 1e-5);
  model.dispose();
});

test('an untrained model is as good as a uniform guess, gets a warning, and leaks no tensor', async () => {
  const corpus = await openPrepared(counting);
  const vocabulary = pretrainingVocabulary(tokenizer);
  const evaluation = new HeldOutEvaluation({ corpus, examples: { nextSentence: 'nsp', maxSeqLength: 32, shortSeqProb: 0.1 }, masking: defaultMasking(32), vocabulary, batchSize: 7 });
  const model = BertForPreTraining.fromConfig(bertConfig({ ...modelConfig, vocabSize: tokenizer.vocabSize }), { seed: 1 });
  const first = await evaluation.run(model);
  const tensors = tf.memory().numTensors;
  assert.deepEqual(await evaluation.run(model), first);
  assert.equal(tf.memory().numTensors, tensors);
  assert.ok(Math.abs(first.eval_mlm_loss - Math.log(tokenizer.vocabSize)) < 0.3);
  assert.ok(first.eval_unigram_loss < first.eval_mlm_loss);
  assert.ok((first.eval_nsp_majority ?? 0) >= 0.5);
  assert.ok(metricWarnings(first).some((warning) => warning.includes('no context')));
  assert.deepEqual(metricWarnings({ ...first, eval_mlm_loss: 0.1, eval_nsp_accuracy: 0.9 }), []);
  model.dispose();
});

test('unigram probabilities have one added to each count', () => {
  const found = unigramLogProbabilities(Float64Array.of(0, 3, 1));
  for (const [i, p] of [1 / 7, 4 / 7, 2 / 7].entries()) assert.ok(Math.abs(Math.exp(found[i] ?? 0) - p) < 1e-12);
});

test('text files are prepared on the way, once', async () => {
  const file = writeText(folder, 'onTheWay.txt', inventedText(20, 6));
  const options: Partial<PretrainOptions> = { data: undefined, corpus: [file], tokenizer, maxSeqLength: 32, nextSentence: 'none', maxSteps: 2 };
  const { results } = await run('onTheWay', options);
  assert.ok(existsSync(path.join(folder, 'onTheWay-data', 'manifest.json')));
  assert.equal(results['eval_nsp_accuracy'], undefined);
  assert.equal((await run('onTheWay', options)).alreadyComplete, true);
  const records = writeText(folder, 'onTheWay.jsonl', ['river stone. Light under.', 'walk river', 'stone light', 'river stone. Light under.'].map((body) => `${JSON.stringify({ body })}\n`).join(''));
  await run('records', { ...options, corpus: [records], textFormat: { textKey: 'body', splitSentences: true, dropRepeated: 'documents' }, validationSplitPercentage: 0, maxSteps: 1, perDeviceTrainBatchSize: 1 });
  const { counts } = JSON.parse(readFileSync(path.join(folder, 'records-data', 'manifest.json'), 'utf8')) as { counts: Record<string, number> };
  assert.deepEqual([counts['documents'], counts['sentences']], [3, 4]);
});

test('going on from a checkpoint starts with its weights', async () => {
  await run('start', { maxSteps: 2 });
  await run('further', { modelConfig: undefined, model: path.join(folder, 'start'), maxSteps: 1, learningRate: 0 });
  const [a, b] = await Promise.all(['start', 'further'].map((output) => BertForPreTraining.fromPretrained(path.join(folder, output))));
  for (const [name, variable] of a?.namedParameters() ?? []) assert.deepEqual(variable.dataSync(), b?.namedParameters().get(name)?.dataSync(), name);
  a?.dispose();
  b?.dispose();
});

test('an abort in the evaluation after the last step exits as the signal says', async () => {
  const controller = new AbortController();
  const progress = (event: ProgressEvent): void => {
    if (event.type === 'step' && event.step === 8) controller.abort('SIGTERM');
  };
  await assert.rejects(run('stopped-at-the-end', { signal: controller.signal, progress }), (error) => error instanceof InterruptedError && error.exitCode === 143);
  assert.equal((await run('stopped-at-the-end')).alreadyComplete, false);
});

test('overrides change the model that is made', async () => {
  await run('overridden', { maxSteps: 1, configOverrides: ['num_hidden_layers=1', 'initializer_range=0.2'] });
  const { numHiddenLayers, initializerRange, hiddenSize } = readConfig(path.join(folder, 'overridden', 'config.json'));
  assert.deepEqual([numHiddenLayers, initializerRange, hiddenSize], [1, 0.2, modelConfig.hiddenSize]);
});

test('a limit of steps of 0 or below is none, as in transformers', async () => {
  const { results } = await run('no-limit', { maxSteps: -1, numTrainEpochs: 0.1 });
  assert.ok(Number(results['epoch']) >= 0.1 && Number(results['epoch']) < 0.5, String(results['epoch']));
});

test('a run that diverges says so in its record', async () => {
  await assert.rejects(run('diverges', { learningRate: 10, maxGradNorm: 0, maxSteps: 400, adamBeta2: 0 }), NonFiniteError);
  const { status, about } = json('diverges', 'run.json') as { status: string; about: { error: string } };
  assert.deepEqual([status, /finite|NaN|infin/i.test(about.error)], ['diverged', true]);
});

test('a tokenizer without the tokens of the examples is refused', () => {
  assert.throws(() => pretrainingVocabulary({ vocabSize: 9, clsTokenId: 2, sepTokenId: -1, maskTokenId: -1, isContinuation: () => false }), (error) => error instanceof UsageError && /no token for \[SEP\], \[MASK\]/.test(error.message));
});

test('a time budget ends the run with a learning rate near zero and logs the rates', { timeout: 60_000 }, async () => {
  const rates: number[] = [];
  const { results } = await run('budget', { maxSteps: undefined, timeBudgetSeconds: 2, warmupRatio: 0.3, progress: (event) => event.type === 'step' && rates.push(event.learningRate) });
  assert.ok(Number(results['train_runtime']) >= 2 && Number(results['train_runtime']) < 10);
  assert.ok((rates.at(-1) ?? 1) < 0.15 * Math.max(...rates), `${rates.at(-1)} of ${Math.max(...rates)}`);
  const peak = rates.indexOf(Math.max(...rates));
  const rising = rates.slice(0, peak + 1);
  assert.ok(rising.every((rate, i) => i === 0 || rate >= (rising[i - 1] ?? 0)) && rising.some((rate) => rate > 0.2 * Math.max(...rates) && rate < 0.8 * Math.max(...rates)), `the warm-up has no jump: ${rising.slice(0, 50).join(' ')}`);
  assert.equal(readFileSync(path.join(folder, 'budget', 'rates.jsonl'), 'utf8').trim().split('\n').length, rates.length);
});

test('wrong calls are refused before anything is written', async () => {
  const single = path.join(folder, 'single');
  await prepare({ corpus: [writeText(folder, 'single.txt', 'river stone\nlight under\nwalk\n')], tokenizer, output: single, maxSeqLength: 32 });
  // As many pieces, two of them in each other's place.
  const other = path.join(folder, 'other');
  const pieces = [...tokenizer.vocab];
  [pieces[8], pieces[9]] = [pieces[9] ?? '', pieces[8] ?? ''];
  const model = BertForPreTraining.fromConfig({ ...modelConfig, vocabSize: tokenizer.vocabSize });
  await model.savePretrained(other);
  model.dispose();
  await BertTokenizer.fromVocab(pieces, { lowercase: true }).save(other);
  const cases: [Partial<PretrainOptions>, string][] = [
    [{ data: undefined }, 'no text'],
    [{ corpus: ['x'] }, '--data and --corpus'],
    [{ data: undefined, corpus: ['x'] }, 'tokenizer'],
    [{ data: path.join(folder, 'nothing') }, 'no prepared corpus'],
    [{ modelConfig: 'tinny' }, 'Did you mean "tiny"'],
    [{ model: folder }, '--model and --model-config'],
    [{ textFormat: { documents: 'line' } }, 'layout of text files'],
    [{ configOverrides: ['hidden_dropout=0'] }, 'Did you mean "hidden_dropout_prob"'],
    [{ modelConfig: undefined, model: folder, configOverrides: ['hidden_dropout_prob=0'] }, '--model and --config-overrides'],
    [{ modelConfig: undefined, model: path.join(folder, 'lerns') }, 'no model directory'],
    [{ maxSeqLength: 64 }, 'positions'],
    [{ data: undefined, corpus: ['absent.txt'], tokenizer: folder, modelConfig: 'tinny' }, 'Did you mean "tiny"'],
    [{ mlmProbability: 2 }, 'mlm-probability'],
    [{ perDeviceTrainBatchSize: 0 }, 'per-device-train-batch-size'],
    [{ tokensPerBatch: 100 }, 'both --per-device-train-batch-size and --tokens-per-batch'],
    [{ perDeviceTrainBatchSize: undefined, tokensPerBatch: 31 }, 'tokens-per-batch is 31; expected a whole number of at least 32'],
    [{ warmupRatio: 3 }, 'warmup-ratio is 3'],
    [{ adamBeta2: 1 }, 'adam-beta2 is 1, expected a number from 0 to below 1'],
    [{ adamEpsilon: 0 }, 'adam-epsilon is 0'],
    [{ tokenizer }, '--tokenizer is given with --data'],
    [{ validationSplitPercentage: 5 }, '--validation-split-percentage is given with --data'],
    [{ modelConfig: undefined, model: other }, 'another tokenizer than that of'],
  ];
  for (const [changes, named] of cases) {
    await assert.rejects(run('refused', changes), (error) => error instanceof UsageError && error.message.includes(named), named);
  }
  await assert.rejects(run('refused', { data: single }), (error) => error instanceof DataError && error.message.includes('single document'));
  assert.ok(!existsSync(path.join(folder, 'refused')));
  await assert.rejects(fillMask(path.join(folder, 'files'), 'no mask here'), UsageError);
});
