/** Inputs of hundreds of megabytes in bounded memory, each in a process of its own. Takes minutes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { inventedText, temporaryFolder } from '../testing/inventedText.js';
import { readManifest } from '../manifest.js';

const folder = temporaryFolder();
const mostMegabytes = 700;

/** A file of `count` times `piece(i)`. */
function writeLarge(name: string, count: number, piece: (i: number) => string): string {
  const file = path.join(folder, name);
  const descriptor = openSync(file, 'w');
  for (let i = 0; i < count; i++) writeSync(descriptor, piece(i));
  closeSync(descriptor);
  return file;
}

/** Prepares a file in another process; returns its largest memory in megabytes. */
function peakOf(file: string, output: string, options: object = {}): { readonly megabytes: number; readonly error: string } {
  const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  const program = `
    import { prepare } from ${url('../prepare.js')};
    import { testTokenizer } from ${url('../testing/inventedText.js')};
    const options = ${JSON.stringify({ corpus: [file], output, workers: 2, nextSentence: 'none', ...options })};
    const error = await prepare({ ...options, tokenizer: testTokenizer() }).then(() => '', (reason) => reason.name + ' ' + reason.message);
    console.log(JSON.stringify({ error, megabytes: process.resourceUsage().maxRSS * 1024 / 1e6 }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.ok(stdout !== '', stderr);
  return JSON.parse(stdout) as { megabytes: number; error: string };
}

test('a line of 600 MB', async () => {
  const words = 'river stone light under walk '.repeat(36_000);
  const file = writeLarge('line.txt', 600, () => words);
  const output = path.join(folder, 'line');
  const { megabytes, error } = peakOf(file, output);
  assert.equal(error, '');
  assert.ok(megabytes < mostMegabytes, `${megabytes} MB`);
  const { counts } = (await readManifest(output)) ?? {};
  assert.deepEqual([counts?.documents, counts?.longLines, counts?.tokens], [1, 1, 600 * 36_000 * 5]);
  rmSync(output, { recursive: true });

  const refused = peakOf(file, output, { textKey: 'text', corpus: [writeLarge('line.jsonl', 600, (i) => (i === 0 ? `{"text":"${words}` : words))] });
  assert.match(refused.error, /^DataError .*line\.jsonl:1: a record of more than/);
  assert.ok(refused.megabytes < mostMegabytes, `${refused.megabytes} MB`);
});

test('eight million distinct lines, each a document, repeats dropped', async () => {
  const piece = inventedText(1000, 1).replaceAll('\n\n', '\n');
  const lines = piece.split('\n').length - 1;
  const file = writeLarge('lines.txt', Math.ceil(8e6 / lines), (i) => piece.replaceAll('\n', ` ${i}\n`));
  const output = path.join(folder, 'lines');
  const { megabytes, error } = peakOf(file, output, { documents: 'line', dropRepeated: 'lines' });
  assert.equal(error, '');
  assert.ok(megabytes < mostMegabytes, `${megabytes} MB`);
  const manifest = await readManifest(output);
  assert.equal(manifest?.repeats?.allLinesCompared, true);
  assert.equal((manifest?.counts.documents ?? 0) + (manifest?.repeats?.droppedLines ?? 0), Math.ceil(8e6 / lines) * lines);
});
