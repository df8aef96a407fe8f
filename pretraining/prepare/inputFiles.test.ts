import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../../src/data/errors.js';
import { temporaryFolder, writeText } from '../testing/inventedText.js';
import { findInputFiles } from './inputFiles.js';

const folder = temporaryFolder();
for (const name of ['b/deep/er', 'a']) mkdirSync(path.join(folder, name), { recursive: true });
for (const name of ['two.txt', 'one.txt', 'one.md', '.hidden.txt', 'a/x1.jsonl', 'a/x22.jsonl.zst', 'b/deep/er/y.txt', 'star*.txt', 'a/[z].txt']) writeText(folder, name, 'text\n');

async function find(...names: string[]): Promise<string[]> {
  return (await findInputFiles(names.map((name) => path.join(folder, name)))).map(({ file, format }) => `${path.relative(folder, file)} ${format}`);
}

test('patterns name the files that fit them, sorted, in place', async () => {
  assert.deepEqual(await find('two.txt', 'o*.txt'), ['two.txt text', 'one.txt text']);
  assert.deepEqual(await find('a/x?.jsonl'), ['a/x1.jsonl json-lines']);
  assert.deepEqual(await find('*/x*'), ['a/x1.jsonl json-lines', 'a/x22.jsonl.zst json-lines']);
  assert.deepEqual(await find('**/*.txt'), ['a/[z].txt text', 'b/deep/er/y.txt text', 'one.txt text', 'star*.txt text', 'two.txt text']);
  assert.deepEqual(await find('a/[z]*'), ['a/[z].txt text']);
  assert.deepEqual(await find('.hid*'), ['.hidden.txt text']);
  assert.deepEqual(await find('**'), ['a/[z].txt text', 'a/x1.jsonl json-lines', 'a/x22.jsonl.zst json-lines', 'b/deep/er/y.txt text', 'one.md text', 'one.txt text', 'star*.txt text', 'two.txt text']);
});

test('a file whose name looks like a pattern is that file', async () => {
  assert.deepEqual(await find('star*.txt'), ['star*.txt text']);
});

test('names and patterns without a file are told', async () => {
  await assert.rejects(find('*.text'), (error) => error instanceof UsageError && error.message.includes('*.text: no file fits'));
  await assert.rejects(find('no/such/*.txt'), UsageError);
  await assert.rejects(find('on.txt'), (error) => error instanceof UsageError && error.message.includes('one.txt'));
  await assert.rejects(find('a'), (error) => error instanceof UsageError && error.message.includes('is a folder'));
  await assert.rejects(findInputFiles([]), UsageError);
});
