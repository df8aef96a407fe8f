import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inventedText, testTokenizer, writeText } from '../../pretraining/testing/inventedText.js';

const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-prepare-command-'));
after(() => rmSync(folder, { recursive: true, force: true }));
before(async () => {
  await testTokenizer().save(path.join(folder, 'tokenizer'));
  writeText(folder, 'corpus.txt', inventedText(12, 6));
});

const prepare = (...args: readonly string[]) => spawnSync(process.execPath, [cli, 'prepare', '--output', 'prepared', ...args], { encoding: 'utf8', cwd: folder });

test('--show prints examples of what was prepared, and later of the folder alone', () => {
  const made = prepare('--corpus', 'corpus.txt', '--tokenizer', 'tokenizer', '--max-seq-length', '32', '--quiet', '--show', '2');
  assert.equal(made.status, 0, made.stderr);
  const [summary, ...examples] = made.stdout.trimEnd().split('\n');
  assert.match(summary ?? '', /^prepared: 12 documents, \d+ sentences, \d+ tokens$/);
  assert.equal(examples.filter((line) => /^example \d+ of \d+: \d+ tokens \(A \d+, B \d+\), label [01]: /.test(line)).length, 2);
  assert.equal(examples.filter((line) => line.startsWith('  A  [CLS] ')).length, 2);
  const shown = prepare('--show', '2');
  assert.deepEqual(shown.stdout.trimEnd().split('\n'), examples);
  assert.equal((JSON.parse(prepare('--show', '2', '--json').stdout) as { examples: string }).examples, examples.join('\n'));
});

test('without a corpus and without --show there is nothing to do; a folder without a corpus has no examples', () => {
  const nothing = prepare('--tokenizer', 'tokenizer');
  assert.deepEqual([nothing.status, /--corpus is missing/.test(nothing.stderr)], [2, true]);
  const absent = spawnSync(process.execPath, [cli, 'prepare', '--output', 'tokenizer', '--show', '1'], { encoding: 'utf8', cwd: folder });
  assert.deepEqual([absent.status, /no prepared corpus/.test(absent.stderr)], [2, true]);
});
