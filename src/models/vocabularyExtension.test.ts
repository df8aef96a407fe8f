import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readSafetensors, type TensorData, writeSafetensors } from '../checkpoint/safetensors.js';
import { DataError } from '../data/errors.js';
import { BertForPreTraining } from './index.js';
import { extendCheckpoint, holdsModel } from './vocabularyExtension.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-extension-'));
after(() => rmSync(folder, { recursive: true, force: true }));
before(async () => {
  tf.enableProdMode();
  await tf.setBackend('cpu');
});

const rows = 23;
const width = 8;
const embeddings = 'bert.embeddings.word_embeddings.weight';
const bias = 'cls.predictions.bias';

async function saved(name: string): Promise<string> {
  const directory = path.join(folder, name);
  const model = BertForPreTraining.fromConfig({ vocabSize: rows, hiddenSize: width, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 13, maxPositionEmbeddings: 9, initializerRange: 0.3 }, { seed: 3 });
  await model.savePretrained(directory);
  // A fresh bias is all zeros.
  rewrite(directory, (tensors) => tensors.set(bias, { shape: [rows], data: Float32Array.from({ length: rows }, (_, i) => i / 2) }));
  return directory;
}

function rewrite(directory: string, change: (tensors: Map<string, TensorData>) => void): void {
  const file = path.join(directory, 'model.safetensors');
  const tensors = new Map<string, TensorData>([...readSafetensors(file)].map(([name, { shape, data }]) => [name, { shape, data }]));
  change(tensors);
  writeSafetensors(file, tensors);
}

const read = (directory: string): Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }> => readSafetensors(path.join(directory, 'model.safetensors'));
const json = (directory: string) => JSON.parse(readFileSync(path.join(directory, 'config.json'), 'utf8')) as Record<string, unknown>;

test('new rows are the means of the old pieces’ rows, all else stays', async () => {
  const old = await saved('whole');
  const output = path.join(folder, 'whole-extended');
  assert.equal(extendCheckpoint(old, output, rows, [[7, 9], [1], [3, 4, 5]]), rows + 3);
  const before = read(old);
  const now = read(output);
  assert.deepEqual([...now.keys()], [...before.keys()]);
  for (const [name, { shape, data }] of now) {
    const was = before.get(name);
    assert.ok(was !== undefined);
    if (name !== embeddings && name !== bias) {
      assert.deepEqual([shape, data], [was.shape, was.data], name);
      continue;
    }
    const size = name === embeddings ? width : 1;
    assert.deepEqual(shape, name === embeddings ? [rows + 3, width] : [rows + 3]);
    assert.deepEqual(data.subarray(0, rows * size), was.data);
    const row = (id: number): number[] => Array.from({ length: size }, (_, i) => was.data[id * size + i] ?? Number.NaN);
    const [three, four, five, seven, nine] = [row(3), row(4), row(5), row(7), row(9)];
    const means = [seven.map((value, i) => (value + (nine[i] ?? 0)) / 2), row(1), three.map((value, i) => (value + (four[i] ?? 0) + (five[i] ?? 0)) / 3)].flat();
    assert.deepEqual(data.subarray(rows * size), Float32Array.from(means));
  }
  assert.deepEqual({ ...json(output), vocab_size: rows }, json(old));
  assert.equal(json(output)['vocab_size'], rows + 3);
});

test('an extended model loads, and computes for old ids what it did', async () => {
  const old = await saved('loads');
  const output = path.join(folder, 'loads-extended');
  extendCheckpoint(old, output, rows, [[7, 9]]);
  const model = await BertForPreTraining.fromPretrained(output);
  assert.deepEqual(model.loadReport, { missing: [], unexpected: [] });
  const inputs = { inputIds: [[2, 7, 9, 3]] };
  const wide = model.forward(inputs).predictionLogits.arraySync() as number[][][];
  const narrow = (await BertForPreTraining.fromPretrained(old)).forward(inputs).predictionLogits.arraySync() as number[][][];
  assert.deepEqual(wide[0]?.map((logits) => logits.slice(0, rows)), narrow[0]);
  assert.equal(wide[0]?.[0]?.length, rows + 1);
});

