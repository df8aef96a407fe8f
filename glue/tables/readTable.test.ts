import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DataError, UsageError } from '../../src/data/errors.js';
import { Random } from '../../src/data/random.js';
import { readTable } from './readTable.js';

const fixtures = fileURLToPath(new URL('../../../glue/fixtures/tables', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-tables-'));
after(() => rmSync(folder, { recursive: true }));

/** What makeTables.py writes. */
const rows = [
  ['A river runs past the mill .', 'The mill stands by a river .', '1', '0'],
  ['He said : " stone " .', 'unbalanced " quote', '0', '1'],
  ['tab\there, line\nthere', '', '0', '2'],
  ['Füße in 東京 🚲', '__proto__', '1', '3'],
  ['last , one', 'constructor', '0', '4'],
];

for (const name of ['none.parquet', 'snappy.parquet', 'gzip.parquet', 'zstd.parquet', 'brotli.parquet', 'lz4.parquet', 'stream.arrow', 'file.arrow']) {
  test(`${name}: every row of all groups, integers of 64 bits as texts`, async () => {
    const table = await readTable(path.join(fixtures, name));
    assert.deepEqual(table.columns, ['sentence1', 'sentence2', 'label', 'idx']);
    assert.deepEqual(table.rows.map(({ cells }) => table.columns.map((column) => cells.get(column))), rows);
    assert.deepEqual(table.rows.map(({ line }) => line), [1, 2, 3, 4, 5]);
  });
}

test('a null is an absent cell; a list names row and column', async () => {
  const { rows: found } = await readTable(path.join(fixtures, 'null.parquet'));
  assert.deepEqual(found.map(({ cells }) => cells.get('sentence2')), ['c', undefined]);
  await assert.rejects(readTable(path.join(fixtures, 'list.parquet')), (error) => error instanceof DataError && /list\.parquet:1: "tokens" is a list or a structure/.test(error.message));
});

test('an unknown ending lists the known ones; text under a columnar name is refused', async () => {
  await assert.rejects(readTable('rows.xlsx'), (error) => error instanceof UsageError && /\.parquet/.test(error.hint ?? ''));
  for (const name of ['text.parquet', 'text.arrow']) {
    const file = path.join(folder, name);
    writeFileSync(file, 'sentence1\tsentence2\nnot a columnar file at all, but long enough to have a footer of its own\n');
    await assert.rejects(readTable(file), (error) => error instanceof DataError && error.message.startsWith(`${file}: `), name);
    writeFileSync(file, '');
    await assert.rejects(readTable(file), DataError, `empty ${name}`);
  }
});

test('damaged files end in a typed error or in rows, soon and in little memory, wherever the damage is', { timeout: 60_000 }, async () => {
  const random = new Random(25);
  for (const name of ['snappy.parquet', 'gzip.parquet', 'zstd.parquet', 'none.parquet', 'stream.arrow', 'file.arrow']) {
    const whole = readFileSync(path.join(fixtures, name));
    for (let round = 0; round < 60; round++) {
      const bytes = Uint8Array.from(round % 6 === 0 ? whole.subarray(0, random.integer(whole.length)) : whole);
      if (round % 6 !== 0) for (let i = 0; i <= round % 3; i++) bytes[random.integer(bytes.length)] = random.integer(256);
      const file = path.join(folder, `damaged-${name}`);
      writeFileSync(file, bytes);
      const before = process.memoryUsage().arrayBuffers;
      try {
        const table = await readTable(file);
        assert.ok(table.rows.length <= 1000);
      } catch (error) {
        assert.ok(error instanceof DataError, `${name}, round ${round}: ${String(error)}`);
      }
      assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 29, `${name}, round ${round}`);
    }
  }
});
