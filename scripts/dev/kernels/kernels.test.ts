import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

let root = path.dirname(fileURLToPath(import.meta.url));
while (!existsSync(path.join(root, 'package.json'))) root = path.dirname(root);

const compiler = 'aarch64-linux-gnu-g++';
const emulator = 'qemu-aarch64';
const missing = [compiler, emulator].filter((tool) => spawnSync(tool, ['--version']).status !== 0);
const skip = missing.length > 0 ? `${missing.join(' and ')} not installed (Debian and Ubuntu: g++-aarch64-linux-gnu, qemu-user)` : false;

const work = mkdtempSync(path.join(os.tmpdir(), 'bertwright-kernels-'));
after(() => rmSync(work, { recursive: true, force: true }));

function run(command: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(command, args, { encoding: 'utf8', cwd: path.join(root, 'src', 'native') });
}

/** The driver for 64-bit ARM: kernels with the flags of the addon's build, the rest beside them. */
async function build(): Promise<string> {
  const { isaMathFlags } = (await import(pathToFileURL(path.join(root, 'scripts', 'setup', 'build-addon.mjs')).href)) as { isaMathFlags: string[] };
  const common = ['-std=c++17', '-Wall', '-Wextra', '-Werror', '-I.'];
  const [object, driver] = [path.join(work, 'kernels.o'), path.join(work, 'driver')];
  const kernels = run(compiler, ...common, ...isaMathFlags, '-c', 'isa_portable.cc', '-o', object);
  assert.equal(kernels.status, 0, kernels.stderr);
  const others = ['gemm.cc', 'gemmShared.cc', 'parallel.cc', 'scratch.cc', 'isa.cc', path.join(root, 'scripts', 'dev', 'kernels', 'driver.cc')];
  const linked = run(compiler, ...common, '-O2', ...others, object, '-o', driver, '-pthread', '-ldl');
  assert.equal(linked.status, 0, linked.stderr);
  return driver;
}

describe('kernels on 64-bit ARM, emulated', { skip }, () => {
  test('products, attention, layer norm, AdamW and cross-entropy of odd shapes are those of plain loops in double precision', async () => {
    const driver = await build();
    // The emulator looks for the shared libraries of the program below this directory.
    const libraries = path.resolve(run(compiler, '-print-file-name=libc.so.6').stdout.trim(), '..', '..');
    const seed = String(Math.floor(Math.random() * 2 ** 31));
    const right = run(emulator, '-L', libraries, driver, seed);
    assert.equal(right.status, 0, `seed ${seed}: ${right.stderr}`);
    assert.match(right.stdout, /^neon: \d{6,} numbers compared\n$/);
    const wrong = run(emulator, '-L', libraries, driver, 'wrong');
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /^product .* on neon: element 0 is/);
  });
});
