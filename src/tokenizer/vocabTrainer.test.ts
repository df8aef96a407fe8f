import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Tokenizer } from '@huggingface/tokenizers';
import { DataError, InterruptedError, UsageError } from '../data/errors.js';
import { BertTokenizer, trainVocabulary } from './index.js';
import { sharedFile, temporaryFolder } from './testing.js';

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const folder = temporaryFolder();
const train = (lines: string[], vocabSize: number, minFrequency = 1): Promise<string[]> => trainVocabulary({ lines, vocabSize, minFrequency, lowercase: true });

describe('training by hand-worked merges', () => {
  test('special tokens, the alphabet, characters inside words, then the most frequent pairs', async () => {
    // hug x 4, pug x 2, hugs x 1. Pairs: u##g 7 (inside), h##u 5, p##u 2, ##g##s 1.
    // (##u, ##g) 7 -> ##ug; then (h, ##ug) 5 -> hug; (p, ##ug) 2 -> pug; (hug, ##s) 1 -> hugs.
    const lines = ['hug hug hug Hug', 'pug pug hugs'];
    const start = [...special, 'g', 'h', 'p', 's', 'u', '##g', '##s', '##u'];
    assert.deepEqual(await train(lines, 100), [...start, '##ug', 'hug', 'pug', 'hugs']);
    assert.deepEqual(await train(lines, start.length + 2), [...start, '##ug', 'hug']);
    assert.deepEqual(await train(lines, 100, 2), [...start, '##ug', 'hug', 'pug']);
  });

  test('of equal counts the pair with the smaller ids comes first', async () => {
    // ids: a 5, b 6, x 7, y 8, ##a 9, ##b 10 (only characters that occur inside); both (x, ##b) and (y, ##a) occur twice.
    assert.deepEqual(await train(['yb xa', 'yb xa', 'a b'], 100), [...special, 'a', 'b', 'x', 'y', '##a', '##b', 'xa', 'yb']);
  });

  test('runs of one character are merged from the left', async () => {
    // aaaaa: (##a, ##a) 3 windows, (a, ##a) 1. -> a ##aa ##aa; then (a, ##aa) 1 and (##aa, ##aa) 1: smaller ids first.
    assert.deepEqual(await train(['aaaaa'], 100), [...special, 'a', '##a', '##aa', 'aaa', 'aaaaa']);
  });

  test('a piece that two pairs can make gets one entry', async () => {
    const vocab = await train(['abc '.repeat(5), 'ab '.repeat(9), 'xbc '.repeat(9), 'bc '.repeat(2)], 100);
    assert.equal(new Set(vocab).size, vocab.length);
    assert.ok(vocab.includes('abc'));
  });

  test('the rarest characters give way to limitAlphabet, and a cased vocabulary keeps case and accents', async () => {
    const vocab = await trainVocabulary({ lines: ['aaa bb c é É'], vocabSize: 30, minFrequency: 100, lowercase: false, limitAlphabet: 2 });
    assert.deepEqual(vocab, [...special, 'a', 'b', '##a', '##b']);
    assert.deepEqual(await trainVocabulary({ lines: ['é É'], vocabSize: 30, lowercase: false }), [...special, 'É', 'é']);
  });

  test('of equally rare characters those stay that take one entry, then those of smaller code points', async () => {
    const lines = ['aab aab', 'bc', 'd', 'f', 'e'];
    const limited = (limitAlphabet: number) => trainVocabulary({ lines, vocabSize: 30, minFrequency: 100, lowercase: true, limitAlphabet });
    assert.deepEqual(await limited(4), [...special, 'a', 'b', 'd', 'e', '##a', '##b']);
    assert.deepEqual(await limited(6), [...special, 'a', 'b', 'c', 'd', 'e', 'f', '##a', '##b', '##c']);
  });

  test('words such as __proto__ and constructor are counted as any other', async () => {
    const vocab = await train(['constructor '.repeat(3), '__proto__ hasOwnProperty'], 500);
    assert.ok(vocab.includes('constructor'));
    assert.ok(vocab.includes('hasownproperty'));
    assert.ok(vocab.includes('_'));
  });
});

