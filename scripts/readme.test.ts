import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { setEngine } from '../src/engine/index.js';
import { writeTinyClassifier } from '../tasks/testing/tinyTask.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-readme-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test("the README's program for the library runs as it stands, in a folder with the package and a fine-tuned model", async () => {
  const [, program] = /## As a library\n+```ts\n([\s\S]*?)```/.exec(readFileSync(path.join(root, 'README.md'), 'utf8')) ?? [];
  assert.ok(program !== undefined, 'a program is there');
  await setEngine('cpu');
  await writeTinyClassifier(path.join(folder, 'runs', 'mrpc'), { 0: 'not_equivalent', 1: 'equivalent' });
  mkdirSync(path.join(folder, 'node_modules'));
  symlinkSync(root, path.join(folder, 'node_modules', 'bertwright'), 'junction');
  // Its syntax is that of JavaScript, too.
  writeFileSync(path.join(folder, 'example.mjs'), program);
  const { stdout, stderr, status } = spawnSync(process.execPath, ['example.mjs'], { encoding: 'utf8', cwd: folder });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^((not_)?equivalent [01]\.\d{3}\n){2}$/);
});
