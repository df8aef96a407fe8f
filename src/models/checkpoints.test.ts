import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readSafetensors, readSafetensorsFile, type TensorData, writeSafetensors } from '../checkpoint/safetensors.js';
import type { PartialBertConfig } from '../config/index.js';
import { DataError, IoError, UsageError } from '../data/errors.js';
import { AutoModel, AutoModelForSequenceClassification, BertForMaskedLM, BertForPreTraining, BertForSequenceClassification, BertModel } from './index.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-models-'));
after(() => rmSync(folder, { recursive: true, force: true }));
before(async () => {
  tf.enableProdMode();
  await tf.setBackend('cpu');
});

const small: PartialBertConfig = { vocabSize: 23, hiddenSize: 8, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 13, maxPositionEmbeddings: 9, initializerRange: 0.3 };
const inputs = { inputIds: [[2, 7, 9, 3, 0], [5, 4, 3, 2, 1]], attentionMask: [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]] };

/** A directory whose weights are those of `from`, renamed, dropped (undefined) or added to. */
function rewrite(from: string, name: string, change: (tensors: Map<string, TensorData>) => void): string {
  const to = path.join(folder, name);
  cpSync(from, to, { recursive: true });
  const tensors = new Map<string, TensorData>([...readSafetensors(path.join(from, 'model.safetensors'))].map(([key, { shape, data }]) => [key, { shape, data }]));
  change(tensors);
  writeSafetensors(path.join(to, 'model.safetensors'), tensors, { format: 'pt' });
  return to;
}

function renameAll(tensors: Map<string, TensorData>, rename: (name: string) => string): void {
  const old = [...tensors];
  tensors.clear();
  for (const [name, tensor] of old) tensors.set(rename(name), tensor);
}

async function savedPretraining(name: string): Promise<{ directory: string; model: BertForPreTraining }> {
  const directory = path.join(folder, name);
  const model = BertForPreTraining.fromConfig({ ...small, extra: { use_cache: true, torch_dtype: 'float16' } }, { seed: 3 });
  await model.savePretrained(directory);
  return { directory, model };
}

