import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { IoError } from '../data/errors.js';
import { writeFileAtomic } from './atomicFile.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-atomic-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('text, bytes and pieces are written whole, and replace what was there', () => {
  const file = path.join(folder, 'a.txt');
  writeFileAtomic(file, 'première');
  assert.equal(readFileSync(file, 'utf8'), 'première');
  writeFileAtomic(file, Uint8Array.of(1, 2, 3));
  assert.deepEqual([...readFileSync(file)], [1, 2, 3]);
  writeFileAtomic(file, [Uint8Array.of(4), new Uint8Array(0), Uint8Array.of(5, 6)]);
  assert.deepEqual([...readFileSync(file)], [4, 5, 6]);
  assert.deepEqual(readdirSync(folder), ['a.txt'], 'no temporary file stays');
});

test('a failed write names the path, keeps the old file and leaves nothing behind', () => {
  const file = path.join(folder, 'a.txt');
  writeFileAtomic(file, 'old');
  function* failing(): Generator<Uint8Array> {
    yield Uint8Array.of(1);
    throw new Error('no more');
  }
  assert.throws(() => writeFileAtomic(file, failing()), (error) => error instanceof IoError && error.exitCode === 74 && error.message.startsWith(file));
  assert.equal(readFileSync(file, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['a.txt']);
});

test('a missing directory and a directory in the way are input/output errors', () => {
  assert.throws(() => writeFileAtomic(path.join(folder, 'none', 'x'), 'x'), (error) => error instanceof IoError && /cannot write \(ENOENT[^;]*\)$/.test(error.message));
  mkdirSync(path.join(folder, 'taken'));
  assert.throws(() => writeFileAtomic(path.join(folder, 'taken'), 'x'), IoError);
});
