/** Fine-tuning with adapters: alone on the disk, scored as they were, resumed to the bit, merged by export, named in reports. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { writeReport } from '../glue/report/writeReport.js';
import { readSafetensors, writeSafetensors } from '../src/checkpoint/safetensors.js';
import { readConfig } from '../src/config/index.js';
import { UsageError } from '../src/data/errors.js';
import { setEngine } from '../src/engine/index.js';
import { exportModel } from '../src/export/exportModel.js';
import { BertModel } from '../src/models/index.js';
import { evaluateTask } from './evaluate.js';
import { finetune } from './finetune.js';
import type { FinetuneOptions } from './options.js';
import { predictTask } from './predict.js';
import { runSuite } from './suite.js';
import { writeCola, writeStsb, writeTinyModel } from './testing/tinyTask.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-tuned-adapters-'));
const model = path.join(folder, 'tiny-bert');
const data = path.join(folder, 'glue');
const base = { model, data, task: 'CoLA', learningRate: 1e-2, perDeviceTrainBatchSize: 8, warmupSteps: 2, seed: 5, maxSeqLength: 24, numTrainEpochs: 20 } as const;
const lora = { adapter: 'lora', loraR: 4, loraTargetModules: ['all-linear'] } as const;

before(async () => {
  await setEngine('auto');
  await writeTinyModel(model);
  // Larger weights than a new model's: an adapter beside features that are all alike has nothing to go by.
  const featured = BertModel.fromConfig({ ...readConfig(path.join(model, 'config.json')), initializerRange: 0.2 }, { seed: 3 });
  await featured.savePretrained(model);
  featured.dispose();
  await writeCola(data);
  await writeStsb(data);
});
after(() => rmSync(folder, { recursive: true }));

const file = (...parts: string[]): Buffer => readFileSync(path.join(folder, ...parts));
const json = (...parts: string[]): Record<string, unknown> => JSON.parse(file(...parts).toString()) as Record<string, unknown>;
const run = (output: string, changes: Partial<FinetuneOptions> = {}) => finetune({ ...base, ...lora, output: path.join(folder, output), ...changes });

test('LoRA learns, leaves no tensor behind, is saved alone, and evaluate and predict agree with it', async () => {
  const before = tf.memory().numTensors;
  const { results } = await run('lora');
  assert.equal(tf.memory().numTensors, before);
  assert.ok(Number(results['eval_matthews_correlation']) > 0.6, `MCC ${String(results['eval_matthews_correlation'])}`);
  assert.ok(!existsSync(path.join(folder, 'lora', 'model.safetensors')));
  const settings = json('lora', 'adapter_config.json');
  assert.deepEqual([settings['peft_type'], settings['r'], settings['lora_alpha'], settings['base_model_name_or_path']], ['LORA', 4, 16, model]);
  const targets = settings['target_modules'] as string[];
  assert.deepEqual([targets.length, targets[0]], [12, 'bert.encoder.layer.0.attention.self.query'], 'all linear layers by name, as any peft reads them');
  const all = json('lora', 'all_results.json');
  assert.equal(all['adapter'], 'LoRA r 4');
  assert.ok(Number(all['trainable_parameters']) < Number(all['parameters']) / 3);
  assert.ok(statSync(path.join(folder, 'lora', 'adapter_model.safetensors')).size < 4 * Number(all['trainable_parameters']) + 20_000);
  const evaluated = await evaluateTask({ task: 'cola', model: path.join(folder, 'lora'), data });
  assert.equal(evaluated['eval_matthews_correlation'], results['eval_matthews_correlation']);
  assert.ok(Math.abs(Number(evaluated['eval_loss']) - Number(results['eval_loss'])) < 1e-5);
  const lines = file('lora', 'predictions', 'test.jsonl').toString().trimEnd().split('\n').map((line) => (JSON.parse(line) as { prediction: string }).prediction);
  assert.deepEqual((await predictTask({ task: 'cola', model: path.join(folder, 'lora'), data, split: 'test' })).map(({ prediction }) => prediction), lines);
});

test('export merges LoRA: a whole model with the same scores', async () => {
  const output = path.join(folder, 'merged');
  await exportModel({ model: path.join(folder, 'lora'), to: 'hf', output });
  assert.ok(existsSync(path.join(output, 'model.safetensors')) && !existsSync(path.join(output, 'adapter_config.json')));
  const [merged, beside] = [await evaluateTask({ task: 'cola', model: output, data }), json('lora', 'all_results.json')];
  assert.equal(merged['eval_matthews_correlation'], beside['eval_matthews_correlation']);
  assert.ok(Math.abs(Number(merged['eval_loss']) - Number(beside['eval_loss'])) < 1e-5);
});

test('a stopped run with an adapter ends to the bit as one that was not', async () => {
  const controller = new AbortController();
  await assert.rejects(run('stopped', { signal: controller.signal, progress: (event) => event.type === 'step' && event.step === 9 && controller.abort('SIGTERM') }));
  assert.ok(!existsSync(path.join(folder, 'stopped', 'checkpoint-9', 'model.safetensors')) && existsSync(path.join(folder, 'stopped', 'checkpoint-9', 'adapter_model.safetensors')));
  await run('stopped');
  assert.deepEqual(file('stopped', 'adapter_model.safetensors'), file('lora', 'adapter_model.safetensors'));
});

test('a bottleneck learns and is applied when it is loaded; it cannot be exported whole', async () => {
  const output = path.join(folder, 'bottleneck');
  const { results } = await finetune({ ...base, adapter: 'bottleneck', bottleneckSize: 8, output });
  assert.ok(Number(results['eval_matthews_correlation']) > 0.6, `MCC ${String(results['eval_matthews_correlation'])}`);
  assert.equal(json('bottleneck', 'adapter_config.json')['peft_type'], 'BERTWRIGHT_BOTTLENECK');
  const evaluated = await evaluateTask({ task: 'cola', model: output, data });
  assert.ok(Math.abs(Number(evaluated['eval_loss']) - Number(results['eval_loss'])) < 1e-5);
  await assert.rejects(exportModel({ model: output, to: 'hf', output: path.join(folder, 'refused') }), (error) => error instanceof UsageError && /bottleneck cannot be merged/.test(error.hint ?? ''));
});

test('many adapters on one base: the suite and the report keep them apart from full fine-tuning', async () => {
  const output = path.join(folder, 'suite');
  const options = { models: [model], tasks: ['stsb'], seeds: [1], data, output, numTrainEpochs: 1, perDeviceTrainBatchSize: 8, maxSeqLength: 24, doPredict: false } as const;
  await runSuite(options);
  const { runs } = await runSuite({ ...options, adapter: 'lora' });
  assert.deepEqual(runs.map(({ status, directory }) => [status, path.relative(output, directory)]), [['complete', path.join('tiny-bert-lora-8', 'stsb', 'seed-1')]]);
  const { data: report } = await writeReport([output], { output: path.join(folder, 'report') });
  assert.deepEqual(report.systems.filter(({ group }) => group === 'measured').map(({ name }) => name).sort(), ['tiny-bert', 'tiny-bert, LoRA r 8']);
  assert.deepEqual(report.comparisons.map(({ a, b }) => [a, b].sort()), [['tiny-bert', 'tiny-bert, LoRA r 8']]);
});

test('a base without a pooler is refused: a random one under the adapter would be lost', async () => {
  const bare = path.join(folder, 'bare');
  await writeTinyModel(bare);
  const tensors = new Map([...readSafetensors(path.join(bare, 'model.safetensors'))].filter(([name]) => !name.includes('pooler')).map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]));
  writeSafetensors(path.join(bare, 'model.safetensors'), tensors, {});
  await assert.rejects(run('from-bare', { model: bare }), (error) => error instanceof UsageError && /has no bert\.pooler\.dense\.weight, bert\.pooler\.dense\.bias, and an adapter is saved without/.test(error.message));
});

test('a run of all weights over one of an adapter leaves nothing of it', async () => {
  await run('twice', { numTrainEpochs: 1 });
  const { results } = await finetune({ ...base, numTrainEpochs: 2, output: path.join(folder, 'twice'), overwrite: true });
  assert.ok(!existsSync(path.join(folder, 'twice', 'adapter_config.json')) && !existsSync(path.join(folder, 'twice', 'adapter_model.safetensors')));
  assert.equal((await evaluateTask({ task: 'cola', model: path.join(folder, 'twice'), data }))['eval_loss'], results['eval_loss']);
});

test('settings that do not fit are refused before anything is written', async () => {
  const cases: readonly (readonly [Partial<FinetuneOptions>, RegExp])[] = [
    [{ adapter: 'none' }, /--lora-r is given with --adapter none/],
    [{ bottleneckSize: 4 }, /--bottleneck-size is given with --adapter lora/],
    [{ loraR: 0 }, /rank is 0/],
    [{ loraTargetModules: ['qeury'] }, /Did you mean "query"/],
    [{ model: path.join(folder, 'lora') }, /holds an adapter, not a model to fine-tune/],
    [{ init: 'random' }, /--init random with an adapter/],
    [{ configOverrides: ['hidden_dropout_prob=0', 'hidden_act=relu'] }, /--config-overrides hidden_act=relu with an adapter/],
  ];
  for (const [changes, message] of cases) {
    await assert.rejects(run('refused', changes), (error) => {
      assert.match((error as Error).message, message);
      return error instanceof UsageError;
    });
  }
  assert.ok(!existsSync(path.join(folder, 'refused', 'adapter_config.json')));
});