test('rows that the tokenizer does not use are taken first', async () => {
  const old = await saved('padded');
  const output = path.join(folder, 'padded-extended');
  assert.equal(extendCheckpoint(old, output, rows - 3, [[5], [6]]), rows);
  const before = read(old).get(embeddings)?.data ?? new Float32Array(0);
  const now = read(output).get(embeddings);
  assert.deepEqual(now?.shape, [rows, width]);
  assert.deepEqual(now.data.subarray((rows - 3) * width, (rows - 1) * width), before.subarray(5 * width, 7 * width));
  assert.deepEqual(now.data.subarray((rows - 1) * width), before.subarray((rows - 1) * width), 'the last one is still unused');
  assert.equal(json(output)['vocab_size'], rows);
});

test('an encoder without prefix, a decoder of its own and position ids', async () => {
  const directory = await saved('variants');
  rewrite(directory, (tensors) => {
    const old = [...tensors];
    tensors.clear();
    for (const [name, tensor] of old) tensors.set(name.replace(/^bert\./, ''), tensor);
    const { shape, data } = tensors.get('embeddings.word_embeddings.weight') ?? { shape: [], data: new Float32Array(0) };
    tensors.set('cls.predictions.decoder.weight', { shape, data });
    tensors.set('embeddings.position_ids', { shape: [1, 9], data: Int32Array.from({ length: 9 }, (_, i) => i) });
  });
  const config = path.join(directory, 'config.json');
  writeFileSync(config, JSON.stringify({ ...json(directory), torch_dtype: 'float16', model_type: undefined }));
  const output = path.join(folder, 'variants-extended');
  extendCheckpoint(directory, output, rows, [[7, 9]]);
  const tensors = read(output);
  assert.deepEqual(tensors.get('embeddings.word_embeddings.weight')?.shape, [rows + 1, width]);
  assert.deepEqual(tensors.get('cls.predictions.decoder.weight')?.data, tensors.get('embeddings.word_embeddings.weight')?.data);
  assert.ok(!tensors.has('embeddings.position_ids'));
  assert.deepEqual([json(output)['torch_dtype'], json(output)['model_type']], [undefined, 'bert']);
});

test('what does not fit together is refused', async () => {
  const output = path.join(folder, 'refused');
  const directory = await saved('misfit');
  assert.throws(() => extendCheckpoint(directory, output, rows + 1, [[1]]), (error) => error instanceof DataError && /24 entries.*23 rows/.test(error.message));
  rewrite(directory, (tensors) => tensors.set(bias, { shape: [5], data: new Float32Array(5) }));
  assert.throws(() => extendCheckpoint(directory, output, rows, [[1]]), /"cls\.predictions\.bias" has shape \[5\]; expected 23 rows/);
  rewrite(directory, (tensors) => tensors.delete(embeddings));
  assert.throws(() => extendCheckpoint(directory, output, rows, [[1]]), /"bert\.embeddings\.word_embeddings\.weight" is not in the checkpoint/);
  const other = await saved('other');
  writeFileSync(path.join(other, 'config.json'), JSON.stringify({ ...json(other), model_type: 'electra' }));
  assert.throws(() => extendCheckpoint(other, output, rows, [[1]]), /model_type is "electra"; expected one of bert/);
});

test('a folder with a tokenizer alone holds no model', async () => {
  const tokenizer = path.join(folder, 'tokenizer');
  mkdirSync(tokenizer);
  writeFileSync(path.join(tokenizer, 'vocab.txt'), '[PAD]\n');
  assert.equal(holdsModel(tokenizer), false);
  assert.equal(holdsModel(await saved('model')), true);
});
