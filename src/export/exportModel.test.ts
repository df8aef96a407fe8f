import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readSafetensors, writeSafetensors } from '../checkpoint/safetensors.js';
import { DataError, UsageError } from '../data/errors.js';
import { BertForMaskedLM, BertModel } from '../models/index.js';
import { BertTokenizer } from '../tokenizer/index.js';
import { type ExportFormat, exportModel } from './exportModel.js';
import { type Architecture, architectures, fixtures, largestDifference, makeCheckpoint, ourOutputs, tinyBatches } from './testing/cases.js';
import { decodeOnnx } from './testing/decodeOnnx.js';
import { runGraph } from './testing/runGraph.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-export-'));
after(() => rmSync(folder, { recursive: true, force: true }));
before(async () => {
  tf.enableProdMode();
  await tf.setBackend('cpu');
});

const outputs: Readonly<Record<Architecture, readonly [name: string, shape: readonly (number | string)[]][]>> = {
  BertModel: [['last_hidden_state', ['batch_size', 'sequence_length', 24]], ['pooler_output', ['batch_size', 24]]],
  BertForMaskedLM: [['logits', ['batch_size', 'sequence_length', 53]]],
  BertForSequenceClassification: [['logits', ['batch_size', 3]]],
  BertForPreTraining: [['prediction_logits', ['batch_size', 'sequence_length', 53]], ['seq_relationship_logits', ['batch_size', 2]]],
};

function exported(model: string, name: string, to: ExportFormat, architecture?: string) {
  return exportModel({ model, to, output: path.join(folder, 'exports', name), architecture });
}

function graphOf(name: string) {
  return decodeOnnx(readFileSync(path.join(folder, 'exports', name, 'onnx', 'model.onnx')));
}

function configOf(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path.join(folder, 'exports', name, 'config.json'), 'utf8')) as Record<string, unknown>;
}

/** A copy of a checkpoint with a tokenizer of as many entries as it has embeddings. */
async function withTokenizer(checkpoint: string, modelMaxLength?: number): Promise<string> {
  const directory = `${checkpoint}-tokenizer-${modelMaxLength}`;
  cpSync(checkpoint, directory, { recursive: true });
  const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...Array.from({ length: 48 }, (_, i) => String.fromCodePoint(97 + i))];
  await BertTokenizer.fromVocab(vocab, { lowercase: true, modelMaxLength }).save(directory);
  return directory;
}

for (const architecture of architectures) {
  for (const activation of ['gelu', 'gelu_new', 'relu']) {
    test(`${architecture} with ${activation}: the graph computes what the model does, for every batch size and length`, async () => {
      const checkpoint = await makeCheckpoint(folder, architecture, { hidden_act: activation });
      const name = `${architecture}-${activation}`;
      await exported(checkpoint, name, 'onnx');
      const graph = graphOf(name);
      assert.equal(graph.name, architecture);
      assert.deepEqual(graph.inputs, ['input_ids', 'attention_mask', 'token_type_ids'].map((input) => ({ name: input, dataType: 7, shape: ['batch_size', 'sequence_length'] })));
      assert.deepEqual(graph.outputs, outputs[architecture].map(([output, shape]) => ({ name: output, dataType: 1, shape })));
      for (const batch of tinyBatches) {
        const difference = largestDifference(runGraph(graph, { ...batch }), await ourOutputs(checkpoint, architecture, batch), batch);
        assert.ok(difference < 1e-5, `${JSON.stringify(batch.attention_mask)}: off by ${difference}`);
      }
    });
  }
}

