import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setEngine } from '../../src/engine/index.js';
import type { Prediction } from '../../tasks/options.js';
import { predictTask } from '../../tasks/predict.js';
import { writeTinyClassifier } from '../../tasks/testing/tinyTask.js';

const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-predict-'));
after(() => rmSync(folder, { recursive: true, force: true }));
before(async () => {
  await setEngine('cpu');
  await writeTinyClassifier(path.join(folder, 'model'), { 0: 'no', 1: 'yes' });
});

const predict = (input: string | Uint8Array, ...args: readonly string[]) =>
  spawnSync(process.execPath, [cli, 'predict', '--model', 'model', '--engine', 'cpu', ...args], { encoding: 'utf8', cwd: folder, input });
const parsed = (lines: string): Prediction[] => lines.trimEnd().split('\n').map((line) => JSON.parse(line) as Prediction);

const texts = ['the old sailor sang a song in the garden .', 'bread', 'my neighbour painted the door green . the tall baker', '', 'a song'];

test('lines of stdin and of a .txt file: a prediction a line in their order, a last line without an end too, and the rate on stderr', async () => {
  const rows = texts.map((textA, i) => ({ textA, textB: i === 4 ? 'the garden' : undefined }));
  const wanted = await predictTask({ model: path.join(folder, 'model'), rows });
  assert.deepEqual(wanted.map(({ index }) => index), [0, 1, 2, 3, 4]);
  const lines = `${texts.join('\n')}\tthe garden`;
  const fromStdin = predict(lines);
  assert.equal(fromStdin.status, 0, fromStdin.stderr);
  assert.deepEqual(parsed(fromStdin.stdout), wanted);
  assert.match(fromStdin.stderr, /5 rows in [\d.]+ s, \d+ rows a second, loading not counted/);
  writeFileSync(path.join(folder, 'lines.txt'), `${lines}\n`);
  const fromFile = predict('', '--file', 'lines.txt', '--output', 'new/lines.jsonl');
  assert.equal(fromFile.stdout, 'new/lines.jsonl: 5 rows\n');
  assert.deepEqual(parsed(readFileSync(path.join(folder, 'new', 'lines.jsonl'), 'utf8')), wanted);
});

test('--text, --text-pair and the columns of a table', async () => {
  const [wanted] = await predictTask({ model: path.join(folder, 'model'), rows: [{ textA: 'a song', textB: 'the garden' }] });
  assert.deepEqual(JSON.parse(predict('', '--text', 'a song', '--text-pair', 'the garden', '--json').stdout), [wanted]);
  writeFileSync(path.join(folder, 'table.csv'), 'id,title,body\n7,a song,the garden\n');
  assert.deepEqual(parsed(predict('', '--file', 'table.csv', '--text-column-names', 'title,body').stdout), [wanted]);
});

test('bad input exits 65 or 2 and says where it is; an output file that was there stays as it was', () => {
  writeFileSync(path.join(folder, 'bad.txt'), 'fine\na\tb\tc\n');
  writeFileSync(path.join(folder, 'gap.jsonl'), '{"text":"a"}\n{"other":"b"}\n');
  writeFileSync(path.join(folder, 'kept.jsonl'), 'old\n');
  const cases: readonly [input: string | Uint8Array, args: readonly string[], status: number, message: RegExp][] = [
    ['', [], 65, /<stdin>: no lines/],
    [Buffer.from([0x61, 0x0a, 0x62, 0xe9, 0x0a]), [], 65, /<stdin>:2:2: byte 0xe9 is not valid UTF-8/],
    ['', ['--file', 'bad.txt', '--output', 'kept.jsonl'], 65, /bad\.txt:2:4: 3 tab-separated texts/],
    ['', ['--file', 'gap.jsonl'], 65, /gap\.jsonl:2: no value for "text"/],
    ['', ['--file', 'bad.txt', '--text-column-names', 'a'], 2, /have no columns/],
    ['', ['--text-pair', 'b'], 2, /--text-pair is given without --text/],
    ['a\n', ['--max-predict-samples', '0'], 2, /--max-predict-samples is 0/],
  ];
  for (const [input, args, status, message] of cases) {
    const found = predict(input, ...args);
    assert.equal(found.status, status, `${args.join(' ')}: ${found.stderr}`);
    assert.match(found.stderr, message);
    assert.equal(found.stdout, '');
  }
  assert.equal(readFileSync(path.join(folder, 'kept.jsonl'), 'utf8'), 'old\n');
  assert.deepEqual(readdirSync(folder).filter((name) => name.endsWith('.partial')), []);
});
