import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainLine } from './plainLine.js';

test('line breaks and control characters become blanks, characters of markup and tables are left out', () => {
  assert.equal(plainLine('a\nb\u001b[31m\u202ec'), 'a b [31m c');
  assert.equal(plainLine('<b>`x` | y</b>'), 'bx  y/b');
});
