import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FingerprintTable, fingerprint } from './repeats.js';

function add(table: FingerprintTable, text: string): string {
  const print = new Uint32Array(2);
  fingerprint(text, 0, text.length, print, 0);
  return table.add(print[0] as number, print[1] as number);
}

test('a text is new once and repeated from then on; texts that differ by little are told apart', () => {
  const table = new FingerprintTable(400_000);
  const texts = Array.from({ length: 100_000 }, (_, i) => [`line ${i}`, `${i} line`, `line ${i} `]).flat();
  assert.equal(texts.filter((text) => add(table, text) !== 'new').length, 0);
  assert.equal(texts.filter((text) => add(table, text) !== 'repeated').length, 0);
});

test('only the stretch asked for counts', () => {
  const [a, b] = [new Uint32Array(2), new Uint32Array(2)];
  fingerprint('  the same ', 2, 10, a, 0);
  fingerprint('the same', 0, 8, b, 0);
  assert.deepEqual(a, b);
});

test('a full table still tells what it holds, and says that it does not know the rest', () => {
  const table = new FingerprintTable(0);
  let held = 0;
  while (add(table, `line ${held}`) === 'new') held += 1;
  assert.ok(held > 3000 && table.isFull, `${held} lines`);
  assert.equal(add(table, 'line 0'), 'repeated');
  assert.equal(add(table, 'another line'), 'unknown');
});

test('the high half 0 is a fingerprint like others', () => {
  const table = new FingerprintTable(0);
  assert.deepEqual([table.add(5, 0), table.add(5, 0), table.add(6, 0)], ['new', 'repeated', 'new']);
});
