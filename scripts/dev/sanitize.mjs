/**
 * Memory and thread safety of the C++ addon, checked by the compiler's sanitizers:
 *   1. the addon with AddressSanitizer and UndefinedBehaviorSanitizer under the tests of src/native and src/ops, the latter
 *      once on every instruction set of this machine (those of src/native go through them by themselves);
 *   2. sanitize/driver.cc, the kernels without Node.js, with the same sanitizers and with ThreadSanitizer.
 * Each build first has to catch a mistake made on purpose. Needs g++ or clang++ with their sanitizer libraries, on Linux.
 *
 *   npm run build && node scripts/dev/sanitize.mjs [--seconds N] [--seed N] [--only addon|driver] [--out DIR] [--dist DIR]
 *
 * --seconds is the time of each driver (default 20), --out where the builds go (default build/sanitize), --dist the compiled
 * tests (default dist). Exit status 0 where nothing was found, 1 otherwise. Seven to twelve minutes on two cores.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildAddon } from '../setup/build-addon.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' }, only: { type: 'string' }, out: { type: 'string' }, dist: { type: 'string' } },
});
const out = path.resolve(flags.out ?? path.join(root, 'build', 'sanitize'));
const dist = path.resolve(flags.dist ?? path.join(root, 'dist'));
const compiler = process.env.CXX || 'c++';
const memoryFlags = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const threadFlags = ['-fsanitize=thread'];
const commonFlags = ['-O1', '-g', '-fno-omit-frame-pointer'];

let failures = 0;

function report(name, ok, seconds, output) {
  if (!ok) failures++;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`);
  if (!ok) console.log(output.slice(-6000));
}

/** Runs and reports; `expect` judges {status, output}. */
function check(name, command, args, env, expect) {
  const start = performance.now();
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 600_000, maxBuffer: 1 << 28, env: { ...process.env, ...env } });
  const output = `${stdout}${stderr}${error?.message ?? ''}${signal === null ? '' : `\nended by ${signal}`}`;
  const ok = expect({ status, output });
  report(name, ok, (performance.now() - start) / 1000, output);
  return ok;
}

function library(name) {
  const file = spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim();
  return path.isAbsolute(file) ? file : undefined;
}

/** Builds into a directory of its own: the addon, and beside it the object files that the driver takes. */
async function build(name, sanitizers) {
  const start = performance.now();
  const result = await buildAddon({ outDir: path.join(out, name), extraFlags: [...sanitizers, ...commonFlags] });
  const ok = result.status === 'built';
  report(`build: ${name}`, ok, (performance.now() - start) / 1000, result.output ?? result.status);
  return ok;
}

/** What the memory sanitizers need around a stock node; its own leaks at the end are not ours. */
function memoryEnvironment(file) {
  const preload = ['libasan.so', 'libubsan.so', 'libstdc++.so.6'].map(library).filter((found) => found !== undefined && existsSync(found));
  return {
    LD_PRELOAD: preload.join(':'),
    ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    BERTWRIGHT_ADDON: file,
  };
}

/** Compiled tests of a folder whose source still exists. */
function testFiles(folder) {
  return readdirSync(path.join(dist, folder))
    .filter((name) => name.endsWith('.test.js') && existsSync(path.join(root, folder, name.replace(/\.js$/, '.ts'))))
    .sort()
    .map((name) => path.join(dist, folder, name));
}

/** Tests that go over all instruction sets by themselves. */
const overAllIsas = ['ops.random.test.js'];

/** An instruction set's tests pass, and there were some. */
const passed = ({ status, output }) => status === 0 && /^# pass [1-9]/m.test(output) && !/runtime error|Sanitizer:/.test(output);

async function checkAddon() {
  if (!await build('memory', memoryFlags)) return;
  const file = path.join(out, 'memory', 'bertwright.node');
  const env = memoryEnvironment(file);
  const program = `const a = require(${JSON.stringify(file)}); console.log(JSON.stringify(a.info().available));`;
  const { stdout } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8', env: { ...process.env, ...env } });
  const available = JSON.parse(stdout);
  for (const test of testFiles('src/native')) check(`src/native/${path.basename(test)}`, process.execPath, [test], env, passed);
  const ops = testFiles('src/ops');
  for (const test of ops.filter((file) => overAllIsas.includes(path.basename(file)))) check(`src/ops/${path.basename(test)}`, process.execPath, [test], env, passed);
  for (const isa of available) {
    for (const test of ops.filter((file) => !overAllIsas.includes(path.basename(file)))) check(`src/ops/${path.basename(test)} on ${isa}`, process.execPath, [test], { ...env, BERTWRIGHT_ISA: isa }, passed);
  }
}

/** The files that have nothing to do with Node.js, as build-addon.mjs compiled them. */
function kernelObjects(name) {
  const directory = path.join(out, name, 'objects');
  return readdirSync(directory).filter((file) => /^(gemm\w*|parallel|scratch|isa\w*)\.cc\.o$/.test(file)).map((file) => path.join(directory, file));
}

async function checkDriver(name, sanitizers, mistake, symptom) {
  if (!await build(name, sanitizers)) return;
  const driver = path.join(out, name, 'driver');
  const source = path.join(root, 'scripts', 'dev', 'sanitize', 'driver.cc');
  const args = ['-std=c++17', '-Wall', '-Wextra', '-Werror', ...sanitizers, ...commonFlags, '-I', path.join(root, 'src', 'native'), source, ...kernelObjects(name), '-o', driver, '-pthread', '-ldl'];
  if (!check(`build: ${name} driver`, compiler, args, {}, ({ status }) => status === 0)) return;
  const env = { TSAN_OPTIONS: 'halt_on_error=1', UBSAN_OPTIONS: 'print_stacktrace=1' };
  check(`${name} driver catches a mistake: ${mistake}`, driver, [mistake], env, ({ status, output }) => status !== 0 && output.includes(symptom));
  check(`${name} driver, seed ${flags.seed}`, driver, [flags.seconds, flags.seed], env, ({ status }) => status === 0);
}

mkdirSync(out, { recursive: true });
if (flags.only !== 'driver') await checkAddon();
if (flags.only !== 'addon') {
  await checkDriver('memory', memoryFlags, 'overflow', 'heap-buffer-overflow');
  await checkDriver('threads', threadFlags, 'race', 'data race');
}
console.log(failures === 0 ? 'sanitizers: nothing found' : `sanitizers: ${failures} of the checks above FAILED`);
process.exitCode = failures === 0 ? 0 : 1;
