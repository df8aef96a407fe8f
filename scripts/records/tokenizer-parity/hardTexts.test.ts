import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { BertTokenizer } from '../../../src/tokenizer/index.js';
import { readFixture } from '../../../src/tokenizer/testing.js';
import { codePointTexts, longWords, randomPairs, randomTexts, runTexts, sequenceTexts, specialTokenTexts } from './hardTexts.js';
import { type Item, idWords } from './idWords.js';

/** SHA-256 over the Rust library's ids, by case and group. Compiled to dist; the file stays beside the source. */
const { digests } = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../../../scripts/records/tokenizer-parity/digests.json'), 'utf8')) as {
  digests: Readonly<Record<'uncased' | 'cased', Readonly<Record<string, string>>>>;
};

const loneSurrogate = /\p{Surrogate}/u;

const groups: readonly (readonly [name: string, items: () => Iterable<Item>, maxLength: number | null])[] = [
  ['special-tokens', specialTokenTexts, null],
  ['long-words', longWords, null],
  ['runs', runTexts, null],
  ['sequences', sequenceTexts, null],
  ['random', () => randomTexts(20_000, 20), null],
  ['random-pairs', () => randomPairs(5_000, 21), 24],
];

describe('ids of hard texts are those of the Rust library', () => {
  for (const name of ['uncased', 'cased'] as const) {
    for (const [group, items, maxLength] of groups) {
      test(`${name}: ${group}`, () => {
        const tokenizer = BertTokenizer.fromVocab(readFixture().vocab, { lowercase: name === 'uncased' });
        const hash = createHash('sha256');
        for (const item of items()) {
          const words = idWords(tokenizer, item, maxLength);
          const bytes = Buffer.alloc(4 * (words.length + 1));
          bytes.writeUInt32LE(words.length, 0);
          for (let i = 0; i < words.length; i++) bytes.writeUInt32LE(words[i] ?? 0, 4 * (i + 1));
          hash.update(bytes);
        }
        assert.equal(hash.digest('hex'), digests[name][group]);
      });
    }
  }
});

describe('the hard texts', () => {
  test('hold every code point that UTF-8 can hold, alone, and no lone surrogate', () => {
    const alone = new Uint8Array(0x110000);
    let count = 0;
    for (const text of codePointTexts()) {
      if (count % 5 === 0) alone[text.codePointAt(0) ?? 0] = 1;
      if (count % 1000 < 5) assert.doesNotMatch(text, loneSurrogate);
      count += 1;
    }
    assert.equal(count, 5 * (0x110000 - 0x800));
    assert.equal(alone.reduce((sum, one) => sum + one, 0), 0x110000 - 0x800);
    assert.ok(alone.subarray(0xd800, 0xe000).every((one) => one === 0));
  });

  test('are the same each time, and random strings of a smaller count are the first of a larger', () => {
    assert.deepEqual([...randomTexts(50, 20)], [...randomTexts(100, 20)].slice(0, 50));
    for (const text of randomTexts(1000, 20)) assert.doesNotMatch(text, loneSurrogate);
    assert.notDeepEqual([...randomTexts(50, 20)], [...randomTexts(50, 21)]);
  });
});
