import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Tokenizer } from '@huggingface/tokenizers';
import { BertwrightError, DataError } from '../data/errors.js';
import { AutoTokenizer, BertTokenizer } from './index.js';
import { readFixture, sharedFile, temporaryFolder } from './testing.js';

const fixture = readFixture();
const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const folder = temporaryFolder();
let made = 0;

function directoryWith(files: Readonly<Record<string, string>>): string {
  const directory = path.join(folder, String(made++));
  mkdirSync(directory);
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(directory, name), text);
  return directory;
}

async function saved(lowercase: boolean): Promise<{ directory: string; tokenizer: BertTokenizer }> {
  const directory = path.join(folder, String(made++));
  const tokenizer = BertTokenizer.fromVocab(fixture.vocab, { lowercase });
  await tokenizer.save(directory);
  return { directory, tokenizer };
}

const readJson = (file: string): object => JSON.parse(readFileSync(file, 'utf8')) as object;

/** Where the JavaScript package departs from the Rust library: supplementary ideographs, final sigma, and marks newer than the library's tables. */
const knownDifferences: Readonly<Record<string, readonly string[]>> = {
  uncased: ['supplementary cjk', 'marks that survive and are reordered', 'final sigma'],
  cased: ['supplementary cjk'],
};

describe('saved files', () => {
  for (const lowercase of [true, false]) {
    const name = lowercase ? 'uncased' : 'cased';
    test(`load in @huggingface/tokenizers with the same ids, known differences apart: ${name}`, async () => {
      const { directory, tokenizer } = await saved(lowercase);
      const other = new Tokenizer(readJson(path.join(directory, 'tokenizer.json')), readJson(path.join(directory, 'tokenizer_config.json')));
      for (const [title, text] of Object.entries(fixture.hard)) {
        const same = isDeepStrictEqual(tokenizer.encode(text).inputIds, other.encode(text).ids);
        assert.equal(same, knownDifferences[name]?.includes(title) !== true, title);
      }
      for (const text of fixture.sampled) assert.deepEqual(tokenizer.encode(text).inputIds, other.encode(text).ids, text);
      const [first, second] = [fixture.sampled[0] ?? '', fixture.sampled[1] ?? ''];
      const pair = other.encode(first, { text_pair: second, return_token_type_ids: true });
      assert.deepEqual([tokenizer.encode(first, second).inputIds, tokenizer.encode(first, second).tokenTypeIds], [pair.ids, pair.token_type_ids]);
    });

    test(`give the same tokenizer from tokenizer.json and from vocab.txt: ${name}`, async () => {
      const { directory, tokenizer } = await saved(lowercase);
      const read = (file: string): string => readFileSync(path.join(directory, file), 'utf8');
      const config = { 'tokenizer_config.json': read('tokenizer_config.json') };
      for (const files of [{ 'vocab.txt': read('vocab.txt') }, { 'tokenizer.json': read('tokenizer.json') }]) {
        const again = await BertTokenizer.fromPretrained(directoryWith({ ...files, ...config }));
        assert.deepEqual(again.vocab, tokenizer.vocab);
        assert.deepEqual({ ...again.options, specialTokens: undefined }, { ...tokenizer.options, specialTokens: undefined });
        for (const text of Object.values(fixture.hard)) assert.deepEqual(again.encode(text), tokenizer.encode(text));
      }
      assert.deepEqual(Object.keys(readJson(path.join(directory, 'special_tokens_map.json'))), ['cls_token', 'mask_token', 'pad_token', 'sep_token', 'unk_token']);
    });
  }

  test('keep additional special tokens and the model length', async () => {
    const tokenizer = BertTokenizer.fromVocab([...special, 'a', '<x>'], { lowercase: true, additionalSpecialTokens: ['<x>'], modelMaxLength: 64 });
    const directory = path.join(folder, String(made++));
    await tokenizer.save(directory);
    const again = await BertTokenizer.fromPretrained(directory);
    assert.deepEqual(again.tokenize('a<x>a'), ['a', '<x>', 'a']);
    assert.equal(again.modelMaxLength, 64);
    assert.ok(again.isSpecial(6));
  });

  test('a token with a line break is refused', async () => {
    await assert.rejects(BertTokenizer.fromVocab([...special, 'a\nb'], { lowercase: true }).save(path.join(folder, 'broken')), DataError);
  });
});

