/** The statistics of BERT's pretraining data on real text; skipped where the shared data is not there. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { BertTokenizer } from '../src/tokenizer/index.js';
import { assembleBatch, PretrainingBatches, pretrainingVocabulary } from './batches.js';
import { buildExamples, exampleLength } from './examples.js';
import { openPrepared, type PreparedCorpus } from './manifest.js';
import { defaultMasking } from './masking.js';
import { prepare } from './prepare.js';
import { temporaryFolder } from './testing/inventedText.js';

const shared = process.env['BERTWRIGHT_SHARED'] ?? path.resolve('..', 'shared');
const text = path.join(shared, 'data/corpus/openstax_ccby.txt');
const vocabulary = path.join(shared, 'data/vocab/bert-base-uncased-vocab.txt');
const folder = temporaryFolder();
const skip = existsSync(text) && existsSync(vocabulary) ? false : `no ${text}; set BERTWRIGHT_SHARED`;

async function textbooks(name: string): Promise<{ readonly tokenizer: BertTokenizer; readonly corpus: PreparedCorpus }> {
  const tokenizer = BertTokenizer.fromVocab(readFileSync(vocabulary, 'utf8').trimEnd().split('\n'), { lowercase: true });
  const output = path.join(folder, name);
  await prepare({ corpus: [text], tokenizer, output });
  return { tokenizer, corpus: await openPrepared(output) };
}

test('two textbooks as BERT sees them', { skip }, async () => {
  const { tokenizer, corpus } = await textbooks('statistics');
  const { store, trainDocuments, manifest } = corpus;
  assert.deepEqual([manifest.counts.documents, manifest.counts.sentences], [305, 21641]);
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

  for (const unit of ['token', 'word', 'span'] as const) {
    const vocabularyTable = pretrainingVocabulary(tokenizer);
    const examples = Array.from({ length: index.count }, (_, i) => i);
    const batch = assembleBatch(store, index, examples, { ...defaultMasking(128), unit }, vocabularyTable, 1, 0);
    const ordinary = batch.inputIds.length - 3 * index.count;
    const rate = batch.maskedLabels.length / ordinary;
    assert.ok(rate > 0.14 && rate < 0.16, `${rate} of the tokens are predicted`);
    const share = (holds: (position: number, label: number) => boolean): number => batch.maskedPositions.filter((position, i) => holds(position, batch.maskedLabels[i] ?? -1)).length / batch.maskedPositions.length;
    const masked = share((position) => batch.inputIds[position] === tokenizer.maskTokenId);
    const kept = share((position, label) => batch.inputIds[position] === label);
    assert.ok(Math.abs(masked - 0.8) < 0.01 && Math.abs(kept - 0.1) < 0.01, `${masked} masked, ${kept} kept`);
  }
});

test('whole words of real text: all their pieces or none, words of several pieces as often as they occur, any rate', { skip }, async () => {
  const { tokenizer, corpus } = await textbooks('words');
  const { store, trainDocuments } = corpus;
  const table = pretrainingVocabulary(tokenizer);
  const index = buildExamples(store, trainDocuments, { nextSentence: 'none', maxSeqLength: 128, shortSeqProb: 0.1 }, 1, 0);
  const examples = Array.from({ length: index.count }, (_, i) => i);
  const shares: number[] = [];
  for (const [rate, unit] of [[0.15, 'word'], [0.15, 'token'], [0.3, 'word'], [0.15, 'span']] as const) {
    const batch = assembleBatch(store, index, examples, { ...defaultMasking(128, rate), unit }, table, 1, 0);
    const original = batch.inputIds.slice();
    const chosen = new Uint8Array(original.length);
    batch.maskedPositions.forEach((position, i) => {
      original[position] = batch.maskedLabels[i] ?? -1;
      chosen[position] = 1;
    });
    const counts = { pieces: 0, chosenPieces: 0, words: 0, chosenWords: 0, split: 0 };
    for (let at = 0; at < original.length; ) {
      let end = at + 1;
      // A run that starts within a word starts a word of its own.
      while (original[at] !== tokenizer.clsTokenId && end < original.length && table.continues[original[end] ?? 0] === 1) end += 1;
      const taken = chosen.subarray(at, end).reduce((sum, one) => sum + one, 0);
      counts.pieces += end - at;
      counts.chosenPieces += taken;
      if (end - at > 1) {
        counts.words += 1;
        if (taken === end - at) counts.chosenWords += 1;
        else if (taken > 0) counts.split += 1;
      }
      at = end;
    }
    assert.ok(Math.abs(counts.chosenPieces / (counts.pieces - 2 * index.count) - rate) < 0.01, `${counts.chosenPieces} of ${counts.pieces} at ${rate}`);
    assert.ok(counts.words > 10_000);
    if (unit !== 'token') assert.equal(counts.split, 0);
    else assert.ok(counts.split > counts.chosenWords);
    shares.push(counts.chosenWords / counts.words);
  }
  // Long words fit less often into what is left of a sequence's predictions, so they are a little rarer.
  const [whole = 0, pieces = 1, more = 0] = shares;
  assert.ok(whole > 0.12 && whole < 0.16 && more > 0.25 && more < 0.31, shares.join(' '));
  assert.ok(pieces < whole / 3, shares.join(' '));
});

test('pairs and lengths of real text: half of the ordered pairs are swapped, a tenth aim short, masks of duplicates differ', { skip }, async () => {
  const { tokenizer, corpus } = await textbooks('pairs');
  const { store, trainDocuments } = corpus;
  const build = (nextSentence: 'nsp' | 'sop' | 'none', shortSeqProb: number) => buildExamples(store, trainDocuments, { nextSentence, maxSeqLength: 128, shortSeqProb }, 2, 0);
  const sop = build('sop', 0.1);
  const swapped = sop.labels.reduce((sum, label) => sum + label, 0) / sop.count;
  assert.ok(Math.abs(swapped - 0.5) < 0.02, `${swapped} are swapped`);
  for (let i = 0; i < sop.count; i++) assert.ok(sop.labels[i] === 1 ? (sop.startB[i] ?? 0) < (sop.startA[i] ?? 0) : (sop.startA[i] ?? 0) < (sop.startB[i] ?? 0));
  const shortShare = (shortSeqProb: number): number => {
    const index = build('none', shortSeqProb);
    return Array.from({ length: index.count }, (_, i) => exampleLength(index, i)).filter((length) => length < 128).length / index.count;
  };
  // Ends of documents are short as well.
  const [never, tenth, half] = [0, 0.1, 0.5].map(shortShare) as [number, number, number];
  assert.ok(Math.abs(tenth - never - 0.1 * (1 - never)) < 0.02, `${never}, ${tenth}`);
  assert.ok(Math.abs(half - never - 0.5 * (1 - never)) < 0.04, `${never}, ${half}`);

  const options = { store, documents: trainDocuments, examples: { nextSentence: 'none', maxSeqLength: 128, shortSeqProb: 0 } as const, masking: defaultMasking(128), vocabulary: pretrainingVocabulary(tokenizer), seed: 2, batchSize: 32, accumulationSteps: 1 };
  const byTokens = new PretrainingBatches({ ...options, tokensPerBatch: 4096 });
  const filled = Array.from({ length: 100 }, (_, step) => byTokens.microBatches(step)[0]?.inputIds.length ?? 0);
  assert.ok(filled.every((tokens) => tokens <= 4096) && filled.reduce((sum, tokens) => sum + tokens, 0) / 100 > 0.97 * 4096, `${filled.join(' ')}`);

  // Masks of the same text in its versions: shared by chance only, and all the same where the versions start over.
  const versions = new PretrainingBatches({ ...options, dupeFactor: 3 });
  const masksOf = (epoch: number): Map<number, string> => {
    const found = new Map<number, string>();
    for (let step = 0; step < versions.stepsPerEpoch; step++) {
      for (const batch of versions.microBatches(epoch * versions.stepsPerEpoch + step)) {
        batch.examples.forEach((example, b) => {
          const [from = 0, to = 0] = [batch.cuSeqlens[b], batch.cuSeqlens[b + 1]];
          found.set(example, batch.maskedPositions.filter((position) => position >= from && position < to).map((position) => position - from).join());
        });
      }
    }
    return found;
  };
  const first = masksOf(0);
  const same = (epoch: number): number => {
    const other = masksOf(epoch);
    const both = [...first.keys()].filter((example) => other.has(example));
    return both.filter((example) => first.get(example) === other.get(example)).length / both.length;
  };
  assert.equal(same(3), 1);
  assert.ok(same(1) < 0.03 && same(2) < 0.03);
});
