import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { Table, tableToIPC, vectorFromArray } from 'apache-arrow';
import { DataError } from './errors.js';
import { TokenStore, decodeDocumentIndex, decodeTokenShard, encodeDocumentIndex, encodeTokenShard, readStoreFile } from './tokenStore.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-store-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const shardA = { values: Int32Array.of(5, 6, 7, 8, 9), offsets: Int32Array.of(0, 2, 5) };
const shardB = { values: Int32Array.of(10, 11, 12), offsets: Int32Array.of(0, 1, 1, 3) };
const documents = { sentences: Int32Array.of(1, 3, 1), hashes: BigUint64Array.of(3n, 2n ** 63n + 5n, 1n) };

test('shards and the document index come back as they were written', () => {
  for (const shard of [shardA, shardB, { values: new Int32Array(0), offsets: Int32Array.of(0) }]) {
    const found = decodeTokenShard(encodeTokenShard(shard), 'x.arrow', 20);
    assert.deepEqual([...found.values], [...shard.values]);
    assert.deepEqual([...found.offsets], [...shard.offsets]);
  }
  const found = decodeDocumentIndex(encodeDocumentIndex(documents), 'd.arrow');
  assert.deepEqual([...found.sentences], [1, 3, 1]);
  assert.deepEqual([...found.hashes], [3n, 2n ** 63n + 5n, 1n]);
});

test('a shard is read without copying', () => {
  const bytes = encodeTokenShard({ values: new Int32Array(1000).fill(3), offsets: Int32Array.of(0, 400, 1000) });
  assert.equal(decodeTokenShard(bytes, 'x.arrow', 20).values.buffer, bytes.buffer);
});

test('the store numbers tokens and sentences over all shards', () => {
  const store = new TokenStore([shardA, shardB], documents);
  assert.deepEqual([store.tokenCount, store.sentenceCount, store.documentCount], [8, 5, 3]);
  assert.deepEqual([...store.sentenceStart], [0, 2, 5, 6, 6, 8]);
  assert.deepEqual([...store.documentStart], [0, 1, 4, 5]);
  const target = new Int32Array(7);
  store.copyTokens(3, 4, target, 2);
  assert.deepEqual([...target], [0, 0, 8, 9, 10, 11, 0]);
  assert.throws(() => store.copyTokens(6, 3, target, 0), RangeError);
  assert.deepEqual([...store.countTokens(Int32Array.of(0, 2), 13)], [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1]);
});

test('a document index that does not fit the shards is refused', () => {
  assert.throws(() => new TokenStore([shardA], documents), DataError);
});

test('damaged Arrow files end in a DataError that names the file', () => {
  const good = encodeTokenShard(shardA);
  const other = tableToIPC(new Table({ tokens: vectorFromArray([1, 2, 3]) }), 'file');
  const cases: [string, Uint8Array][] = [
    ['no Arrow file', Buffer.from('not arrow at all')],
    ['empty', new Uint8Array(0)],
    ['cut', good.slice(0, good.length >> 1)],
    ['other columns', other],
    ['ids beyond the vocabulary', encodeTokenShard({ values: Int32Array.of(1, 99), offsets: Int32Array.of(0, 2) })],
    ['negative ids', encodeTokenShard({ values: Int32Array.of(1, -1), offsets: Int32Array.of(0, 2) })],
    ['offsets that fall', encodeTokenShard({ values: Int32Array.of(1, 2), offsets: Int32Array.of(0, 2, 1) })],
  ];
  for (const [name, bytes] of cases) {
    assert.throws(() => decodeTokenShard(bytes, 'bad.arrow', 20), (error) => error instanceof DataError && error.message.startsWith('bad.arrow'), name);
  }
});

test('a flipped bit anywhere is found by the hash before the file is decoded', async () => {
  const good = encodeTokenShard(shardB);
  const file = { name: 'flipped.arrow', bytes: good.length, sha256: createHash('sha256').update(good).digest('hex') };
  for (let at = 0; at < good.length; at += 7) {
    const bytes = good.slice();
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
    writeFileSync(path.join(folder, file.name), bytes);
    await assert.rejects(readStoreFile(folder, file), DataError);
  }
});

test('size and hash are checked against the manifest, and names stay in the folder', async () => {
  const bytes = encodeTokenShard(shardA);
  const file = { name: 'tokens-00000.arrow', bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  writeFileSync(path.join(folder, file.name), bytes);
  assert.deepEqual(Buffer.from(await readStoreFile(folder, file)), Buffer.from(bytes));
  for (const wrong of [{ ...file, bytes: 7 }, { ...file, sha256: file.sha256.replace(/^./, 'g') }, { ...file, name: 'absent.arrow' }, { ...file, name: '../x.arrow' }]) {
    await assert.rejects(readStoreFile(folder, wrong), DataError);
  }
});
