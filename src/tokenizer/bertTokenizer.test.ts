import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { DataError, UsageError } from '../data/errors.js';
import { BertTokenizer } from './bertTokenizer.js';
import { BertNormalizer } from './normalizer.js';
import { fixtureOptions, readFixture, sharedFile } from './testing.js';
import { parseVocab } from './tokenizerFiles.js';
import type { TruncationStrategy } from './types.js';

const fixture = readFixture();
const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const small = (words: string[], options = { lowercase: true }): BertTokenizer => BertTokenizer.fromVocab([...special, ...words], options);

describe('ids are those of the Rust library', () => {
  for (const [name, options] of Object.entries(fixtureOptions)) {
    const tokenizer = BertTokenizer.fromVocab(fixture.vocab, options);
    const expected = fixture.encoded[name];
    assert.ok(expected);
    for (const [i, [title, text]] of Object.entries(fixture.hard).entries()) {
      test(`${name}: ${title}`, () => {
        assert.deepEqual([...tokenizer.encodeToIds(text)], expected.hard[i]);
        assert.deepEqual([...tokenizer.encodeToIds(text)], expected.hard[i], 'and again, now from the cache');
      });
    }
    if (expected.sampled !== undefined) {
      test(`${name}: lines of books`, () => {
        for (const [i, text] of fixture.sampled.entries()) assert.deepEqual([...tokenizer.encodeToIds(text)], expected.sampled?.[i], text);
      });
    }
  }

  test('pairs get [CLS] and [SEP] and their segments', () => {
    const tokenizer = BertTokenizer.fromVocab(fixture.vocab, { lowercase: true });
    for (const [first, second, ids, segments] of fixture.pairs) {
      const encoding = tokenizer.encode(first, second);
      assert.deepEqual(encoding, { inputIds: ids, attentionMask: ids.map(() => 1), tokenTypeIds: segments });
    }
  });

  for (const [strategy, rows] of Object.entries(fixture.truncated)) {
    test(`truncation "${strategy}" keeps the same tokens and fails where it fails`, () => {
      const tokenizer = small(['a', 'b']);
      const a = tokenizer.vocab.indexOf('a');
      for (const [first, second, maxLength, keptFirst, keptSecond] of rows) {
        const row = `${first} ${second} ${maxLength}`;
        const encode = () => tokenizer.encode('a '.repeat(first), second < 0 ? undefined : 'b '.repeat(second), { maxLength, truncation: strategy as TruncationStrategy });
        if (keptFirst < 0) {
          assert.throws(encode, DataError, row);
          continue;
        }
        const { inputIds } = encode();
        assert.deepEqual([inputIds.filter((id) => id === a).length, inputIds.filter((id) => id === a + 1).length], [keptFirst, keptSecond], row);
      }
    });
  }

  test('decode joins pieces, cleans up and skips special tokens', () => {
    const tokenizer = BertTokenizer.fromVocab(fixture.vocab, { lowercase: true });
    for (const [ids, text, withoutSpecial] of fixture.decoded) {
      assert.equal(tokenizer.decode(ids), text);
      assert.equal(tokenizer.decode(ids, { skipSpecialTokens: true }), withoutSpecial);
    }
  });

  const vocabFile = sharedFile('data/vocab/bert-base-uncased-vocab.txt');
  test('with the vocabulary of bert-base-uncased', { skip: existsSync(vocabFile) ? false : `${vocabFile} is missing` }, () => {
    const tokenizer = BertTokenizer.fromVocab(parseVocab(readFileSync(vocabFile, 'utf8'), vocabFile), { lowercase: true });
    for (const [i, text] of [...Object.values(fixture.hard), ...fixture.sampled].entries()) assert.deepEqual(tokenizer.encode(text).inputIds, fixture.bertBaseUncased[i], text);
  });
});

describe('normalizing is that of the Rust library', () => {
  for (const [name, options] of Object.entries(fixtureOptions)) {
    test(`every code point between letters: ${name}`, () => {
      const normalizer = new BertNormalizer({
        cleanText: options.cleanText ?? true,
        tokenizeChineseChars: options.tokenizeChineseChars ?? true,
        stripAccents: options.stripAccents ?? options.lowercase,
        lowercase: options.lowercase,
      });
      const hash = createHash('sha256');
      for (const [start, end] of [[0, 0xd800], [0xe000, 0x30000], [0xe0000, 0xe1000]] as const) {
        for (let point = start; point < end; point++) hash.update(`${normalizer.words(`a${String.fromCodePoint(point)}b`).join('\x1f')}\x1e`);
      }
      assert.equal(hash.digest('hex'), fixture.digests[name]);
    });
  }

  test('marks in any order', () => {
    const normalizer = new BertNormalizer({ cleanText: true, tokenizeChineseChars: true, stripAccents: true, lowercase: true });
    for (const [text, words] of fixture.normalized) assert.deepEqual(normalizer.words(text), words, JSON.stringify(text));
  });
});