for (const activation of ['gelu', 'gelu_new']) {
  test(`the graph of the golden checkpoint gives the logits that transformers computed, with ${activation}`, async () => {
    const checkpoint = path.join(fixtures, `pretraining-${activation}`);
    await exported(checkpoint, `golden-${activation}`, 'onnx');
    const golden = readSafetensors(path.join(checkpoint, 'golden.safetensors'));
    const rows = (name: string): number[][] => {
      const entry = golden.get(name);
      assert.ok(entry !== undefined, name);
      const values = new Int32Array(entry.bytes.slice().buffer);
      const cols = entry.shape[1] ?? 0;
      return Array.from({ length: entry.shape[0] ?? 0 }, (_, r) => [...values.subarray(r * cols, (r + 1) * cols)]);
    };
    const batch = { input_ids: rows('input_ids'), attention_mask: rows('attention_mask'), token_type_ids: rows('token_type_ids') };
    const expected = Object.fromEntries(['prediction_logits', 'seq_relationship_logits'].map((name) => {
      const entry = golden.get(name);
      assert.ok(entry !== undefined, name);
      return [name, { shape: entry.shape, values: entry.data }];
    }));
    // At the padding too: there the graph computes what transformers does.
    const everywhere = { ...batch, attention_mask: batch.attention_mask.map((row) => row.map(() => 1)) };
    assert.ok(largestDifference(runGraph(graphOf(`golden-${activation}`), batch), expected, everywhere) < 1e-5);
  });
}

test('the tied decoder stands in the file once, and no weight of the model is missing from it', async () => {
  const checkpoint = await makeCheckpoint(folder, 'BertForPreTraining');
  await exported(checkpoint, 'tied', 'onnx');
  const stored = [...graphOf('tied').initializers.values()].filter(({ name }) => !name.startsWith('constant.'));
  const weights = readSafetensors(path.join(checkpoint, 'model.safetensors'));
  assert.deepEqual(stored.map(({ name }) => name.replace('.transposed', '')).sort(), [...weights.keys()].sort());
});

test('hf: what loads there is the same model, in float32, under the class that was asked for', async () => {
  const checkpoint = await withTokenizer(await makeCheckpoint(folder, 'BertForPreTraining', { torch_dtype: 'float16' }));
  const report = await exported(checkpoint, 'hf', 'hf', 'BertForMaskedLM');
  assert.deepEqual(readdirSync(path.join(folder, 'exports', 'hf')).sort(), ['config.json', 'model.safetensors', 'special_tokens_map.json', 'tokenizer.json', 'tokenizer_config.json', 'vocab.txt']);
  assert.deepEqual([configOf('hf')['architectures'], configOf('hf')['torch_dtype']], [['BertForMaskedLM'], undefined]);
  const loaded = await BertForMaskedLM.fromPretrained(path.join(folder, 'exports', 'hf'));
  const original = await BertForMaskedLM.fromPretrained(checkpoint);
  assert.deepEqual(loaded.loadReport, { missing: [], unexpected: [] });
  for (const [name, variable] of original.namedParameters()) assert.deepEqual(loaded.namedParameters().get(name)?.dataSync(), variable.dataSync(), name);
  assert.match(report.notes.join('\n'), /left out, not part of BertForMaskedLM: 4 tensors \(bert\.pooler\.dense\.bias, bert\.pooler\.dense\.weight, cls\.seq_relationship\.bias, cls\.seq_relationship\.weight\)/);
  assert.ok(report.files.every(({ file, bytes }) => readFileSync(file).byteLength === bytes) && report.files.length === 6);
});

