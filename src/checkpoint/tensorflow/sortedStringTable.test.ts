import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { DataError, IoError } from '../../data/errors.js';
import { crc32c, maskCrc32c } from '../crc32c.js';
import { readSortedStringTable } from './sortedStringTable.js';
import { blockOf, fixed32, footer, handle, sealed, tableOf, varint } from './testing/tensorflowBundle.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-table-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, 'x.index');

/** Keys and values of the table in the file. */
function read(): [string, string][] {
  return [...readSortedStringTable(file)].map(({ key, value }) => {
    const bytes: number[] = [];
    while (!value.atEnd) bytes.push(value.bytes(1, 'a byte')[0] ?? 0);
    return [Buffer.from(key).toString(), Buffer.from(bytes).toString()];
  });
}

function rejects(bytes: Uint8Array, expected: RegExp, label: string): void {
  writeFileSync(file, bytes);
  assert.throws(read, (error) => error instanceof DataError && error.location?.file === file && error.message.startsWith(`${file}: at byte `) && error.hint !== undefined && expected.test(error.message), label);
}

test('entries of many blocks come in order, their keys whole', () => {
  const entries = Array.from({ length: 200 }, (_, i) => [`layer_${String(i).padStart(3, '0')}/${'k'.repeat(i)}`, Buffer.from(`value ${i}`)] as const);
  writeFileSync(file, tableOf([['', Buffer.of()]], entries.slice(0, 3), entries.slice(3, 4), entries.slice(4)));
  assert.deepEqual(read(), [['', ''], ...entries.map(([key, value]) => [key, value.toString()])]);
  writeFileSync(file, tableOf());
  assert.deepEqual(read(), []);
});

test('damaged and hostile tables are refused with the place of the fault', () => {
  const good = tableOf([['a', Buffer.of(1)]], [['b', Buffer.of(2)]]);
  const value = Buffer.of(7);
  /** A table of one data block made of these bytes. */
  const withBlock = (block: Uint8Array, handles = handle(0, block.length - 5)): Buffer => {
    const index = sealed(blockOf([['z', handles]]));
    return Buffer.concat([block, index, footer(handle(block.length, index.length - 5))]);
  };
  const block = sealed(blockOf([['a', value]]));
  const twice = sealed(blockOf([['a', handle(0, block.length - 5)], ['b', handle(0, block.length - 5)]]));
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty file', Buffer.of(), /at byte 0: the file has 0 bytes; expected at least the 48/],
    ['another file', Buffer.alloc(100, 'x'), /at byte 92: the file ends in 0x7878787878787878; expected 0xdb4775248b80fb57/],
    ['flipped bit', Buffer.from(good).fill(good.readUInt8(3) ^ 4, 3, 4), /at byte 0: a data block of 13 bytes has checksum 0x[0-9a-f]+; the file says 0x/],
    ['Snappy', withBlock(sealed(blockOf([['a', value]]), 1)), /at byte 13: a data block is compressed with Snappy; expected no compression/],
    ['unknown compression', withBlock(sealed(blockOf([['a', value]]), 9)), /compressed with method 9/],
    ['block past the end', withBlock(block, handle(0, 1000)), /a data block has 1000 bytes and starts at byte 0; the blocks end at byte/],
    ['block starts past the end', withBlock(block, handle(4000, 1)), /a data block has 1 bytes and starts at byte 4000/],
    ['size of 2^53', withBlock(block, handle(0, 2 ** 53)), /a block's size is 9007199254740992; expected less than 2\^53/],
    ['size of 2^64 - 1', withBlock(block, handle(0, -1)), /a block's size is 18446744073709552000/],
    ['number of 11 bytes', withBlock(block, Buffer.alloc(11, 0xff)), /a block's offset has more than the 10 bytes/],
    ['number of 70 bits', withBlock(block, Buffer.alloc(10, 0xff).fill(0x7f, 9)), /a block's offset exceeds 64 bits/],
    ['cut handle', withBlock(block, Buffer.of(0x80)), /a block's offset needs 1 bytes; 0 are left/],
    ['too many restarts', withBlock(sealed(Buffer.of(), 0, 2 ** 32 - 1)), /claims 4294967295 restarts/],
    ['block without a restart count', withBlock(Buffer.concat([Buffer.of(0), fixed32(maskCrc32c(crc32c(Buffer.of(0))))])), /a data block has 0 bytes; expected at least 4/],
    ['shared more than there is', withBlock(sealed(Buffer.concat([varint(5), varint(1), varint(0), Buffer.from('a')]))), /at byte 0: a key shares 5 bytes with the one before, which has 0/],
    ['key past the end', withBlock(sealed(Buffer.concat([varint(0), varint(2 ** 40), varint(0)]))), /at most 67108864/],
    ['value past the end', withBlock(sealed(Buffer.concat([varint(0), varint(1), varint(200), Buffer.from('a')]))), /a value needs 200 bytes; 0 are left/],
    ['descending keys', withBlock(sealed(blockOf([['b', value], ['a', value]]))), /the key of this value is "a"; expected one greater than "b"/],
    ['equal keys', withBlock(sealed(blockOf([['a', value], ['a', value]]))), /expected one greater than "a"/],
    ['descending blocks', tableOf([['b', value]], [['a', value]]), /expected one greater than "b"/],
    ['the same block twice', Buffer.concat([block, twice, footer(handle(block.length, twice.length - 5))]), /a block starts at byte 0, inside or before the one that ends at 18/],
  ];
  for (const [label, bytes, expected] of cases) rejects(bytes, expected, label);
});

test('an index block that lists itself does not loop', () => {
  // The size of the block is in the block: 14 bytes of entries and 8 of restarts.
  const entries = blockOf([['a', handle(0, 14)]]);
  const index = sealed(entries);
  assert.equal(index.length - 5, 14);
  writeFileSync(file, Buffer.concat([index, footer(handle(0, 14))]));
  assert.deepEqual(read(), [['a', '\u0000\u000e']]);
});

test('keys that grow with every entry are refused before they fill the memory', () => {
  const growing = (values: readonly Uint8Array[]): Buffer =>
    Buffer.concat(values.flatMap((value, i) => [varint(i === 0 ? 0 : 1_000_000 + i), varint(i === 0 ? 1_000_001 : 1), varint(value.length), Buffer.alloc(i === 0 ? 1_000_001 : 1, 'a'), value]));
  const expected = /the keys up to here have 68\d{6} bytes; at most 67108864 are read/;
  const block = sealed(growing(Array.from({ length: 100 }, () => Buffer.of(1))));
  const index = sealed(blockOf([['z', handle(0, block.length - 5)]]));
  rejects(Buffer.concat([block, index, footer(handle(block.length, index.length - 5))]), expected, 'keys of values');
  const empty = sealed(Buffer.of());
  const blocks = Array.from({ length: 100 }, () => empty);
  const large = sealed(growing(blocks.map((_, i) => handle(i * empty.length, empty.length - 5))));
  rejects(Buffer.concat([...blocks, large, footer(handle(100 * empty.length, large.length - 5))]), expected, 'keys of blocks');
});

test('a missing file is an input/output error, one that is too large an error of data', () => {
  assert.throws(() => [...readSortedStringTable(path.join(folder, 'absent.index'))], IoError);
  assert.throws(() => [...readSortedStringTable(folder)], IoError);
  writeFileSync(file, Buffer.alloc(16 * 1024 * 1024 + 1));
  assert.throws(read, (error) => error instanceof DataError && /has 16777217 bytes; at most 16777216/.test(error.message));
});
