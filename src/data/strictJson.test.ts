import assert from 'node:assert/strict';
import test from 'node:test';
import { DataError } from './errors.js';
import { parseJson, parseJsonObject } from './strictJson.js';

const file = 'x.json';

test('valid documents read as JSON.parse reads them', () => {
  const documents = ['{}', '[]', ' [1, -2.5e3, 0, 1E+2] ', '"a\\u00e9\\n\\"\\/"', '{"a": {"b": [true, false, null]}, "": "x"}', '-0.5', '"\\ud83d\\ude00"'];
  for (const document of documents) assert.deepEqual(parseJson(document, { file }), JSON.parse(document));
  assert.deepEqual(parseJson('\ufeff[1]', { file }), [1]);
});

test('an error names file, line and column, what was found and what was expected', () => {
  const cases: [string, RegExp][] = [
    ['{"a": 1,\n  "b" 2}', /^x\.json:2:7: .*expected ":", found "2"/],
    ['{"a": 1,}', /^x\.json:1:9: .*key in double quotes, found "\}"/],
    ['[1, 2', /^x\.json:1:6: .*expected "," or "\]", found the end of the file/],
    ['{"a": tru}', /^x\.json:1:7: .*a JSON value/],
    ['[01]', /^x\.json:1:3/],
    ['"a\\q"', /^x\.json:1:3: .*escape/],
    ['"a\tb"', /control character/],
    ['"abc', /^x\.json:1:1: .*closing quote/],
    ['{} {}', /^x\.json:1:4: .*the end of the document/],
    ['', /^x\.json:1:1: .*the end of the file/],
    ['{"a": 1, "b": 2,\n"a": 3}', /^x\.json:2:1: .*duplicate key "a"/],
  ];
  for (const [text, message] of cases) assert.throws(() => parseJson(text, { file }), (error) => error instanceof DataError && message.test(error.message), text);
});

test('nesting of 100,000 levels is refused, not followed', () => {
  assert.throws(() => parseJson('['.repeat(100_000), { file }), /at most 64 levels/);
  assert.throws(() => parseJson('{"a":'.repeat(100_000), { file }), /at most 64 levels/);
  assert.doesNotThrow(() => parseJson(`${'['.repeat(64)}${']'.repeat(64)}`, { file }));
});

test('the keys __proto__ and constructor are ordinary own keys', () => {
  const value = parseJsonObject('{"__proto__": {"polluted": 1}, "constructor": 2, "hasOwnProperty": 3}', { file });
  assert.deepEqual(Object.keys(value), ['__proto__', 'constructor', 'hasOwnProperty']);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('only an object is an object', () => {
  assert.throws(() => parseJsonObject('[1]', { file }), /expected a JSON object, found an array/);
  assert.throws(() => parseJsonObject('null', { file }), /found null/);
});
