import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DataError } from '../src/data/errors.js';
import { lineRows, rowWindows } from './lineRows.js';
import type { TextRow } from './options.js';

/** The bytes in pieces of `size`, all in the same memory, as a stream may give them. */
async function* piecesOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    memory.set(piece);
    yield memory.subarray(0, piece.length);
    memory.fill(0x21);
  }
}

async function rowsOf(text: string | Uint8Array, size: number): Promise<TextRow[]> {
  const rows: TextRow[] = [];
  for await (const some of lineRows(piecesOf(typeof text === 'string' ? Buffer.from(text) : text, size), 'in')) rows.push(...some);
  return rows;
}

const single = (textA: string): TextRow => ({ textA, textB: undefined });

describe('lines as rows', () => {
  const cases: readonly [title: string, text: string, rows: readonly TextRow[]][] = [
    ['the last line needs no end', 'one\ntwo', [single('one'), single('two')]],
    ['an empty line is a row', '\none\n\n', [single(''), single('one'), single('')]],
    ['a tab separates a pair', 'a\tb\nc\n', [{ textA: 'a', textB: 'b' }, single('c')]],
    ['CR LF and a byte order mark are dropped', '\ufeffone\r\ntwo\r\n', [single('one'), single('two')]],
    ['characters of several bytes, cut anywhere', 'déjà 漢 🙂\n漢\t🙂', [single('déjà 漢 🙂'), { textA: '漢', textB: '🙂' }]],
  ];
  for (const [title, text, rows] of cases) {
    test(title, async () => {
      for (const size of [1, 2, 5, 64]) assert.deepEqual(await rowsOf(text, size), rows, `pieces of ${size} bytes`);
    });
  }

  test('what is bad is named by line and column, however the bytes come', async () => {
    const latin1 = Buffer.concat([Buffer.from('one\ndéjà '), Buffer.from([0xe9, 0x0a])]);
    for (const size of [1, 3, 64]) {
      await assert.rejects(rowsOf(latin1, size), (error) => error instanceof DataError && /^in:2:6: byte 0xe9 is not valid UTF-8/.test(error.message));
      await assert.rejects(rowsOf('a\tb\n\n🙂\tb\tc\n', size), /^DataError: in:3:4: 3 tab-separated texts, expected one or two/);
    }
    await assert.rejects(rowsOf('', 4), (error) => error instanceof DataError && /^in: no lines/.test(error.message));
  });

  test('nothing is read ahead of what is asked for', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        read += 1;
        yield Buffer.from('row\nrow\n');
      }
    }
    const windows: number[] = [];
    for await (const window of rowWindows(lineRows(endless(), 'in'), 7, { rows: 3, characters: 100 })) windows.push(window.length);
    assert.deepEqual([windows, read], [[3, 3, 1], 4]);
  });
});

test('windows are cut by rows and by characters, keep the order and number the rows across windows', async () => {
  const stretches = [[{ textA: 'a' }, { textA: 'bbbb', textB: 'bb' }], [], [{ textA: 'c' }, { textA: 'd', index: 70 }, { textA: 'e' }]];
  const windows: string[] = [];
  for await (const window of rowWindows(stretches, Number.POSITIVE_INFINITY, { rows: 2, characters: 6 })) windows.push(window.map(({ index, textA }) => `${index}${textA}`).join(' '));
  assert.deepEqual(windows, ['0a 1bbbb', '2c 70d', '4e']);
  const long: number[] = [];
  for await (const window of rowWindows([Array.from({ length: 4 }, () => ({ textA: 'x'.repeat(6) }))], 3, { rows: 9, characters: 6 })) long.push(window.length);
  assert.deepEqual(long, [1, 1, 1]);
});
