import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DataError, UsageError } from './errors.js';
import { type TextBytes, type TextLinesOptions, decodeBlock, readTextBytes, readTextLines } from './textLines.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-lines-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Uint8Array): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

async function collect(file: string, options: TextLinesOptions = {}): Promise<{ lines: string[]; numbers: number[]; partial: boolean[] }> {
  const found = { lines: [] as string[], numbers: [] as number[], partial: [] as boolean[] };
  for await (const block of readTextLines(file, options)) {
    block.lines.forEach((line, i) => {
      found.lines.push(line);
      found.numbers.push(block.firstLine + i);
      found.partial.push(block.partial);
    });
  }
  return found;
}

test('lines, ends and a missing last newline', async () => {
  const cases: [string, string[]][] = [
    ['', []],
    ['one', ['one']],
    ['one\n', ['one']],
    ['one\r\ntwo\r\n\r\nthree', ['one', 'two', '', 'three']],
    ['\ufeffBOM\nnaïve 漢字 🙂\n\n', ['BOM', 'naïve 漢字 🙂', '']],
    ['a', ['a']],
  ];
  for (const [content, expected] of cases) assert.deepEqual((await collect(write('a.txt', content))).lines, expected, JSON.stringify(content));
});

test('a gzip file reads as what it holds, whatever its name', async () => {
  const text = Array.from({ length: 4001 }, (_, i) => `line ${i} ü`).join('\n');
  const found = await collect(write('packed.txt', gzipSync(text)));
  assert.equal(found.lines.join('\n'), text);
  assert.equal(found.numbers.at(-1), 4001);
});

test('a chunk edge never splits a line or a character', async () => {
  const text = Array.from({ length: 300 }, (_, i) => '🙂é漢a '.repeat(i % 7) + i).join('\n');
  const found = await collect(write('edges.txt', text), { maxLineBytes: 101 });
  assert.equal(found.lines.join('\n'), text);
});

test('a line over the limit comes in pieces cut at blanks, and the lines after it keep their numbers', async () => {
  const long = Array.from({ length: 400 }, (_, i) => `wörd${i}`).join(' ');
  for (const pack of [(text: string) => text, (text: string) => gzipSync(text)]) {
    const found = await collect(write('long.txt', pack(`first\n${long}\nlast\n`)), { maxLineBytes: 128 });
    assert.equal(found.lines[0], 'first');
    assert.equal(found.lines.at(-1), 'last');
    assert.equal(found.numbers.at(-1), 3);
    assert.equal(found.lines.slice(1, -1).join(''), long);
    assert.ok(found.lines.every((line) => Buffer.byteLength(line) <= 128));
    assert.ok(found.lines.slice(1, -2).every((line) => line.endsWith(' ')));
    assert.deepEqual([found.partial[0], found.partial[1], found.partial.at(-2), found.partial.at(-1)], [false, true, true, false]);
  }
});

test('a line without a blank is cut between characters', async () => {
  const found = await collect(write('blankless.txt', '漢🙂'.repeat(100)), { maxLineBytes: 64 });
  assert.equal(found.lines.join(''), '漢🙂'.repeat(100));
  assert.ok(found.lines.length > 5);
});

test('bytes that are not UTF-8 are named by file, line and column', async () => {
  const cases: [Buffer, string][] = [
    [Buffer.concat([Buffer.from('fine\nna\u00efve x'), Buffer.from([0xff]), Buffer.from(' y\nmore\n')]), ':2:8: byte 0xff'],
    [Buffer.concat([Buffer.from('abc'), Buffer.from([0x80]), Buffer.from('\n')]), ':1:4: byte 0x80'],
    [Buffer.concat([Buffer.from('one\ntwo\n'), Buffer.from([0xe6, 0xbc])]), ':3:1: byte 0xe6'],
    [Buffer.from('\ufeffhello\n', 'utf16le'), 'UTF-16'],
  ];
  for (const [content, expected] of cases) {
    const file = write('bad.txt', content);
    await assert.rejects(collect(file), (error) => error instanceof DataError && error.message.startsWith(file) && error.message.includes(expected));
  }
});

test('a gzip stream cut short is a DataError', async () => {
  const whole = gzipSync('some text that is long enough\n'.repeat(500));
  await assert.rejects(collect(write('cut.gz', whole.subarray(0, whole.length - 20))), (error) => error instanceof DataError && error.message.includes('gzip'));
});

test('an absent file is named with its near match, a folder is refused', async () => {
  write('corpus-english.txt', 'x\n');
  await assert.rejects(collect(path.join(folder, 'corpus-englsh.txt')), (error) => error instanceof UsageError && error.message.includes('Did you mean "corpus-english.txt"?'));
  await assert.rejects(collect(folder), (error) => error instanceof UsageError && error.message.includes('folder'));
});

test('the bytes of the file are reported as they lie on the disk', async () => {
  const packed = gzipSync('text\n'.repeat(9999));
  const seen: Uint8Array[] = [];
  await collect(write('bytes.gz', packed), { onFileBytes: (bytes) => seen.push(Buffer.from(bytes)) });
  assert.deepEqual(Buffer.concat(seen), packed);
});

test('reading starts again at any block: the lines, their numbers and the cuts of long lines are those of the whole', async () => {
  const text = Array.from({ length: 90 }, (_, i) => (i % 11 === 3 ? 'a long line, é, '.repeat(i) : `line ${i} é`)).join(String.fromCharCode(10));
  for (const content of [text, gzipSync(text), `\ufeff${text}`]) {
    const file = write('again.txt', content);
    const read = async (options: TextLinesOptions): Promise<TextBytes[]> => {
      const blocks: TextBytes[] = [];
      for await (const block of readTextBytes(file, { maxLineBytes: 200, ...options })) blocks.push(block);
      return blocks;
    };
    /** Lines, and the pieces of long ones, with their numbers. */
    const linesOf = (blocks: readonly TextBytes[]): string[] => blocks.flatMap((block) => decodeBlock(file, block).map((line, i) => `${block.firstLine + i} ${block.partial} ${line}`));
    const whole = await read({});
    assert.ok(whole.length > 30 && whole.some(({ partial }) => partial));
    for (let i = 0; i < whole.length; i++) {
      const { offset, firstLine, partial } = whole[i] as TextBytes;
      assert.deepEqual(linesOf(await read({ start: { offset, line: firstLine, insideLine: partial } })), linesOf(whole.slice(i)), `block ${i}`);
    }
  }
});

test('a line longer than a block is handed on whole where it may be', async () => {
  const long = 'word '.repeat(700_000).trim();
  const found = await collect(write('whole.txt', `first\n${long}\nlast`), { maxLineBytes: 1 << 23 });
  assert.deepEqual(found.lines.map((line) => line.length), [5, long.length, 4]);
  assert.deepEqual(found.partial, [false, false, false]);
});
