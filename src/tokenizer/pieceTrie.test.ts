import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../data/random.js';
import { PieceTrie } from './pieceTrie.js';

function trieOf(pieces: readonly string[]): PieceTrie {
  const trie = new PieceTrie();
  for (const [id, piece] of pieces.entries()) trie.add(piece, id);
  return trie;
}

describe('PieceTrie', () => {
  test('finds the longest piece at a place, with its length', () => {
    const trie = trieOf(['a', 'abcd', 'ab', '\u{10428}', '\u{10428}b']);
    const cases: readonly (readonly [word: string, start: number, id: number, length: number])[] = [
      ['a', 0, 0, 1],
      ['abc', 0, 2, 2],
      ['abcd', 0, 1, 4],
      ['xabcde', 1, 1, 4],
      ['xab', 2, -1, 0],
      ['abab', 2, 2, 2],
      ['\u{10428}\u{10428}b', 0, 3, 2],
      ['\u{10428}\u{10428}b', 2, 4, 3],
      ['\u{10429}', 0, -1, 0],
      ['', 0, -1, 0],
    ];
    for (const [word, start, id, length] of cases) {
      assert.equal(trie.longestAt(word, start), id, `${word} at ${start}`);
      if (id >= 0) assert.equal(trie.matchedLength, length, `${word} at ${start}`);
    }
  });

  test('an empty trie and an empty piece match nothing', () => {
    assert.equal(new PieceTrie().longestAt('a', 0), -1);
    assert.equal(trieOf(['']).longestAt('a', 0), -1);
  });

  test('agrees with trying every length on 40,000 random pieces', () => {
    const random = new Random(3);
    const word = (length: number): string => Array.from({ length }, () => String.fromCharCode(random.integer(8) === 0 ? random.integer(0x10000) : 0x61 + random.integer(6))).join('');
    const pieces = [...new Set(Array.from({ length: 40_000 }, () => word(1 + random.integer(9))))];
    const ids = new Map(pieces.map((piece, id) => [piece, id]));
    const trie = trieOf(pieces);
    let matched = 0;
    for (let i = 0; i < 20_000; i++) {
      const text = word(12);
      const start = random.integer(12);
      let length = 12 - start;
      while (length > 0 && !ids.has(text.slice(start, start + length))) length -= 1;
      assert.equal(trie.longestAt(text, start), length === 0 ? -1 : ids.get(text.slice(start, start + length)));
      if (length > 0) assert.equal(trie.matchedLength, length);
      if (length > 1) matched += 1;
    }
    assert.ok(matched > 10_000);
  });
});
