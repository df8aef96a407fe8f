import assert from 'node:assert/strict';
import path from 'node:path';
import { before, test } from 'node:test';
import type { PretrainingBatches } from '../../../pretraining/batches.js';
import { preparePretraining } from '../../../pretraining/job.js';
import type { PretrainOptions } from '../../../pretraining/options.js';
import { prepare } from '../../../pretraining/prepare.js';
import { inventedText, temporaryFolder, testTokenizer, writeText } from '../../../pretraining/testing/inventedText.js';
import { readSafetensorsFile } from '../../../src/checkpoint/safetensors.js';
import { UsageError } from '../../../src/data/errors.js';
import type { PretrainingBatch } from '../../../src/data/pretrainingBatch.js';
import { setEngine } from '../../../src/engine/index.js';
import { BertForPreTraining } from '../../../src/models/index.js';
import { otherShare, parseProcessorTime } from './otherWork.js';
import { writeBatches, writeStart } from './pretrainInputs.js';
import { type Round, endToEndShare, ratiosToFastest } from './pretrainReport.js';
import { stepGaps } from './stepGaps.js';

const folder = temporaryFolder();
const data = path.join(folder, 'prepared');
const start = path.join(folder, 'start');
const options: PretrainOptions = { data, model: start, output: path.join(folder, 'run'), seed: 7, perDeviceTrainBatchSize: 3 };

before(async () => {
  await setEngine('cpu');
  const corpus = [writeText(folder, 'corpus.txt', inventedText(40, 12))];
  await prepare({ corpus, tokenizer: testTokenizer(), output: data, maxSeqLength: 24, validationSplitPercentage: 0 });
  await writeStart(start, { data, modelConfig: 'tiny', dropout: 0, seed: 7 });
});

test('the checkpoint to start from has the vocabulary of the data and the dropout that was asked for', async () => {
  const model = await BertForPreTraining.fromPretrained(start);
  assert.deepEqual([model.config.vocabSize, model.config.hiddenDropoutProb, model.config.attentionProbsDropoutProb], [testTokenizer().vocabSize, 0, 0]);
  model.dispose();
});

test('the file holds the batches of the run, end to end', async () => {
  const file = path.join(folder, 'batches.safetensors');
  const written = await writeBatches(file, options, 4);
  const { tensors, metadata } = readSafetensorsFile(file);
  const numbers = (name: string): Int32Array => {
    const bytes = tensors.get(name)?.bytes ?? new Uint8Array();
    return new Int32Array(bytes.slice().buffer);
  };
  const { sources, model } = await preparePretraining(options);
  const batches = sources[0] as PretrainingBatches;
  model.dispose();
  let token = 0;
  let masked = 0;
  let tokens = 0;
  for (let step = 0; step < 4; step++) {
    const batch: PretrainingBatch | undefined = batches.microBatches(step)[0];
    assert.ok(batch !== undefined);
    const { inputIds, tokenTypeIds, cuSeqlens, maskedPositions, maskedLabels, nextSentenceLabels } = batch;
    assert.deepEqual(numbers('input_ids').slice(token, token + inputIds.length), inputIds);
    assert.deepEqual(numbers('token_type_ids').slice(token, token + inputIds.length), tokenTypeIds);
    assert.deepEqual([...numbers('lengths').slice(3 * step, 3 * step + 3)], [1, 2, 3].map((b) => (cuSeqlens[b] ?? 0) - (cuSeqlens[b - 1] ?? 0)));
    assert.equal(numbers('masked_counts')[step], maskedLabels.length);
    assert.deepEqual(numbers('masked_positions').slice(masked, masked + maskedLabels.length), maskedPositions);
    assert.deepEqual(numbers('masked_labels').slice(masked, masked + maskedLabels.length), maskedLabels);
    assert.deepEqual(numbers('next_sentence_labels').slice(3 * step, 3 * step + 3), nextSentenceLabels);
    token += inputIds.length;
    masked += maskedLabels.length;
    tokens += inputIds.length;
  }
  assert.deepEqual([written.steps, written.batchSize, written.tokens, numbers('input_ids').length], [4, 3, tokens, tokens]);
  assert.deepEqual(JSON.parse(metadata['plan'] ?? ''), { batchSize: 3, learningRate: 1e-3, warmup: 0.06, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, maxGradNorm: 1 });
});

test('what the loop of the peer does not do is refused', async () => {
  const file = path.join(folder, 'refused.safetensors');
  await assert.rejects(writeBatches(file, { ...options, gradientAccumulationSteps: 2 }, 1), UsageError);
  await assert.rejects(writeBatches(file, { ...options, lrSchedulerType: 'cosine' }, 1), UsageError);
});

const speed = { precision: 'highest', tokens: 1 } as const;
const peerOf = (tokensPerSecond: number): Round['peers'][number] => ({ ...speed, tokensPerSecond, engine: 'torch', peakRssMb: 1, steps: [] });
const roundOf = (ours: number, bare: readonly [number, number], peers: readonly number[]): Round => ({
  ours: { ...speed, tokensPerSecond: ours, loopSeconds: 1, wallSeconds: 2 }, bareBefore: bare[0], bareAfter: bare[1], seqLength: 9, peers: peers.map(peerOf),
});

test('our command is held against the bare step around it, and against the variant of the peer that is the fastest over all rounds', () => {
  const rounds = [roundOf(960, [1100, 900], [500, 480]), roundOf(1000, [1000, 1000], [100, 400]), roundOf(900, [1000, 800], [200, 450])];
  assert.deepEqual(rounds.map(endToEndShare), [0.96, 1, 1]);
  assert.deepEqual(ratiosToFastest(rounds), { fastest: 1, ratios: [2, 2.5, 2] });
});

test('the time between steps comes from their spans alone, in whatever order the trace has them', () => {
  const span = (ts: number, dur: number, name = 'step', cat = 'span'): object => ({ name, cat, ph: 'X', ts, dur });
  const steps = [span(0, 9000), span(10_000, 9000), span(20_000, 9000), span(49_000, 1000)];
  const trace = { displayTimeUnit: 'ms', otherData: {}, traceEvents: [...steps.reverse(), span(9100, 50, 'update'), span(9100, 50, 'step', 'kernel'), { name: 'process_name', ph: 'M' }] } as const;
  assert.deepEqual(stepGaps(trace), { steps: 4, stepSeconds: 0.028, betweenSeconds: 0.022, medianGapMs: 1, longestGapsMs: [20, 1, 1] });
  assert.throws(() => stepGaps({ ...trace, traceEvents: steps.slice(0, 1) }), /a trace of 1 steps/);
});

test('other work is what the machine did beyond this process and its ended children', () => {
  const machine = (user: number, idle: number, steal: number): string => `cpu  ${user} 10 20 ${idle} 5 1 2 ${steal} 0 0\ncpu0 1 2 3 4\n`;
  const own = (ticks: number): string => `12 (a b) c) S ${Array.from({ length: 10 }, () => 7).join(' ')} ${ticks} 2 30 4 20 0`;
  const before = parseProcessorTime(machine(100, 1000, 0), own(10));
  assert.deepEqual(before, { busy: 133, own: 46, all: 1138 });
  const after = parseProcessorTime(machine(180, 1100, 20), own(60));
  assert.equal(otherShare(before, after), 0.25);
  assert.equal(otherShare(before, { ...before, own: 99 }), 0);
});
