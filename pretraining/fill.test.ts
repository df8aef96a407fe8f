import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { bertConfig } from '../src/config/bertConfig.js';
import { UsageError } from '../src/data/errors.js';
import { setEngine } from '../src/engine/index.js';
import { BertForMaskedLM, BertModel } from '../src/models/index.js';
import { BertTokenizer } from '../src/tokenizer/index.js';
import { fillMask } from './fill.js';

const vocab = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', 'king', 'sleeps'];
const config = bertConfig({ vocabSize: vocab.length, hiddenSize: 6, numHiddenLayers: 1, numAttentionHeads: 2, intermediateSize: 10, maxPositionEmbeddings: 12 });
const tokenizer = BertTokenizer.fromVocab(vocab, { lowercase: true });

test('each [MASK] gets its likeliest pieces; a checkpoint without the head that predicts is refused', async () => {
  await setEngine('auto');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-fill-'));
  for (const model of [BertForMaskedLM.fromConfig(config, { seed: 1 }), BertModel.fromConfig(config, { seed: 1 })]) {
    const directory = path.join(folder, model.constructor.name);
    await model.savePretrained(directory);
    await tokenizer.save(directory);
    model.dispose();
  }
  const masks = await fillMask(path.join(folder, 'BertForMaskedLM'), 'the [MASK] sleeps [MASK]', 3);
  assert.deepEqual(masks.map((candidates) => candidates.length), [3, 3]);
  const padded = path.join(folder, 'padded');
  const wide = BertForMaskedLM.fromConfig({ ...config, vocabSize: vocab.length + 8 }, { seed: 1 });
  await wide.savePretrained(padded);
  await tokenizer.save(padded);
  wide.dispose();
  const notes: string[] = [];
  await fillMask(padded, 'the [MASK]', 1, (text) => notes.push(text));
  assert.deepEqual(notes, ['the word embeddings have 16 rows, the tokenizer 8 entries: the last 8 rows are not used']);
  await assert.rejects(
    fillMask(path.join(folder, 'BertModel'), 'the [MASK]'),
    (error) => error instanceof UsageError && /BertModel has no masked-language-model head \(cls\.predictions/.test(error.message),
  );
});
