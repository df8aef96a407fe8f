import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitSentences } from './sentences.js';

test('running text is split into sentences', () => {
  const cases: readonly (readonly string[])[] = [
    ['He came in.', 'She left!', 'Why?', 'Nobody knows…'],
    ['Mr. Smith met Dr. J. R. Jones in Washington, D.C. yesterday.', 'It cost $3.50 at 5 p.m. sharp.'],
    ['"Why?" he asked.', 'She said "No."', 'Then (as e.g. Figs. 2 and 3 show) they left.'],
    ['So did I.', 'He too.'],
    ['これは文です。', 'もう一つ。'],
    ['one without an end'],
    ['He said ‘so?!’', 'Naïve… but “true.”', '"Is it?"', '(It is.)'],
    ['Both ends.', 'Ça va!'],
  ];
  for (const sentences of cases) assert.deepEqual(splitSentences(sentences.join(' ')), sentences);
});

test('blanks around sentences are dropped, and a text without any gives none', () => {
  assert.deepEqual(splitSentences('  One.   Two. '), ['One.', 'Two.']);
  assert.deepEqual(splitSentences(' \t '), []);
  assert.deepEqual(splitSentences(''), []);
});

test('rows of blanks and of ends take no longer than other text', () => {
  for (const text of [`${' '.repeat(300_000)}. x`, '.'.repeat(300_000), `a${'" '.repeat(150_000)}.b`, '! '.repeat(20_000)]) {
    assert.equal(splitSentences(text).join('').replaceAll(' ', ''), text.replaceAll(' ', ''));
  }
});