describe('reading', () => {
  const vocab = `${[...special, 'a', '##b'].join('\n')}\n`;

  test('vocab.txt alone is uncased; CR LF and a byte order mark are dropped; tokenizer_config.json decides otherwise', async () => {
    const uncased = await BertTokenizer.fromPretrained(directoryWith({ 'vocab.txt': `\ufeff${vocab.replaceAll('\n', '\r\n')}` }));
    assert.deepEqual(uncased.tokenize('AB'), ['a', '##b']);
    const cased = await BertTokenizer.fromPretrained(directoryWith({ 'vocab.txt': vocab, 'tokenizer_config.json': '{"do_lower_case": false, "mask_token": {"content": "[MASK]"}}' }));
    assert.deepEqual(cased.tokenize('AB ab'), ['[UNK]', 'a', '##b']);
  });

  const json = async (change: (value: { [key: string]: unknown; model: { [key: string]: unknown } }) => void): Promise<string> => {
    const { directory } = await saved(true);
    const value = readJson(path.join(directory, 'tokenizer.json')) as { [key: string]: unknown; model: { [key: string]: unknown } };
    change(value);
    return JSON.stringify(value);
  };

  test('malformed files name the file and the line or the JSON path', async () => {
    const cases: [Record<string, string>, RegExp][] = [
      [{ 'vocab.txt': '[PAD]\n[UNK]\n\na\n' }, /vocab\.txt:3: an empty line/],
      [{ 'vocab.txt': '[PAD]\n[UNK]\n[PAD]\n' }, /vocab\.txt:3: the token "\[PAD\]" stands on line 1 already/],
      [{ 'vocab.txt': '' }, /0 entries lacks the special token "\[PAD\]"/],
      [{ 'vocab.txt': vocab, 'tokenizer_config.json': '{"do_lower_case": 1}' }, /tokenizer_config\.json: do_lower_case is 1; expected true or false/],
      [{ 'tokenizer.json': '{"model": {' }, /tokenizer\.json:1:12/],
      [{ 'tokenizer.json': '[]' }, /expected a JSON object, found an array/],
      [{ 'tokenizer.json': `{"model": ${'['.repeat(10_000)}` }, /at most 64 levels/],
      [{ 'tokenizer.json': '{}' }, /tokenizer\.json: model is missing; expected an object/],
      [{ 'tokenizer.json': await json((value) => (value.model['vocab'] = { a: -1 })) }, /model\.vocab\["a"\] is -1; expected an id/],
      [{ 'tokenizer.json': await json((value) => (value.model['vocab'] = { a: 1, b: 1 })) }, /model\.vocab\["b"\] is 1, the id of "a" already/],
      [{ 'tokenizer.json': await json((value) => (value.model['vocab'] = { a: 4_000_000_000_000 })) }, /expected ids without gaps/],
      [{ 'tokenizer.json': await json((value) => (value['added_tokens'] = [{ id: 'x' }])) }, /added_tokens\[0\]\.id is "x"/],
    ];
    const latin1 = directoryWith({});
    writeFileSync(path.join(latin1, 'vocab.txt'), Buffer.from('[PAD]\n\xe9t\xe9\n', 'latin1'));
    await assert.rejects(AutoTokenizer.fromPretrained(latin1), /vocab\.txt:2: bytes that are not UTF-8/);
    for (const [files, message] of cases) {
      await assert.rejects(AutoTokenizer.fromPretrained(directoryWith(files)), (error) => error instanceof DataError && message.test(error.message), String(message));
    }
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });

  test('a missing directory or missing files say what is expected', async () => {
    await assert.rejects(AutoTokenizer.fromPretrained(path.join(folder, 'nowhere')), /no such directory/);
    await assert.rejects(AutoTokenizer.fromPretrained(directoryWith({})), /neither tokenizer\.json nor vocab\.txt/);
    await assert.rejects(AutoTokenizer.fromPretrained(path.join(directoryWith({ 'vocab.txt': vocab }), 'vocab.txt')), (error) => error instanceof BertwrightError && /is a file/.test(error.message));
  });

  test('words such as __proto__ and 7 survive tokenizer.json', async () => {
    const words = [...special, 'b', '7', '__proto__', 'constructor', '12'];
    const directory = path.join(folder, String(made++));
    await BertTokenizer.fromVocab(words, { lowercase: true }).save(directory);
    assert.deepEqual((await BertTokenizer.fromPretrained(directory)).vocab, words);
  });

  const miniLm = sharedFile('models/all-minilm-l6-v2');
  test('a published sentence encoder loads on the fast path', { skip: existsSync(miniLm) ? false : `${miniLm} is missing` }, async () => {
    const tokenizer = await AutoTokenizer.fromPretrained(miniLm);
    assert.ok(tokenizer instanceof BertTokenizer);
    assert.equal(tokenizer.modelMaxLength, 512);
    assert.deepEqual(tokenizer.encode('Hello, world!', 'Naïve').inputIds, [101, 7592, 1010, 2088, 999, 102, 15743, 102]);
  });
});

