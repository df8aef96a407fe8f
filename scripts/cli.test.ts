import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { commands } from './commands/index.js';

const cli = fileURLToPath(new URL('cli.js', import.meta.url));

function bertwright(...args: readonly string[]) {
  return spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', cwd: mkdtempSync(path.join(os.tmpdir(), 'bertwright-cli-')), input: '' });
}

/** Packages that the compiled module and all it imports statically pull in; dynamic imports do not count. */
function packagesLoadedBy(file: string, seen = new Set<string>(), packages = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return packages;
  seen.add(file);
  for (const match of readFileSync(file, 'utf8').matchAll(/^(?:import|export)\s(?:[^'"]*?\sfrom\s)?\s*['"]([^'"]+)['"]/gm)) {
    const specifier = match[1] ?? '';
    if (specifier.startsWith('.')) packagesLoadedBy(path.join(path.dirname(file), specifier), seen, packages);
    else if (!specifier.startsWith('node:')) packages.add(specifier);
  }
  return packages;
}

describe('help', () => {
  test('lists every command', () => {
    const { stdout, status } = bertwright('--help');
    assert.equal(status, 0);
    for (const { name } of commands) assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
  });
  for (const { name, options, examples } of commands) {
    test(`of ${name} shows its flags and examples`, () => {
      const { stdout, status } = bertwright(name, '--help');
      assert.equal(status, 0);
      for (const option of Object.keys(options)) assert.ok(stdout.includes(`--${option}`), option);
      assert.ok(examples.length > 0 && examples.every(([example]) => stdout.includes(`\n  ${example}\n`)), stdout);
    });
  }
  test('is quick because no package is loaded for it', () => assert.deepEqual([...packagesLoadedBy(cli)], []));
});

describe('usage errors exit 2 and suggest the near match', () => {
  const cases: readonly [args: readonly string[], message: RegExp][] = [
    [['fintune'], /unknown command "fintune". Did you mean "finetune"/],
    [['finetune', '--learning-rat', '1', '--model', 'M', '--output', 'O'], /unknown flag --learning-rat. Did you mean "learning-rate"/],
    [['finetune', '--task', 'mrpc'], /--model is missing/],
    [['finetune', '--task', 'mrpc', '--model', 'M', '--output', 'O', '--learning-rate', 'fast'], /--learning-rate: "fast" is not a number/],
    [['finetune', '--model', 'M', '--output', 'O'], /neither --task nor --train-file/],
    [['finetune', '--task', 'mrpc', '--model', 'M', '--output', 'O', '--engine', 'natve'], /Did you mean "native"/],
    [['finetune', '--task', 'mrpc', '--learning-rate'], /finetune: --learning-rate needs a value/],
    [['suite', '--model', 'M', '--output', 'O', '--tasks', 'cola'], /no model directory M/],
    [['suite', '--model', 'M', '--output', 'O', '--grid', 'learning-rat=1,2'], /--grid: "learning-rat" cannot be searched\. Did you mean "learning-rate"[\s\S]*keys: recipe, max-seq-length/],
    [['suite', '--model', 'M', '--output', 'O', '--grid', 'learning_rate=1e-5,fast'], /--grid learning-rate: "fast" is not a number/],
    [['suite', '--model', 'M', '--output', 'O', '--grid', 'lr-scheduler-type=linear,cosin'], /--grid lr-scheduler-type: unknown choice "cosin"\. Did you mean "cosine"/],
    [['suite', '--model', 'M', '--output', 'O', '--grid', '2e-5,5e-5'], /--grid: "2e-5", expected KEY=VALUE,VALUE/],
    [['suite', '--model', 'M', '--output', 'O', '--grid', 'learning-rate='], /--grid learning-rate: a value is missing; expected numbers/],
    [['suite', '--model', 'M', '--output', 'O', '--grid', 'weight-decay=0', '--grid', 'weight-decay=0.1'], /--grid weight-decay is given twice/],
    [['finetune', '--task', 'mrpc', '--model', 'M', '--output', 'O', '--seed', '1.5'], /--seed: "1.5" is not a whole number/],
    [['report'], /DIR is missing/],
    [['report', 'no-such-folder'], /no such folder: no-such-folder/],
    [['tasks', 'extra'], /unexpected "extra"/],
    [['--learning-rate', '1'], /the command must come before its flags/],
    [['run_glue', '--task_nam', 'x'], /unknown flag --task_nam. Did you mean "task-name"/],
  ];
  for (const [args, message] of cases) {
    test(args.join(' '), () => {
      const { stderr, stdout, status } = bertwright(...args);
      assert.match(stderr, message);
      assert.equal(status, 2);
      assert.equal(stdout, '');
    });
  }
});

describe('tasks', () => {
  test('prints ten rows, and JSON on request', () => {
    const { stdout } = bertwright('tasks');
    assert.equal(stdout.trim().split('\n').length, 11);
    assert.match(stdout, /^stsb +STS-B +pair +0 to 5 +pearson, spearmanr +5749 +1500 +1379$/m);
    const parsed: unknown = JSON.parse(bertwright('tasks', '--json').stdout);
    assert.ok(Array.isArray(parsed) && parsed.length === 10);
  });
});

test('help COMMAND is COMMAND --help', () => assert.equal(bertwright('help', 'tasks').stdout, bertwright('tasks', '--help').stdout));

test('a reader that has seen enough is no failure; a full disk behind stdout is one', { skip: process.platform === 'linux' ? false : 'needs /bin/sh and /dev/full' }, () => {
  const shell = (line: string) => spawnSync('/bin/sh', ['-c', line, 'sh', process.execPath, cli], { encoding: 'utf8' });
  const { stderr, stdout } = shell('{ "$1" "$2" tasks --json; echo "status $?" >&2; } | head -c 1');
  assert.deepEqual([stdout, stderr], ['[', 'status 0\n']);
  const full = shell('"$1" "$2" tasks > /dev/full');
  assert.match(full.stderr, /^bertwright: ENOSPC/);
  assert.equal(full.status, 74);
});

test('vocab does not write into a model folder', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-cli-'));
  const corpus = path.join(folder, 'corpus.txt');
  writeFileSync(corpus, 'the cat sat on the mat\n');
  const train = (...more: readonly string[]) => bertwright('vocab', '--corpus', corpus, '--output', folder, '--vocab-size', '20', ...more);
  const { status, stderr } = train();
  assert.match(stderr, /holds other files than a tokenizer's \(corpus\.txt\)/);
  assert.equal(status, 2);
  assert.equal(train('--overwrite').status, 0);
});

test('a list that is repeated grows; of any other flag that is repeated the last counts', () => {
  const settings = JSON.parse(bertwright('suite', '--grid', 'learning-rate=1e-5,2e-5', '--model', 'A', '--grid', 'weight-decay=0', '--output', 'x', '--model', 'B', '--output', 'y', '--overwrite', '--no-overwrite', '--print-config', '--json').stdout) as Record<string, { value: unknown }>;
  assert.deepEqual(['grid', 'model', 'output', 'overwrite'].map((name) => settings[name]?.value), [['learning-rate=1e-5', '2e-5', 'weight-decay=0'], ['A', 'B'], 'y', false]);
});

test('--print-config shows each setting with its origin and runs nothing', () => {
  const { stdout, status } = bertwright('finetune', '--task_name', 'mrpc', '--model', 'M', '--output', 'O', '--print-config');
  assert.equal(status, 0);
  assert.match(stdout, /^task +"mrpc" {2}\(command line\)$/m);
  assert.match(stdout, /^engine +"auto" {2}\(default\)$/m);
  assert.match(stdout, /^learning-rate +- {2}\(not set\)$/m);
  const parsed = JSON.parse(bertwright('finetune', '--task', 'mrpc', '--print-config', '--json').stdout) as Record<string, unknown>;
  assert.deepEqual(parsed['task'], { value: 'mrpc', origin: 'command line' });
});
