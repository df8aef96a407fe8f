import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { MetricLog, RateLog, trainerStateJson } from './metricLog.js';
import { createProgress, formatNumber, formatSeconds } from './progress.js';
import type { ProgressEvent } from './types.js';

function stepEvent(step: number, totalSteps = 40): ProgressEvent {
  return { type: 'step', step, totalSteps, epoch: step / 20, loss: 0.712, learningRate: 2e-5, gradNorm: 1, tokensPerSecond: 1234.5, samplesPerSecond: 9, secondsLeft: 75, metrics: {} };
}

function written(isTTY: boolean, events: readonly ProgressEvent[], options: { quiet?: boolean; interval?: number } = {}): string {
  const parts: string[] = [];
  const progress = createProgress({ stream: { isTTY, columns: 100, write: (text) => parts.push(text) }, label: 'CoLA', ...options });
  for (const event of events) progress(event);
  return parts.join('');
}

test('off a terminal: a line at once, then only every interval, and always the last; no escape sequences', () => {
  const text = written(false, [stepEvent(1), stepEvent(2), stepEvent(40)], { interval: 1000 });
  assert.deepEqual(text.split('\n'), [
    'CoLA: step 1/40, epoch 0.05, loss 0.712, lr 2.00e-5, 1235 tokens/s, 1:15 left',
    'CoLA: step 40/40, epoch 2.00, loss 0.712, lr 2.00e-5, 1235 tokens/s, 1:15 left',
    '',
  ]);
});

test('on a terminal: a bar in one line, cleared before the next whole line', () => {
  const text = written(true, [stepEvent(20), { type: 'eval', step: 20, totalSteps: 40, metrics: { eval_accuracy: 0.71239, step: 20 } }]);
  assert.ok(text.startsWith('\r\x1b[2KCoLA: [==========          ] step 20/40'), JSON.stringify(text));
  assert.ok(text.endsWith('\r\x1b[2KCoLA: step 20: eval_accuracy 0.7124\n'), JSON.stringify(text));
});

test('quiet writes nothing; control characters of a note do not reach the terminal', () => {
  assert.equal(written(false, [stepEvent(1)], { quiet: true }), '');
  assert.equal(written(false, [{ type: 'note', text: 'a\x1b]0;x\x07b\u202ec' }]), 'CoLA: a ]0;x b c\n');
});

test('times and numbers are short', () => {
  assert.deepEqual([3, 125, 3723, Number.POSITIVE_INFINITY].map(formatSeconds), ['0:03', '2:05', '1:02:03', '?']);
  assert.deepEqual([0, 0.00002, 0.71239, 12345.6].map(formatNumber), ['0', '2.00e-5', '0.7124', '12346']);
});

test('metrics.jsonl starts with what a resumed run already has, and grows by a line an entry', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bertwright-log-'));
  await appendFile(path.join(folder, 'metrics.jsonl'), '{"step":5}\n{"step":9}\n{"st');
  new MetricLog(folder, [{ step: 5 }]).append({ step: 10, loss: 0.5 });
  assert.equal(await readFile(path.join(folder, 'metrics.jsonl'), 'utf8'), '{"step":5}\n{"step":10,"loss":0.5}\n');
  await rm(folder, { recursive: true });
});

test('rates are read back, a cut last line left out', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bertwright-rates-'));
  const log = new RateLog(folder);
  log.record(0, 0.25);
  log.record(1, 0.1);
  await appendFile(path.join(folder, 'rates.jsonl'), '{"step":2,"fac');
  const again = new RateLog(folder);
  assert.deepEqual([0, 1, 2].map((step) => again.recorded(step)), [0.25, 0.1, undefined]);
  again.record(2, 0.5);
  assert.equal(new RateLog(folder).recorded(2), 0.5);
  await rm(folder, { recursive: true });
});

test("trainer_state.json has the Trainer's keys", () => {
  const state = JSON.parse(trainerStateJson({ bestMetric: 0.5, bestModelCheckpoint: 'checkpoint-4', globalStep: 8, maxSteps: 8, epoch: 2, numTrainEpochs: 2, loggingSteps: 2, evalSteps: 4, saveSteps: 4, trainBatchSize: 16, history: [{ step: 2, loss: 1 }] })) as Record<string, unknown>;
  assert.equal(state['best_metric'], 0.5);
  assert.equal(state['global_step'], 8);
  assert.deepEqual(state['log_history'], [{ step: 2, loss: 1 }]);
});
