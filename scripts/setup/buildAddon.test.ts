import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

let root = path.dirname(fileURLToPath(import.meta.url));
while (!existsSync(path.join(root, 'package.json'))) root = path.dirname(root);
const script = path.join(root, 'scripts', 'setup', 'build-addon.mjs');
const compiler = process.env['CXX'] || 'c++';
const skip = spawnSync(compiler, ['--version']).status === 0 ? false : 'no C++ compiler';

const work = mkdtempSync(path.join(os.tmpdir(), 'bertwright-addon-'));
after(() => rmSync(work, { recursive: true, force: true }));

interface Run {
  readonly status: number | null;
  readonly stderr: string;
}

function build(source: string, out: string, environment: Record<string, string> = {}, ...flags: string[]): Run {
  const { status, stderr } = spawnSync(process.execPath, [script, '--source', source, '--out', out, ...flags], { encoding: 'utf8', env: { ...process.env, ...environment } });
  return { status, stderr };
}

/** A directory with a module that exports nothing but `answer`. */
function sources(name: string, answer: string): string {
  const directory = path.join(work, name);
  mkdirSync(path.join(directory, 'deeper'), { recursive: true });
  writeFileSync(path.join(directory, 'answer.h'), `#define ANSWER ${answer}\n`);
  writeFileSync(path.join(directory, 'deeper', 'module.cc'), `
#include <node_api.h>
#include "../answer.h"
NAPI_MODULE_INIT() {
  napi_value value;
  napi_create_double(env, ANSWER, &value);
  napi_set_named_property(env, exports, "answer", value);
  return exports;
}
`);
  return directory;
}

function answerOf(out: string): unknown {
  return (createRequire(import.meta.url)(path.join(out, 'bertwright.node')) as { answer: unknown }).answer;
}

describe('build-addon', () => {
  test('without a compiler it says that wasm serves, and succeeds', () => {
    const out = path.join(work, 'none');
    const { status, stderr } = build(sources('any', '1'), out, { CXX: path.join(work, 'no-such-compiler') });
    assert.equal(status, 0);
    assert.match(stderr, /no C\+\+ compiler found .* the wasm engine will be used/);
    assert.equal(JSON.parse(readFileSync(path.join(out, 'bertwright.json'), 'utf8')).status, 'no-compiler');
  });

  test('a compile error is told with its log, and succeeds; the addon of before is gone', { skip }, () => {
    const out = path.join(work, 'broken');
    const source = sources('broken-source', '1');
    assert.equal(build(source, out).status, 0);
    writeFileSync(path.join(source, 'answer.h'), '#define ANSWER nonsense\n');
    const { status, stderr } = build(source, out);
    assert.equal(status, 0);
    assert.match(stderr, /did not compile, so the wasm engine will be used\. Log: /);
    assert.match(readFileSync(path.join(out, 'build.log'), 'utf8'), /nonsense/);
    assert.ok(!existsSync(path.join(out, 'bertwright.node')));
  });

  test('--if-needed builds once and again after a header changed', { skip }, () => {
    const out = path.join(work, 'needed');
    const source = sources('needed-source', '41');
    assert.match(build(source, out, {}, '--if-needed').stderr, /built the native engine/);
    const { mtimeMs } = statSync(path.join(out, 'bertwright.node'));
    assert.equal(build(source, out, {}, '--if-needed').stderr, '');
    assert.equal(statSync(path.join(out, 'bertwright.node')).mtimeMs, mtimeMs);
    writeFileSync(path.join(source, 'answer.h'), '#define ANSWER 42\n');
    assert.match(build(source, out, {}, '--if-needed').stderr, /built the native engine/);
    assert.equal(answerOf(out), 42);
  });
});