describe('encode', () => {
  test('a megabyte of marks is normalized in time that grows with its length', () => {
    const started = performance.now();
    assert.deepEqual(small(['a']).tokenize(`a${'\u0301\u0323'.repeat(500_000)} a`), ['a', 'a']);
    assert.ok(performance.now() - started < 10_000);
  });

  test('splits a word into the longest pieces from the left', () => {
    const tokenizer = small(['un', 'una', '##ff', '##aff', '##able', '##f']);
    assert.deepEqual(tokenizer.tokenize('unaffable'), ['una', '##ff', '##able']);
    assert.deepEqual(tokenizer.tokenize('unaffablex un'), ['[UNK]', 'un']);
  });

  test('treats names of object members as ordinary words', () => {
    const tokenizer = small(['constructor', 'has', '##own', '##property', '_', 'proto', 'hasownproperty'], { lowercase: true });
    assert.deepEqual(tokenizer.tokenize('__proto__ constructor hasOwnProperty toString'), ['_', '_', 'proto', '_', '_', 'constructor', 'hasownproperty', '[UNK]']);
  });

  test('lone surrogates count as U+FFFD', () => {
    const tokenizer = small(['a', '##b', 'b']);
    assert.deepEqual(tokenizer.tokenize('a\ud800b \udc00b'), ['a', '##b', 'b']);
  });

  test('maxLength alone truncates, truncation alone needs a limit of the tokenizer, and false keeps everything', () => {
    const words = [...special, 'a'];
    const limited = BertTokenizer.fromVocab(words, { lowercase: true, modelMaxLength: 4 });
    assert.equal(small(['a']).encode('a a a a a a', undefined, { maxLength: 5 }).inputIds.length, 5);
    assert.equal(limited.encode('a a a a a a', undefined, { truncation: true }).inputIds.length, 4);
    assert.equal(limited.encode('a a a a a a', undefined, { maxLength: 3, truncation: false }).inputIds.length, 8);
    assert.throws(() => small(['a']).encode('a', undefined, { truncation: true }), UsageError);
  });

  test('a limit below the special tokens and an unknown strategy are refused', () => {
    assert.throws(() => small(['a']).encode('a', 'a', { maxLength: 2 }), /maxLength is 2; expected a whole number of at least 3/);
    assert.throws(() => small(['a']).encode('a', 'a', { maxLength: 9, truncation: 'longest-first' as TruncationStrategy }), /Did you mean "longest_first"/);
  });

  test('encodeBatch takes texts and pairs', () => {
    const tokenizer = small(['a', 'b']);
    assert.deepEqual(
      tokenizer.encodeBatch(['a', ['b', 'a']]).map(({ inputIds }) => tokenizer.decode(inputIds)),
      ['[CLS] a [SEP]', '[CLS] b [SEP] a [SEP]'],
    );
  });

  test('the cache gives the same ids however many different words pass through it', () => {
    const tokenizer = small(['a', '##b', '##c', 'b', 'c', '##a']);
    const name = (n: number): string => n.toString(3).replaceAll('0', 'a').replaceAll('1', 'b').replaceAll('2', 'c');
    const before = [1, 77, 160_000].map((n) => [...tokenizer.encodeToIds(name(n))]);
    for (let n = 0; n < 180_000; n++) tokenizer.encodeToIds(name(n));
    assert.deepEqual([1, 77, 160_000].map((n) => [...tokenizer.encodeToIds(name(n))]), before);
    assert.deepEqual(before[1]?.length, name(77).length);
  });

  test('a long text with special tokens does not exhaust the stack', () => {
    assert.equal(small(['a']).encodeToIds(`${'a '.repeat(200_000)}[MASK]`).length, 200_001);
  });
});

describe('the vocabulary', () => {
  test('tells continuations and special tokens', () => {
    const tokenizer = small(['a', '##b']);
    assert.deepEqual([4, 5, 6, 7].map((id) => tokenizer.isContinuation(id)), [false, false, true, false]);
    assert.deepEqual([0, 1, 2, 3, 4, 5].map((id) => tokenizer.isSpecial(id)), [true, true, true, true, true, false]);
    assert.deepEqual([tokenizer.padTokenId, tokenizer.unkTokenId, tokenizer.clsTokenId, tokenizer.sepTokenId, tokenizer.maskTokenId], [0, 1, 2, 3, 4]);
  });

  test('a token twice or a missing special token is refused', () => {
    assert.throws(() => small(['a', 'a']), /"a" twice, as entries 5 and 6/);
    assert.throws(() => BertTokenizer.fromVocab(['[PAD]', '[UNK]', 'a'], { lowercase: true }), /lacks the special token "\[CLS\]"/);
  });

  test('decode refuses an id outside it', () => {
    assert.throws(() => small([]).decode([5]), /id 5 at position 0; expected 0 to 4/);
  });
});
