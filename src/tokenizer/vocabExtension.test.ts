import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DataError, UsageError } from '../data/errors.js';
import { BertTokenizer, extendVocabulary } from './index.js';

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const vocab = [...special, 'the', 'gene', 'r', 'b', '##na', '##io', '##psy', '##s', ',', '中'];
const uncased = BertTokenizer.fromVocab(vocab, { lowercase: true, additionalSpecialTokens: ['the'] });

describe('words of a new domain', () => {
  // rna: r ##na, 1 piece less x 4 = 4. biopsy: b ##io ##psy, 2 less x 2 = 4. genes: 1 less x 3 = 3. virus: unknown, 1 x 3 = 3.
  // "gene", "the" and "," are whole already; "rs" occurs once.
  const lines = ['RNA, rna the rna rna', 'Biopsy biopsy gene gene', 'genes genes genes', 'virus virus, virus rs 中中'];

  test('are those that save most pieces, of equal ones the more frequent, then by letters', async () => {
    const { tokenizer, added } = await extendVocabulary(uncased, { lines, add: 10 });
    assert.deepEqual(added, [
      { word: 'rna', count: 4, pieces: [7, 9] },
      { word: 'biopsy', count: 2, pieces: [8, 10, 11] },
      { word: 'genes', count: 3, pieces: [6, 12] },
      { word: 'virus', count: 3, pieces: [1] },
    ]);
    assert.deepEqual(tokenizer.vocab, [...vocab, 'rna', 'biopsy', 'genes', 'virus']);
    assert.deepEqual(tokenizer.options, uncased.options);
    assert.deepEqual(tokenizer.tokenize('the RNA biopsy viruss'), ['the', 'rna', 'biopsy', 'virus', '##s']);
  });

  test('are no more than asked for, and rarer ones where that is allowed', async () => {
    const words = async (add: number, minFrequency?: number) => (await extendVocabulary(uncased, { lines, add, minFrequency })).added.map(({ word }) => word);
    assert.deepEqual(await words(2), ['rna', 'biopsy']);
    assert.deepEqual(await words(9, 1), ['rna', 'biopsy', 'genes', 'virus', 'rs']);
    assert.deepEqual(await words(9, 4), ['rna']);
  });

  test('are spelled as the tokenizer normalizes', async () => {
    const cased = BertTokenizer.fromVocab(vocab, { lowercase: false });
    const { added } = await extendVocabulary(cased, { lines: ['RNA rna rna RNA RNÁ RNÁ RNÁ'], add: 9 });
    assert.deepEqual(added.map(({ word }) => word), ['RNÁ', 'RNA', 'rna']);
    const short = BertTokenizer.fromVocab(vocab, { lowercase: true, maxInputCharsPerWord: 5 });
    assert.deepEqual((await extendVocabulary(short, { lines, add: 9 })).added.map(({ word }) => word), ['rna', 'genes', 'virus'], 'a longer word would never be found');
  });

  test('where there are none, or the settings cannot be, that is an error', async () => {
    await assert.rejects(extendVocabulary(uncased, { lines: ['the gene, the gene'], add: 3 }), (error) => error instanceof DataError && /15 entries has every word that occurs 2 times/.test(error.message));
    for (const add of [0, 1.5, -1]) await assert.rejects(extendVocabulary(uncased, { lines, add }), (error) => error instanceof UsageError && error.message.includes(`add is ${add}`));
  });
});