test('what is saved loads again with the same outputs, configuration and nothing missing or unexpected', async () => {
  const { directory, model } = await savedPretraining('round');
  const loaded = await BertForPreTraining.fromPretrained(directory);
  assert.deepEqual(loaded.loadReport, { missing: [], unexpected: [] });
  assert.deepEqual(loaded.forward(inputs).predictionLogits.dataSync(), model.forward(inputs).predictionLogits.dataSync());
  const { tensors, metadata } = readSafetensorsFile(path.join(directory, 'model.safetensors'));
  assert.equal(metadata['format'], 'pt');
  assert.ok(!tensors.has('cls.predictions.decoder.weight') && tensors.has('cls.predictions.bias'), 'the tied decoder is left out');
  const json = JSON.parse(readFileSync(path.join(directory, 'config.json'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual([json['architectures'], json['model_type'], json['use_cache'], json['torch_dtype']], [['BertForPreTraining'], 'bert', true, undefined]);
  assert.deepEqual(readdirSync(directory).sort(), ['config.json', 'model.safetensors']);
});

test('an encoder loads from a checkpoint with heads, and a head from an encoder: missing and unexpected weights are listed', async () => {
  const { directory, model } = await savedPretraining('mixed');
  const encoder = await BertModel.fromPretrained(directory);
  assert.deepEqual(encoder.loadReport.missing, []);
  assert.ok(encoder.loadReport.unexpected.includes('cls.seq_relationship.weight') && encoder.loadReport.unexpected.length === 7);
  const bare = path.join(folder, 'bare');
  await encoder.savePretrained(bare);
  assert.ok(readSafetensors(path.join(bare, 'model.safetensors')).has('encoder.layer.1.output.dense.weight'), 'saved without prefix');
  const classifier = await BertForSequenceClassification.fromPretrained(bare, { id2label: ['no', 'maybe', 'yes'], seed: 5 });
  assert.deepEqual(classifier.loadReport, { missing: ['classifier.weight', 'classifier.bias'], unexpected: [] });
  assert.deepEqual(classifier.config.id2label, { 0: 'no', 1: 'maybe', 2: 'yes' });
  const again = await BertForSequenceClassification.fromPretrained(bare, { numLabels: 3, seed: 5 });
  assert.deepEqual(again.forward(inputs).logits.dataSync(), classifier.forward(inputs).logits.dataSync(), 'the same seed starts the same head');
  const masked = await BertForMaskedLM.fromPretrained(directory);
  assert.deepEqual(masked.forward(inputs).logits.dataSync(), model.forward(inputs).predictionLogits.dataSync());
  assert.ok(![...masked.namedParameters().keys()].some((name) => name.includes('pooler')), 'as in transformers, no pooler');
  const saved = path.join(folder, 'masked');
  await masked.savePretrained(saved);
  const { loadReport } = await BertForSequenceClassification.fromPretrained(saved);
  assert.deepEqual(loadReport.missing, ['bert.pooler.dense.weight', 'bert.pooler.dense.bias', 'classifier.weight', 'classifier.bias']);
  assert.deepEqual((await BertModel.fromPretrained(saved)).loadReport.missing, ['pooler.dense.weight', 'pooler.dense.bias'], 'named as namedParameters names them');
});

test('foreign names: legacy LayerNorm, no prefix, position ids, a repeated tied decoder, a bias under the decoder', async () => {
  const { directory, model } = await savedPretraining('foreign');
  const wanted = model.forward(inputs).predictionLogits.dataSync();
  const variants: [string, (tensors: Map<string, TensorData>) => void][] = [
    ['legacy', (tensors) => renameAll(tensors, (name) => name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'))],
    ['prefixless', (tensors) => renameAll(tensors, (name) => name.replace(/^bert\./, ''))],
    ['positions', (tensors) => void tensors.set('bert.embeddings.position_ids', { shape: [1, 9], data: Int32Array.from({ length: 9 }, (_, i) => i) })],
    [
      'decoder',
      (tensors) => {
        const words = tensors.get('bert.embeddings.word_embeddings.weight');
        const bias = tensors.get('cls.predictions.bias');
        assert.ok(words !== undefined && bias !== undefined);
        tensors.set('cls.predictions.decoder.weight', words);
        tensors.set('cls.predictions.decoder.bias', bias);
      },
    ],
    [
      'bias',
      (tensors) => {
        const words = tensors.get('bert.embeddings.word_embeddings.weight');
        assert.ok(words !== undefined);
        renameAll(tensors, (name) => (name === 'cls.predictions.bias' ? 'cls.predictions.decoder.bias' : name));
        tensors.set('cls.predictions.decoder.weight', words);
      },
    ],
  ];
  for (const [name, change] of variants) {
    const changed = rewrite(directory, `foreign-${name}`, change);
    for (const ignoreMismatchedSizes of [false, true]) {
      const loaded = await BertForPreTraining.fromPretrained(changed, { ignoreMismatchedSizes });
      assert.deepEqual(loaded.loadReport, { missing: [], unexpected: [] }, name);
      assert.deepEqual(loaded.forward(inputs).predictionLogits.dataSync(), wanted, name);
    }
  }
  const untied = rewrite(directory, 'untied', (tensors) => void tensors.set('cls.predictions.decoder.weight', { shape: [23, 8], data: new Float32Array(23 * 8) }));
  assert.deepEqual((await BertForPreTraining.fromPretrained(untied)).loadReport.unexpected, ['cls.predictions.decoder.weight'], 'another decoder is not tied silently');
});

test('half-precision weights are widened', async () => {
  const { directory } = await savedPretraining('half');
  const to = path.join(folder, 'half-bf16');
  cpSync(directory, to, { recursive: true });
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of readSafetensors(path.join(directory, 'model.safetensors'))) {
    const halves = Uint16Array.from(new Uint32Array(data.slice().buffer), (bits) => bits >>> 16);
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + halves.byteLength] };
    offset += halves.byteLength;
    parts.push(new Uint8Array(halves.buffer));
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path.join(to, 'model.safetensors'), Buffer.concat([length, text, ...parts]));
  const loaded = await BertForPreTraining.fromPretrained(to);
  assert.deepEqual(loaded.loadReport, { missing: [], unexpected: [] });
});

test('a tensor of a wrong shape is named with found and expected, and nothing leaks', async () => {
  const { directory } = await savedPretraining('shape');
  const bad = rewrite(directory, 'shape-bad', (tensors) => void tensors.set('bert.encoder.layer.1.intermediate.dense.weight', { shape: [8, 13], data: new Float32Array(104) }));
  const tensors = tf.memory().numTensors;
  await assert.rejects(BertModel.fromPretrained(bad), (error) => error instanceof DataError && /model\.safetensors: tensor "bert\.encoder\.layer\.1\.intermediate\.dense\.weight" has shape \[8, 13\]; expected \[13, 8\]/.test(error.message));
  assert.equal(tf.memory().numTensors, tensors);
});

test('an encoder weight that is not there is an error; a head of another size starts anew only where asked', async () => {
  const { directory } = await savedPretraining('absent');
  const bad = rewrite(directory, 'absent-bad', (tensors) => void tensors.delete('bert.encoder.layer.0.attention.self.key.bias'));
  await assert.rejects(BertModel.fromPretrained(bad), /tensor "bert\.encoder\.layer\.0\.attention\.self\.key\.bias" is not in the checkpoint/);
  const three = path.join(folder, 'three');
  await BertForSequenceClassification.fromConfig({ ...small, numLabels: 3, problemType: 'single_label_classification' }).savePretrained(three);
  await assert.rejects(BertForSequenceClassification.fromPretrained(three, { numLabels: 1 }), /tensor "classifier\.weight" has shape \[3, 8\]; expected \[1, 8\]/);
  const regression = await BertForSequenceClassification.fromPretrained(three, { numLabels: 1, ignoreMismatchedSizes: true });
  assert.deepEqual(regression.loadReport.missing, ['classifier.weight', 'classifier.bias']);
  assert.ok(regression.isRegression);
  await assert.rejects(BertForSequenceClassification.fromPretrained(three, { numLabels: 3, id2label: ['a'] }), UsageError);
});

test('init random takes the configuration only', async () => {
  const { directory } = await savedPretraining('random');
  rmSync(path.join(directory, 'model.safetensors'));
  const model = await BertForSequenceClassification.fromPretrained(directory, { init: 'random', seed: 4 });
  const same = BertForSequenceClassification.fromConfig(small, { seed: 4 });
  assert.deepEqual(model.forward(inputs).logits.dataSync(), same.forward(inputs).logits.dataSync());
});

test('the Auto classes pick by model_type; an unknown one lists the choices', async () => {
  const { directory } = await savedPretraining('auto');
  assert.ok((await AutoModel.fromPretrained(directory)) instanceof BertModel);
  assert.ok((await AutoModelForSequenceClassification.fromPretrained(directory)) instanceof BertForSequenceClassification);
  const other = path.join(folder, 'other');
  mkdirSync(other);
  writeFileSync(path.join(other, 'config.json'), '{"model_type": "brt"}');
  await assert.rejects(AutoModel.fromPretrained(other), (error) => error instanceof DataError && /config\.json: model_type is "brt"; expected one of bert\. Did you mean "bert"\?/.test(error.message));
  await assert.rejects(BertModel.fromPretrained(other), /model_type is "brt"; expected "bert"/);
});

test('a directory without weights says what it has; an untied decoder in the configuration is refused', async () => {
  const { directory } = await savedPretraining('none');
  rmSync(path.join(directory, 'model.safetensors'));
  writeFileSync(path.join(directory, 'model.onnx'), 'x');
  await assert.rejects(BertModel.fromPretrained(directory), (error) => error instanceof IoError && /found no weights; the directory has .*model\.onnx/.test(error.message));
  await assert.rejects(BertModel.fromPretrained(path.join(folder, 'nowhere')), IoError);
  assert.throws(() => BertForMaskedLM.fromConfig({ ...small, extra: { tie_word_embeddings: false } }), /tie_word_embeddings is false/);
});

const stored = path.resolve(import.meta.dirname, '../../../src/checkpoint/fixtures');

/** A directory with a configuration and the tensors of a safetensors file, for comparison. */
function asSafetensors(name: string, config: string, weights: string): string {
  const directory = path.join(folder, name);
  mkdirSync(directory);
  cpSync(config, path.join(directory, 'config.json'));
  cpSync(weights, path.join(directory, 'model.safetensors'));
  return directory;
}

test('a checkpoint of TensorFlow gives what its tensors give as safetensors; labels that its configuration lacks are counted', async () => {
  const google = path.join(stored, 'tf-pretrained');
  const model = await BertForPreTraining.fromPretrained(google);
  assert.deepEqual(model.loadReport, { missing: [], unexpected: [] });
  const same = await BertForPreTraining.fromPretrained(asSafetensors('tf-pretrained', path.join(google, 'bert_config.json'), path.join(google, 'expected.safetensors')));
  assert.deepEqual(model.forward(inputs).predictionLogits.dataSync(), same.forward(inputs).predictionLogits.dataSync());
  assert.deepEqual(model.forward(inputs).seqRelationshipLogits.dataSync(), same.forward(inputs).seqRelationshipLogits.dataSync());
  const tuned = path.join(stored, 'tf-finetuned');
  const classifier = await AutoModelForSequenceClassification.fromPretrained(tuned);
  assert.deepEqual([classifier.loadReport, classifier.numLabels], [{ missing: [], unexpected: [] }, 3]);
  const other = await AutoModelForSequenceClassification.fromPretrained(asSafetensors('tf-finetuned', path.join(tuned, 'bert_config.json'), path.join(tuned, 'expected.safetensors')));
  assert.deepEqual(classifier.forward(inputs).logits.dataSync(), other.forward(inputs).logits.dataSync());
});

test('sharded weights load through their index, whose names must be plain file names', async () => {
  const { directory, model } = await savedPretraining('shards');
  const all = readSafetensors(path.join(directory, 'model.safetensors'));
  rmSync(path.join(directory, 'model.safetensors'));
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const map = Object.fromEntries([...all.keys()].map((name, i) => [name, shards[i % 2] ?? '']));
  shards.forEach((shard) => {
    writeSafetensors(path.join(directory, shard), new Map([...all].filter(([name]) => map[name] === shard).map(([name, { shape, data }]) => [name, { shape, data }])));
  });
  const index = path.join(directory, 'model.safetensors.index.json');
  writeFileSync(index, JSON.stringify({ metadata: {}, weight_map: map }));
  const loaded = await BertForPreTraining.fromPretrained(directory);
  assert.deepEqual(loaded.forward(inputs).predictionLogits.dataSync(), model.forward(inputs).predictionLogits.dataSync());
  for (const name of ['../x.safetensors', '/etc/passwd', 'a/b', '..', '', 3]) {
    writeFileSync(index, JSON.stringify({ weight_map: { w: name } }));
    await assert.rejects(BertForPreTraining.fromPretrained(directory), (error) => error instanceof DataError && /weight_map of "w" is .*expected the plain name/.test(error.message), String(name));
  }
});

test('labels named __proto__ and constructor survive saving and loading', async () => {
  const directory = path.join(folder, 'labels');
  await BertForSequenceClassification.fromConfig({ ...small, id2label: { 0: '__proto__', 1: 'constructor' } }).savePretrained(directory);
  const loaded = await BertForSequenceClassification.fromPretrained(directory);
  assert.deepEqual(loaded.config.id2label, { 0: '__proto__', 1: 'constructor' });
});

const shared = process.env['BERTWRIGHT_SHARED'] ?? path.resolve('..', 'shared');
const miniLm = path.join(shared, 'models', 'all-minilm-l6-v2');

test('the real MiniLM checkpoint loads with nothing missing', { skip: existsSync(miniLm) ? false : `${miniLm} is absent` }, async () => {
  const model = await BertModel.fromPretrained(miniLm);
  assert.deepEqual(model.loadReport, { missing: [], unexpected: [] });
  assert.equal(model.config.hiddenSize, 384);
  model.dispose();
});

test('fewer word embeddings than the tokenizer has entries are an error that names both; more are noted', async () => {
  const { directory } = await savedPretraining('rows');
  const vocab = (count: number): string => Array.from({ length: count }, (_, i) => `word${i}\n`).join('');
  writeFileSync(path.join(directory, 'vocab.txt'), vocab(23));
  assert.deepEqual((await BertForPreTraining.fromPretrained(directory)).loadReport, { missing: [], unexpected: [] });
  writeFileSync(path.join(directory, 'vocab.txt'), vocab(21));
  assert.match((await BertForPreTraining.fromPretrained(directory)).loadReport.notes?.join() ?? '', /23 rows, the tokenizer 21 entries: the last 2 rows/);
  writeFileSync(path.join(directory, 'vocab.txt'), vocab(24));
  const refused = (error: unknown, file: string, entries: number): boolean =>
    error instanceof DataError && error.location?.file === path.join(directory, file) && error.message.includes(`the tokenizer has ${entries} entries, the word embeddings of ${directory} have 23 rows`);
  await assert.rejects(BertForPreTraining.fromPretrained(directory), (error) => refused(error, 'vocab.txt', 24));
  // tokenizer.json goes before vocab.txt, and tokens that were added to it count.
  const json = { model: { type: 'WordPiece', vocab: { a: 0, b: 22 } }, added_tokens: [{ id: 30, content: '[X]' }] };
  writeFileSync(path.join(directory, 'tokenizer.json'), JSON.stringify(json));
  await assert.rejects(BertForPreTraining.fromPretrained(directory), (error) => refused(error, 'tokenizer.json', 31));
  writeFileSync(path.join(directory, 'tokenizer.json'), JSON.stringify({ ...json, added_tokens: [] }));
  assert.deepEqual((await BertForPreTraining.fromPretrained(directory)).loadReport.notes, undefined);
});
