import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { prepare } from '../prepare.js';
import { inventedText, temporaryFolder, testTokenizer, writeText } from '../testing/inventedText.js';
import { filesOf } from '../testing/preparedFolders.js';

const folder = temporaryFolder();
const program = fileURLToPath(new URL('../testing/prepareOnFullDisk.js', import.meta.url));
const namespace = ['--map-root-user', '--mount'];
const skip = spawnSync('unshare', [...namespace, 'true']).status === 0 ? false : 'no user namespaces for a small disk here';

interface Attempt {
  readonly exitCode?: number;
  readonly message?: string;
  readonly hint?: string;
  readonly notes: readonly string[];
  readonly files: Record<string, string>;
}

test('a full disk: exit code 74 with path, needed and free bytes, the older corpus as it was, and with more room the run goes on', { skip }, async () => {
  const disk = path.join(folder, 'disk');
  mkdirSync(disk);
  const small = writeText(folder, 'small.txt', inventedText(50, 8));
  const large = writeText(folder, 'large.txt', inventedText(8000, 8, 2));
  const { status, stdout, stderr } = spawnSync('unshare', [...namespace, process.execPath, program, disk, small, large], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const { first, full, after } = JSON.parse(stdout) as Record<'first' | 'full' | 'after', Attempt>;
  assert.equal(first.exitCode, undefined, first.message);
  assert.equal(full.exitCode, 74);
  assert.match(full.message ?? '', /^\S*disk\S*\/\S+: cannot write \(.*\); \d+ bytes needed, free: \d+ bytes$/);
  assert.ok(full.hint?.includes('Free some space'));
  assert.deepEqual(full.files, first.files);
  assert.ok(after.notes.some((note) => note.startsWith('going on after')), after.notes.join());
  const roomy = path.join(folder, 'roomy');
  await prepare({ corpus: [large], tokenizer: testTokenizer(), output: roomy, shardTokens: 50_000 });
  assert.deepEqual(after.files, filesOf(roomy));
});