describe('other kinds of tokenizer', () => {
  const bpe = JSON.stringify({
    version: '1.0',
    added_tokens: [0, 1, 2, 3, 4].map((id) => ({ id, content: ['<s>', '<pad>', '</s>', '<unk>', '<mask>'][id], special: true, single_word: false, lstrip: false, rstrip: false, normalized: false })),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 0], trim_offsets: true, add_prefix_space: false },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', dropout: null, unk_token: '<unk>', vocab: { '<s>': 0, '<pad>': 1, '</s>': 2, '<unk>': 3, '<mask>': 4, a: 5, b: 6, Ġ: 7, ab: 8, Ġab: 9 }, merges: ['a b', 'Ġ ab'] },
  });

  test('go through the package, with truncation and special tokens as ours', async () => {
    const tokenizer = await AutoTokenizer.fromPretrained(directoryWith({ 'tokenizer.json': bpe, 'tokenizer_config.json': '{}' }));
    assert.deepEqual(tokenizer.tokenize('ab ab'), ['ab', 'Ġab']);
    assert.deepEqual(tokenizer.encode('ab ab').inputIds, [0, 8, 9, 2]);
    assert.deepEqual(tokenizer.encode('ab ab ab ab', 'ab', { maxLength: 7 }).inputIds, [0, 8, 9, 2, 2, 8, 2]);
    assert.equal(tokenizer.decode([0, 8, 9, 2], { skipSpecialTokens: true }), 'ab ab');
    assert.deepEqual([tokenizer.clsTokenId, tokenizer.padTokenId, tokenizer.sepTokenId, tokenizer.unkTokenId, tokenizer.maskTokenId], [0, 1, 2, 3, 4]);
    assert.deepEqual([8, 9, 0].map((id) => tokenizer.isContinuation(id)), [true, false, false]);
    const copy = path.join(folder, String(made++));
    await tokenizer.save(copy);
    assert.deepEqual((await AutoTokenizer.fromPretrained(copy)).encode('ab ab'), tokenizer.encode('ab ab'));
  });

  test('are refused by BertTokenizer with the reason', async () => {
    await assert.rejects(BertTokenizer.fromPretrained(directoryWith({ 'tokenizer.json': bpe })), /model\.type is "BPE"; expected a WordPiece tokenizer/);
  });

  test('an unknown model is a data error', async () => {
    await assert.rejects(AutoTokenizer.fromPretrained(directoryWith({ 'tokenizer.json': bpe.replace('"BPE"', '"Sorcery"') })), DataError);
  });
});