test('hf: LayerNorm weights under TensorFlow\'s names are written under those of today', async () => {
  const checkpoint = await makeCheckpoint(folder, 'BertForPreTraining');
  const old = path.join(folder, 'old-names');
  cpSync(checkpoint, old, { recursive: true });
  const tensors = [...readSafetensors(path.join(checkpoint, 'model.safetensors'))];
  writeSafetensors(path.join(old, 'model.safetensors'), new Map(tensors.map(([name, { shape, data }]) => [name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'), { shape, data }])));
  await exported(old, 'renamed', 'hf');
  const written = readSafetensors(path.join(folder, 'exports', 'renamed', 'model.safetensors'));
  assert.deepEqual([...written.keys()].sort(), tensors.map(([name]) => name).sort());
  for (const [name, { data }] of tensors) assert.deepEqual([written.get(name)?.dtype, written.get(name)?.data], ['F32', data], name);
});

test('a tokenizer that names no longest input takes the model\'s; a shorter one stays', async () => {
  const checkpoint = await makeCheckpoint(folder, 'BertModel');
  for (const [given, expected] of [[undefined, 19], [512, 19], [9, 9]] as const) {
    await exported(await withTokenizer(checkpoint, given), `limit-${given}`, 'transformers.js');
    assert.equal((await BertTokenizer.fromPretrained(path.join(folder, 'exports', `limit-${given}`))).modelMaxLength, expected);
  }
});

test('transformers.js: its settings say that there is one file, in float32; without a tokenizer it is refused', async () => {
  const checkpoint = await makeCheckpoint(folder, 'BertForPreTraining', { 'transformers.js_config': { use_external_data_format: true } });
  await assert.rejects(exported(checkpoint, 'no-tokenizer', 'transformers.js'), (error) => error instanceof UsageError && /transformers\.js needs a tokenizer/.test(error.message));
  assert.ok(!existsSync(path.join(folder, 'exports', 'no-tokenizer')));
  const { notes } = await exported(await withTokenizer(checkpoint), 'js', 'transformers.js');
  assert.deepEqual(configOf('js')['transformers.js_config'], { dtype: 'fp32' });
  assert.match(notes.join('\n'), /no pipeline of transformers\.js takes both pretraining heads; --architecture BertForMaskedLM/);
  await exported(checkpoint, 'no-settings', 'onnx');
  assert.equal(configOf('no-settings')['transformers.js_config'], undefined);
});

test('an encoder whose checkpoint has no pooler is exported without one', async () => {
  const checkpoint = await makeCheckpoint(folder, 'BertForMaskedLM');
  const { notes } = await exported(checkpoint, 'no-pooler', 'onnx', 'BertModel');
  assert.deepEqual(graphOf('no-pooler').outputs.map(({ name }) => name), ['last_hidden_state']);
  assert.match(notes.join('\n'), /no pooler/);
  await exported(checkpoint, 'no-pooler-hf', 'hf', 'BertModel');
  assert.deepEqual((await BertModel.fromPretrained(path.join(folder, 'exports', 'no-pooler-hf'))).loadReport.missing, ['pooler.dense.weight', 'pooler.dense.bias']);
});

test('a head, or its pooler, that the checkpoint lacks is an error and nothing is written', async () => {
  const checkpoint = await makeCheckpoint(folder, 'BertForMaskedLM');
  for (const to of ['hf', 'onnx'] as const) {
    await assert.rejects(exported(checkpoint, 'no-head', to, 'BertForSequenceClassification'), (error) => error instanceof DataError && /lack bert\.pooler\.dense\.weight, bert\.pooler\.dense\.bias, classifier\.weight, classifier\.bias/.test(error.message));
  }
  assert.ok(!existsSync(path.join(folder, 'exports', 'no-head')));
});

test('the class must be known: named by config.json, or given', async () => {
  const checkpoint = await makeCheckpoint(folder, 'BertForMaskedLM');
  const file = path.join(checkpoint, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  await assert.rejects(exported(checkpoint, 'unknown', 'onnx', 'BertForMaskedLm'), (error) => error instanceof UsageError && /unknown architecture "BertForMaskedLm".*Did you mean "BertForMaskedLM"/.test(error.message));
  writeFileSync(file, JSON.stringify({ ...config, architectures: ['BertForTokenClassification'] }));
  await assert.rejects(exported(checkpoint, 'unknown', 'onnx'), (error) => error instanceof DataError && error.message.startsWith(`${file}: architectures names "BertForTokenClassification"`));
  writeFileSync(file, JSON.stringify({ ...config, architectures: undefined }));
  await assert.rejects(exported(checkpoint, 'unknown', 'onnx'), (error) => error instanceof UsageError && /names no class under "architectures"/.test(error.message));
  writeFileSync(file, JSON.stringify(config));
  assert.ok(!existsSync(path.join(folder, 'exports', 'unknown')));
});

test('a folder with files is written into only where that is asked for', async () => {
  const checkpoint = await makeCheckpoint(folder, 'BertModel');
  const output = path.join(folder, 'exports', 'full');
  mkdirSync(output, { recursive: true });
  writeFileSync(path.join(output, 'notes.txt'), 'mine');
  await assert.rejects(exportModel({ model: checkpoint, to: 'onnx', output }), (error) => error instanceof UsageError && /holds files \(notes\.txt\)/.test(error.message));
  await exportModel({ model: checkpoint, to: 'onnx', output, overwrite: true });
  assert.deepEqual(readdirSync(output).sort(), ['config.json', 'notes.txt', 'onnx']);
});