describe('training', () => {
  const words = ['the', 'king', 'queen', 'walked', 'walking', 'talked', 'talks', 'house', 'houses', 'unhappy', 'happily', 'Ærø', '日本', 'naïve'];
  const lines = Array.from({ length: 400 }, (_, i) => Array.from({ length: 9 }, (_, j) => words[(i * 7 + j * j * 3 + ((i * j) % 5)) % words.length] ?? '').join(' '));

  test('from files and from lines gives the same vocabulary, every time', async () => {
    const file = path.join(folder, 'corpus.txt');
    writeFileSync(file, lines.join('\r\n'));
    const fromLines = await train(lines, 90);
    assert.deepEqual(await trainVocabulary({ files: [file], vocabSize: 90, minFrequency: 1, lowercase: true }), fromLines);
    assert.ok(fromLines.includes('walked') || fromLines.includes('##alk'));
  });

  test('a trained vocabulary loads in @huggingface/tokenizers and encodes the same', async () => {
    const tokenizer = BertTokenizer.fromVocab(await train(lines, 80), { lowercase: true });
    const directory = path.join(folder, 'trained');
    mkdirSync(directory);
    await tokenizer.save(directory);
    const read = (name: string): object => JSON.parse(readFileSync(path.join(directory, name), 'utf8')) as object;
    const other = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
    for (const line of [...lines.slice(0, 50), 'The unwalked Queen, happy [MASK] q']) assert.deepEqual(tokenizer.encode(line).inputIds, other.encode(line).ids);
    assert.ok(lines.every((line) => !tokenizer.encodeToIds(line).includes(tokenizer.unkTokenId)), 'the corpus itself has no unknown word');
  });

  test('an empty corpus, a size below the alphabet and impossible settings are refused', async () => {
    await assert.rejects(train(['', ' \u200b '], 100), DataError);
    await assert.rejects(train(['abc'], 9), (error) => error instanceof UsageError && /take 10 entries/.test(error.message) && /at least 10/.test(error.hint ?? ''));
    await assert.rejects(train(['abc'], 5.5), /vocabSize is 5\.5/);
    await assert.rejects(trainVocabulary({ lines: ['abc'], vocabSize: 100, lowercase: true, threads: 0 }), /threads is 0; expected a whole number of at least 1/);
    await assert.rejects(trainVocabulary({ vocabSize: 100, lowercase: true }), /either files or lines/);
    await assert.rejects(trainVocabulary({ files: [path.join(folder, 'none.txt')], vocabSize: 100, lowercase: true }), /no such file/);
  });

  test('reports progress and stops at a signal', async () => {
    const stages = new Set<string>();
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<string> {
      for (let i = 0; ; i++) yield `word${i % 1000} other`;
    }
    const training = trainVocabulary({
      lines: endless(),
      vocabSize: 100,
      lowercase: true,
      signal: controller.signal,
      onProgress: ({ stage, done }) => {
        stages.add(stage);
        if (done > 0) controller.abort('SIGTERM');
      },
    });
    await assert.rejects(training, (error) => error instanceof InterruptedError && error.exitCode === 143);
    assert.deepEqual([...stages], ['counting words']);
  });

  const corpus = sharedFile('data/corpus/openstax_ccby.txt');
  test('3 MB of a textbook make 6000 entries within seconds', { skip: existsSync(corpus) ? false : `${corpus} is missing` }, async () => {
    const started = performance.now();
    const vocab = await trainVocabulary({ files: [corpus], vocabSize: 6000, lowercase: true });
    assert.equal(vocab.length, 6000);
    assert.equal(new Set(vocab).size, 6000);
    // Takes 0.5 s alone on an ordinary core; the bound leaves room for other tests beside it.
    assert.ok(performance.now() - started < 10_000);
  });
});
