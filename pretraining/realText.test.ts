/** The statistics of BERT's pretraining data on real text; skipped where the shared data is not there. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { BertTokenizer } from '../src/tokenizer/index.js';
import { assembleBatch, pretrainingVocabulary } from './batches.js';
import { buildExamples } from './examples.js';
import { openPrepared } from './manifest.js';
import { defaultMasking } from './masking.js';
import { prepare } from './prepare.js';
import { temporaryFolder } from './testing/inventedText.js';

const shared = process.env['BERTWRIGHT_SHARED'] ?? path.resolve('..', 'shared');
const text = path.join(shared, 'data/corpus/openstax_ccby.txt');
const vocabulary = path.join(shared, 'data/vocab/bert-base-uncased-vocab.txt');
const skip = existsSync(text) && existsSync(vocabulary) ? false : `no ${text}; set BERTWRIGHT_SHARED`;

test('two textbooks as BERT sees them', { skip }, async () => {
  const tokenizer = BertTokenizer.fromVocab(readFileSync(vocabulary, 'utf8').trimEnd().split('\n'), { lowercase: true });
  const output = path.join(temporaryFolder(), 'textbooks');
  const { manifest } = await prepare({ corpus: [text], tokenizer, output });
  assert.deepEqual([manifest.counts.documents, manifest.counts.sentences], [305, 21641]);
  const { store, trainDocuments } = await openPrepared(output);
  const index = buildExamples(store, trainDocuments, { nextSentence: 'nsp', maxSeqLength: 128, shortSeqProb: 0.1 }, 1, 0);

  const random = index.labels.reduce((sum, label) => sum + label, 0) / index.count;
  assert.ok(random > 0.48 && random < 0.57, `${random} of the second segments are random`);
  const documentOf = (token: number): number => {
    let d = 0;
    while ((store.sentenceStart[store.documentStart[d + 1] ?? 0] ?? 0) <= token) d += 1;
    return d;
  };
  for (let i = 0; i < index.count; i += 3) {
    const [a, b] = [documentOf(index.startA[i] ?? 0), documentOf(index.startB[i] ?? 0)];
    assert.equal(a !== b, index.labels[i] === 1);
  }

  for (const wholeWordMasking of [false, true]) {
    const vocabularyTable = pretrainingVocabulary(tokenizer);
    const examples = Array.from({ length: index.count }, (_, i) => i);
    const batch = assembleBatch(store, index, examples, { ...defaultMasking(128), wholeWordMasking }, vocabularyTable, 1, 0);
    const ordinary = batch.inputIds.length - 3 * index.count;
    const rate = batch.maskedLabels.length / ordinary;
    assert.ok(rate > 0.14 && rate < 0.16, `${rate} of the tokens are predicted`);
    const share = (holds: (position: number, label: number) => boolean): number => batch.maskedPositions.filter((position, i) => holds(position, batch.maskedLabels[i] ?? -1)).length / batch.maskedPositions.length;
    const masked = share((position) => batch.inputIds[position] === tokenizer.maskTokenId);
    const kept = share((position, label) => batch.inputIds[position] === label);
    assert.ok(Math.abs(masked - 0.8) < 0.01 && Math.abs(kept - 0.1) < 0.01, `${masked} masked, ${kept} kept`);
  }
});
