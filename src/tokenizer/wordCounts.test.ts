import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BertNormalizer } from './normalizer.js';
import { StretchCounter, WordCounter } from './wordCounts.js';

const normalizer = new BertNormalizer({ cleanText: true, tokenizeChineseChars: true, stripAccents: true, lowercase: true });
const count = (text: string) => new StretchCounter(normalizer.scanClasses).count(text);

function wordsOf(portions: readonly string[], maxDistinct?: number): WordCounter {
  const counter = new WordCounter(normalizer, maxDistinct);
  for (const portion of portions) counter.add(count(portion));
  return counter;
}

describe('counting a portion', () => {
  test('stretches as they stand, in order of first appearance, across the ends of lines', () => {
    const { text, counts } = count('Café café\ncafé,\r\n\n \tCafé 中中 \n');
    assert.equal(text, 'Café\ncafé\n,\n中\n');
    assert.deepEqual([...counts], [2, 2, 1, 2]);
  });

  test('a counter starts anew with each portion', () => {
    const counter = new StretchCounter(normalizer.scanClasses);
    counter.count('a a b');
    const { text, counts } = counter.count('b c');
    assert.deepEqual([text, ...counts], ['b\nc\n', 1, 1]);
    assert.deepEqual(counter.count(' \n'), { text: '', counts: new Uint32Array(0) });
  });
});

describe('adding portions up', () => {
  test('adds up the spellings of a word; words too long for the encoder are left out', () => {
    assert.deepEqual(wordsOf(['Café cafe, CAFÉ', `x${'y'.repeat(100)} z`, 'z'.repeat(5000)]).words(), [
      { word: 'cafe', count: 3 },
      { word: ',', count: 1 },
      { word: 'z', count: 1 },
    ]);
  });

  test('words such as __proto__ and constructor are words', () => {
    const counts = new Map(wordsOf(['constructor', 'hasOwnProperty constructor __proto__']).words().map(({ word, count: times }) => [word, times]));
    assert.deepEqual(['constructor', 'hasownproperty', 'proto', '_'].map((word) => counts.get(word)), [2, 1, 1, 4]);
  });

  test('forgets the rarest where there are more distinct words than it may hold, and says so', () => {
    const portions = Array.from({ length: 200 }, (_, p) => Array.from({ length: 100 }, (__, i) => `rare${p * 100 + i} often${i % 7}`).join('\n'));
    const counter = wordsOf(portions, 1000);
    assert.ok(counter.size <= 1000);
    assert.ok(counter.prunedBelow >= 1);
    const words = counter.words();
    assert.ok(words.length >= 500, 'a part of the rare words stays');
    const often = words.filter(({ word }) => word.startsWith('often'));
    assert.equal(often.length, 7);
    assert.equal(often.reduce((sum, { count: times }) => sum + times, 0), 20_000);
  });

  test('where all fit, nothing is forgotten', () => assert.equal(wordsOf(['a b c', 'd e']).prunedBelow, 0));
});
