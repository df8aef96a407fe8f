import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { PartialBertConfig } from '../config/index.js';
import { UsageError } from '../data/errors.js';
import { BertTokenizer } from '../tokenizer/index.js';
import { BertForMaskedLM, BertForSequenceClassification, type PipelineTask, pipeline } from './index.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-pipeline-'));
const classifier = path.join(folder, 'classifier');
const regression = path.join(folder, 'regression');
const masked = path.join(folder, 'masked');
const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', 'king', 'of', 'norway', 'queen', '##s', '.'];
const small: PartialBertConfig = { vocabSize: vocab.length, hiddenSize: 8, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 9, maxPositionEmbeddings: 10, initializerRange: 0.5 };
const tokenizer = BertTokenizer.fromVocab(vocab, { lowercase: true });
const model = BertForSequenceClassification.fromConfig({ ...small, id2label: { 0: 'no', 1: 'maybe', 2: 'yes' } });

after(() => rmSync(folder, { recursive: true, force: true }));
before(async () => {
  tf.enableProdMode();
  await tf.setBackend('cpu');
  await model.savePretrained(classifier);
  await BertForSequenceClassification.fromConfig({ ...small, numLabels: 1 }).savePretrained(regression);
  await BertForMaskedLM.fromConfig(small).savePretrained(masked);
  for (const directory of [classifier, regression, masked]) await tokenizer.save(directory);
});

/** Probabilities of the classifier for one text, by label. */
function expected(text: string, pair?: string): Map<string, number> {
  const { inputIds, tokenTypeIds } = tokenizer.encode(text, pair);
  const probabilities = tf.softmax(model.forward({ inputIds: [inputIds], tokenTypeIds: [tokenTypeIds] }).logits).dataSync();
  return new Map(['no', 'maybe', 'yes'].map((label, i) => [label, probabilities[i] ?? 0]));
}

test('text-classification gives the best label with its probability, for one text, several, and pairs', async () => {
  const classify = await pipeline('text-classification', classifier);
  const check = (results: readonly { label: string; score: number }[], wanted: Map<string, number>): void => {
    const best = [...wanted].sort((a, b) => b[1] - a[1]);
    results.forEach(({ label, score }, i) => {
      assert.equal(label, best[i]?.[0]);
      assert.ok(Math.abs(score - (best[i]?.[1] ?? 0)) < 1e-5);
    });
  };
  const one = await classify('The king of Norway.');
  assert.equal(one.length, 1);
  check(one, expected('The king of Norway.'));
  const both = await classify(['queens', { text: 'the king', textPair: 'of norway' }]);
  assert.equal(both.length, 2);
  check(both.slice(0, 1), expected('queens'));
  check(both.slice(1), expected('the king', 'of norway'));
  const all = await classify('queens', { topK: 3 });
  check(all, expected('queens'));
  assert.ok(Math.abs(all.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-6);
  assert.deepEqual((await classify(['the', 'king'], { topK: 2 })).map((row) => row.length), [2, 2]);
  assert.equal((await classify('the king of norway the king of norway the king of norway'))[0]?.label !== undefined, true, 'a long text is cut');
  assert.deepEqual(await classify([]), []);
  classify.dispose();
});

test('a regression gives its score as it is', async () => {
  const score = await pipeline('text-classification', regression);
  const [result] = await score('the queen');
  const { inputIds } = tokenizer.encode('the queen');
  const wanted = BertForSequenceClassification.fromConfig({ ...small, numLabels: 1 }).forward({ inputIds: [inputIds] }).logits.dataSync()[0] ?? 0;
  assert.equal(result?.label, 'LABEL_0');
  assert.ok(Math.abs((result?.score ?? 0) - wanted) < 1e-5);
  score.dispose();
});

test('rows that pad the vocabulary are never filled in, however likely', async () => {
  const padded = path.join(folder, 'padded');
  const wide = BertForMaskedLM.fromConfig({ ...small, vocabSize: vocab.length + 20 });
  const bias = wide.namedParameters().get('cls.predictions.bias');
  bias?.assign(tf.tensor1d(Array.from({ length: vocab.length + 20 }, (_, id) => (id < vocab.length ? 0 : 9))));
  await wide.savePretrained(padded);
  await tokenizer.save(padded);
  const { inputIds } = tokenizer.encode('the [MASK] of norway');
  const probabilities = tf.softmax(wide.forward({ inputIds: [inputIds] }).predictionLogits).arraySync() as number[][][];
  const row = probabilities[0]?.[2] ?? [];
  assert.ok(row.indexOf(Math.max(...row)) >= vocab.length, 'the likeliest row is one of the padding');
  const fill = await pipeline('fill-mask', padded);
  const found = await fill('the [MASK] of norway', { topK: 50 });
  assert.deepEqual(found.map(({ token }) => token).sort((a, b) => a - b), vocab.map((_, id) => id));
  for (const { token, score } of found) assert.ok(Math.abs(score - (row[token] ?? 0)) < 1e-6);
  fill.dispose();
  wide.dispose();
});

test('fill-mask gives the best pieces for the mask, with the filled text, and leaks nothing', async () => {
  const fill = await pipeline('fill-mask', masked);
  const tensors = tf.memory().numTensors;
  const results = await fill('the [MASK] of norway', { topK: vocab.length });
  assert.equal(tf.memory().numTensors, tensors);
  assert.ok(Math.abs(results.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-6);
  assert.deepEqual(results.map(({ score }) => score), results.map(({ score }) => score).sort((a, b) => b - a), 'best first');
  const king = results.find(({ token }) => token === vocab.indexOf('king'));
  assert.deepEqual([king?.label, king?.token_str, king?.sequence], ['king', 'king', 'the king of norway']);
  assert.deepEqual((await fill(['[MASK] king', 'the [MASK]'])).map((row) => row.length), [5, 5]);
  await assert.rejects(fill('no mask'), (error) => error instanceof UsageError && /has 0 mask tokens; expected one/.test(error.message));
  await assert.rejects(fill('[MASK] [MASK]'), /has 2 mask tokens/);
  fill.dispose();
});

test('an unknown task names the near match, a wrong topK what is expected', async () => {
  await assert.rejects(pipeline('fill-masks' as PipelineTask as 'fill-mask', masked), /unknown task "fill-masks"\. Did you mean "fill-mask"\?/);
  const fill = await pipeline('fill-mask', masked);
  await assert.rejects(fill('[MASK]', { topK: 0 }), /topK is 0; expected an integer of at least 1/);
  fill.dispose();
});
