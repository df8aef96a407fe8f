import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setEngine } from '../../src/engine/index.js';
import type { QuickstartPlan } from './plan.js';
import { quickstart } from './quickstart.js';

/** The whole chain at its smallest: a few steps, a few rows of every task. */
const plan: QuickstartPlan = {
  vocabSize: 1500,
  modelConfig: 'tiny',
  pretraining: { steps: 3, batchSize: 4, maxSeqLength: 32, learningRate: 1e-3, evalSteps: 2, evalSamples: 20 },
  finetuning: { maxTrainSamples: 8, maxEvalSamples: 12, epochs: 1, batchSize: 4, learningRate: 1e-3, maxSeqLength: 32 },
};

test('the chain runs from text to report, and a second run finds everything done', async () => {
  await setEngine('auto');
  const output = path.join(mkdtempSync(path.join(os.tmpdir(), 'bertwright-quickstart-')), 'q');
  const options = { output, seed: 3, quiet: true, overwrite: false, command: 'bertwright quickstart', signal: new AbortController().signal, plan };
  const first = await quickstart(options);
  const text = readFileSync(first.markdown, 'utf8');
  for (const title of ['CoLA', 'SST-2', 'MRPC', 'STS-B', 'MNLI', 'QNLI', 'RTE', 'WNLI']) assert.match(text, new RegExp(`^\\| ${title} \\| tiny \\|`, 'm'), title);
  assert.match(text, /^\| Majority baseline \|/m);
  assert.match(text, /^\| QQP \| not run; Quora's terms .* bertwright finetune --task qqp/m);
  assert.match(text, /held-out MLM loss \(nats\) \| \d/);
  assert.match(text, /no context yet/, 'three steps teach nothing, and the report says so');
  assert.ok(existsSync(path.join(output, 'tiny', 'model.safetensors')));

  const weights = readFileSync(path.join(output, 'tiny', 'model.safetensors'));
  const results = readFileSync(path.join(output, 'tiny', 'all_results.json'), 'utf8');
  await quickstart(options);
  assert.deepEqual(readFileSync(path.join(output, 'tiny', 'model.safetensors')), weights);
  assert.equal(readFileSync(path.join(output, 'tiny', 'all_results.json'), 'utf8'), results, 'not trained again');
});
