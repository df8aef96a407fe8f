import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Random } from '../data/random.js';
import { dropoutMask } from '../ops/dropoutGenerator.js';
import type { NativeAddon } from './addon.js';
import { loadAddon } from './loadAddon.js';

const found = await loadAddon();
/** AddressSanitizer has its own allocator and emits weak symbols; and an emulator does not run it. */
const sanitized = process.env['ASAN_OPTIONS'] !== undefined && 'not meant for AddressSanitizer';

function uniform(length: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => random.uniform() * 2 - 1);
}

function fixture(): { addon: NativeAddon; file: string } {
  assert.ok(found.addon !== undefined);
  return found;
}

describe('addon', { skip: found.addon === undefined ? found.why : false }, () => {
  afterEach(() => {
    const { addon } = fixture();
    addon.setIsa(addon.info().available[0] as string);
  });

  test('tells instruction sets, threads and compiler', () => {
    const { available, isa, threads, compiler } = fixture().addon.info();
    assert.equal(available.at(-1), process.arch === 'arm64' ? 'neon' : 'portable');
    assert.ok(available.includes(isa));
    assert.ok(threads >= 1);
    assert.match(compiler, /^(gcc|clang) \d+/);
  });

  test('the dropout mask is that of the TypeScript generator, bit for bit, on every instruction set', () => {
    const { addon } = fixture();
    for (const isa of addon.info().available) {
      addon.setIsa(isa);
      for (const [rows, cols, rate, key] of [[1, 1, 0.5, 0], [3, 37, 0.1, 12_345], [129, 65, 0.3, 0xffff_ffff], [2, 5000, 0.999, 77], [5, 16, 0, 9], [0, 4, 0.1, 1]] as const) {
        const actual = new Float32Array(rows * cols);
        addon.dropout(new Float32Array(rows * cols).fill(1), actual, rows, cols, rate, key);
        assert.deepEqual(actual, dropoutMask({ rate, key }, rows, cols), `${isa}: [${rows}, ${cols}] at ${rate}`);
      }
    }
  });

  test('results do not depend on the number of threads', () => {
    const { addon } = fixture();
    const [rows, cols] = [3001, 67];
    const x = uniform(rows * cols, 3);
    const ids = Int32Array.from({ length: rows }, (_, i) => (i * 7919) % 97);
    const compute = (): Float32Array[] => {
      const outputs = [1, cols, rows, rows * cols, 97 * cols].map((size) => new Float32Array(size)) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
      addon.reduce(0, x, outputs[0], 1, rows * cols, 1);
      addon.reduce(0, x, outputs[1], 1, rows, cols);
      addon.reduce(3, x, outputs[2], rows, cols, 1);
      addon.softmax(x, outputs[3], rows, cols);
      addon.segmentSum(x, ids, outputs[4], rows, cols, 97);
      return outputs;
    };
    const results = [1, 2, 3, 5].map((threads) => {
      addon.setThreads(threads);
      return compute();
    });
    for (const result of results.slice(1)) assert.deepEqual(result, results[0]);
  });

  test('a sum of many numbers is exact to float32', () => {
    const { addon } = fixture();
    const count = 3_000_001;
    const out = new Float32Array(1);
    addon.reduce(0, new Float32Array(count).fill(0.1), out, 1, count, 1);
    assert.ok(Math.abs((out[0] as number) / (count * Math.fround(0.1)) - 1) < 1e-6, String(out[0]));
  });

  test('misuse throws before any memory is touched, naming function and argument', () => {
    const { addon } = fixture();
    const loose = addon as unknown as Record<string, (...args: unknown[]) => unknown>;
    const [four, six] = [new Float32Array(4), new Float32Array(6)];
    const one = Int32Array.of(1);
    const cases: readonly (readonly [string, readonly unknown[], typeof TypeError | typeof RangeError, RegExp])[] = [
      ['softmax', [four], TypeError, /softmax: expected 4 arguments, found 1/],
      ['softmax', [[1], four, 2, 2], TypeError, /softmax: x must be a Float32Array, found an array/],
      ['softmax', [new Float64Array(4), four, 2, 2], TypeError, /x must be a Float32Array, found a typed array of another type/],
      ['softmax', [six, four, 2, 3], RangeError, /y must have at least 6 elements, found 4/],
      ['softmax', [four, four, '2', 2], TypeError, /rows must be a number, found a string/],
      ['dropout', [four, four, 2, 3, 0.1, 1], RangeError, /dropout: x must have at least 6 elements/],
      ['dropout', [four, four, 2, 2, 1, 1], RangeError, /dropRate must be in \[0, 1\)/],
      ['dropout', [four, four, 2, 2, 0.1, -1], RangeError, /dropKey must be an integer from 0/],
      ['dropout', [four, four, 2.5, 2, 0.1, 1], RangeError, /rows must be an integer/],
      ['dropout', [four, four, 2 ** 31, 2, 0.1, 1], RangeError, /rows must be an integer/],
      ['unary', [99, four, four, 4], RangeError, /code must be below/],
      ['unary', [0, four, four, NaN], RangeError, /count must be an integer/],
      ['binary', [0, four, four, four, Int32Array.of(5), one, one], RangeError, /a must have at least 5 elements/],
      ['binary', [0, four, four, four, Int32Array.of(4), Int32Array.of(-1), one], RangeError, /strides not negative/],
      ['binary', [0, four, four, four, Int32Array.of(4), Int32Array.of(2), one], RangeError, /last dimension/],
      ['binary', [0, four, four, four, new Int32Array(0), one, one], RangeError, /1 to 8 entries/],
      ['reduce', [0, four, four, 2, 0, 2], RangeError, /mid must be positive/],
      ['reduce', [0, four, four, 2 ** 31 - 1, 2 ** 31 - 1, 2], RangeError, /more than 2\^48 elements/],
      ['copyStrided', [four, four, 1, Int32Array.of(4), one], RangeError, /x must have at least 5 elements/],
      ['concatenate', [[four, 3], Int32Array.of(2, 2), six, 1], TypeError, /inputs\[1\] must be a Float32Array, found a number/],
      ['concatenate', [[four], Int32Array.of(3), six, 2], RangeError, /inputs\[0\] has fewer/],
      ['gather', [four, Int32Array.of(4), six, 1, 1, 4, 1, 1], RangeError, /indices\[0\] = 4 is not in \[0, 4\)/],
      ['setThreads', [0], RangeError, /count must be 1 or more/],
      ['setIsa', ['mmx'], RangeError, /'mmx' is not among the instruction sets/],
      ['setMatmulPrecision', ['half'], RangeError, /must be 'highest' or 'bf16'/],
    ];
    for (const [name, args, kind, message] of cases) {
      assert.throws(() => loose[name]?.(...args), (error: unknown) => error instanceof kind && message.test(error.message), `${name}(${args.length} arguments) ${message}`);
    }
    assert.deepEqual([...four, ...six], new Array(10).fill(0));
  });

  test('a detached buffer is refused', () => {
    const { addon } = fixture();
    const x = new Float32Array(8);
    structuredClone(x, { transfer: [x.buffer] });
    assert.throws(() => addon.unary(0, x, new Float32Array(8), 8), TypeError);
    // A detached array has no elements, and an empty list of numbers would have a sum.
    assert.throws(() => addon.sumOfSquares([new Float32Array(3), x]), { name: 'TypeError', message: 'sumOfSquares: arrays[1] must not be detached from its memory' });
  });

  test('worker threads load it, compute at the same time and end', async () => {
    const { addon, file } = fixture();
    addon.setThreads(3);
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      const addon = require(workerData);
      const x = new Float32Array(200_000).fill(2);
      for (let i = 0; i < 51; i++) addon.unary(0, x, x, x.length);
      parentPort.postMessage(x.every((value) => value === -2));`;
    const workers = [1, 2, 3].map(() => new Worker(source, { eval: true, workerData: file }));
    // A range that were left out or done twice would keep its sign.
    const x = new Float32Array(200_000).fill(2);
    const results = workers.map((worker) => new Promise((resolve, reject) => { worker.on('message', resolve).on('error', reject); }));
    for (let i = 0; i < 51; i++) addon.unary(0, x, x, x.length);
    assert.deepEqual(await Promise.all(results), [true, true, true]);
    await Promise.all(workers.map((worker) => worker.terminate()));
    addon.unary(0, x, x, x.length);
    assert.ok(x.every((value) => value === 2));
  });

  test('a process that used the thread pool ends at once, also when only a worker used it', () => {
    const { file } = fixture();
    const use = `const a = require(${JSON.stringify(file)}); a.setThreads(4); const x = new Float32Array(1e6); a.unary(0, x, x, 1e6);`;
    const inWorker = (source: string): string => `const worker = new (require('node:worker_threads').Worker)(${JSON.stringify(source)}, { eval: true });`;
    // The last word of each is the time at which it had nothing left to do.
    const now = 'process.stdout.write(String(Date.now()));';
    const programs = [
      `${use} ${now}`,
      `${inWorker(use)} worker.on('exit', () => { ${now} });`,
      `${use} ${now} process.exit(0);`,
      // Ended while a worker is in the middle of parallel calls, by the process and by itself.
      `${use} ${inWorker(`${use} for (;;) a.unary(0, x, x, 1e6);`)} setTimeout(() => { ${now} process.exit(0); }, 100);`,
      `${use} ${inWorker(`${use} for (;;) a.unary(0, x, x, 1e6);`)} setTimeout(async () => { await worker.terminate(); a.unary(0, x, x, 1e6); ${now} }, 100);`,
    ];
    for (const program of programs) {
      const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', program], { timeout: 20_000, encoding: 'utf8' });
      assert.deepEqual([status, signal, stderr], [0, null, ''], program);
      // Milliseconds where the processors are free.
      const taken = Date.now() - Number(stdout);
      assert.ok(taken < 3000, `${taken} ms from the end of the work to that of the process: ${program}`);
    }
  });

  test('an idle pool costs no processor time', () => {
    const { file } = fixture();
    // The best of three: node's own threads may tidy up meanwhile.
    const program = `
      const a = require(${JSON.stringify(file)});
      a.setThreads(4);
      const x = new Float32Array(1e6);
      const idle = () => new Promise((resolve) => {
        a.unary(0, x, x, 1e6);
        setTimeout(() => {
          const before = process.cpuUsage();
          setTimeout(() => { const { user, system } = process.cpuUsage(before); resolve((user + system) / 1e3); }, 300);
        }, 5);
      });
      (async () => process.stdout.write(String(Math.min(await idle(), await idle(), await idle()))))();`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', program], { timeout: 20_000, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.ok(Number(stdout) < 5, `${stdout} ms of processor time in 300 ms`);
  });

  test('lack of memory in the threads is an error of the call, and the pool works on', { skip: sanitized || (spawnSync('prlimit', ['--version']).status !== 0 && 'prlimit is not installed') }, () => {
    const { file } = fixture();
    // The address space is limited to what is in use and less than the 380 MB of working memory that each of the two heads needs.
    const program = `
      const a = require(${JSON.stringify(file)});
      a.setThreads(2);
      const x = new Float32Array(1e6).fill(2);
      // Until the worker has surely begun: an odd number of changes of sign, over some milliseconds.
      for (let i = 0; i < 99; i++) a.unary(0, x, x, 1e6);
      const tokens = 2 ** 20, [qkv, out, lse] = [96, 32, 2].map((width) => new Float32Array(width * tokens));
      const used = Number(require('node:fs').readFileSync('/proc/self/statm', 'utf8').split(' ')[0]) * 4096;
      require('node:child_process').execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (used + 2.5e8)]);
      for (let i = 0; i < 2; i++) {
        try {
          a.attentionForward(qkv, Int32Array.of(0, tokens), out, lse, tokens, 2, 16, 0, 0);
        } catch (error) {
          process.stdout.write(error.message + '. ');
        }
        a.unary(0, x, x, 1e6);
      }
      process.stdout.write(String(x.every((value) => value === -2)));`;
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', program], { timeout: 60_000, encoding: 'utf8' });
    const message = 'attentionForward: out of memory. ';
    assert.deepEqual([status, signal, stdout], [0, null, `${message}${message}true`], stderr);
  });

  test('the object files of an instruction set have no weak symbol, which the linker could take for all files', { skip: sanitized }, (context) => {
    const directory = path.join(path.dirname(fixture().file), 'objects');
    const objects = existsSync(directory) ? readdirSync(directory).filter((name) => /^isa_\w+\.cc\.o$/.test(name)) : [];
    if (objects.length === 0 || spawnSync('nm', ['--version']).status !== 0) return context.skip('the object files or nm are absent');
    for (const name of objects) {
      const { status, stdout } = spawnSync('nm', [path.join(directory, name)], { encoding: 'utf8' });
      assert.equal(status, 0);
      assert.match(stdout, / T /);
      assert.deepEqual(stdout.split('\n').filter((line) => / [uvVwW] /.test(line)), [], name);
    }
  });

  test('a processor with AVX2 only runs every kernel without an illegal instruction', { skip: sanitized || (spawnSync('qemu-x86_64', ['--version']).status !== 0 || process.arch !== 'x64' ? 'qemu-x86_64 is not installed' : false) }, () => {
    const { file } = fixture();
    const program = `
      const a = require(${JSON.stringify(file)});
      const { available, isa } = a.info();
      const x = new Float32Array(1000).fill(0.5), y = new Float32Array(1000);
      const f = (length) => new Float32Array(length).fill(0.5), i = (...values) => Int32Array.of(...values);
      for (let code = 0; code < 12; code++) a.unary(code, x, y, 1000);
      for (let code = 0; code < 7; code++) for (const [left, right] of [[1, 1], [1, 0], [0, 1]]) a.binary(code, x, x, y, i(1000), i(left), i(right));
      for (let code = 0; code < 4; code++) for (const [mid, inner] of [[100, 1], [10, 10]]) a.reduce(code, x, y, 10, mid, inner);
      a.softmax(x, y, 10, 100);
      a.copyStrided(x, y, 0, i(40, 25), i(1, 40));
      a.concatenate([x, x], i(10, 20), y, 30);
      a.gather(x, i(1, 0, 9), y, 1, 1, 10, 3, 100);
      a.segmentSum(x, i(1, 0, 1), y, 3, 100, 2);
      a.dropout(x, y, 10, 100, 0.1, 3);
      a.embeddingForward(x, x, x, i(1, 0), i(0, 1), i(1, 1), y, 2, 100);
      a.gatherRows(x, i(3, 3), y, 2, 100);
      a.scatterAddRows(x, i(3, 3), y, 2, 100, 10);
      a.attentionForward(f(3 * 20 * 20), i(0, 7, 20), f(400), f(40), 20, 2, 10, 0.1, 3);
      a.attentionBackward(f(400), f(1200), f(400), f(40), i(0, 7, 20), f(1200), 20, 2, 10, 0.1, 3);
      a.layerNormForward(x, x, x, x, y, f(1000), f(10), 10, 100, 1e-12, 0.1, 3);
      a.layerNormBackward(x, x, f(10), x, y, f(1000), f(100), f(100), 10, 100, 0.1, 3);
      for (const activation of [0, 1, 2, 3]) {
        a.linearActivationForward(x, x, x, f(400), y, 20, 20, 50, activation);
        a.linearActivationBackward(x, x, x, x, f(1000), f(1000), f(20), 20, 20, 50, activation);
      }
      a.mlmCrossEntropy(x, f(2000), f(100), i(1, 99), f(2), f(40), f(2000), f(100), 2, 20, 100, 1);
      a.sumOfSquares([x]);
      a.adamwUpdate([f(1000)], [x], [f(1000)], [f(1000)], f(1), f(1), 0.1, 0.9, 0.99, 1e-8, 0.1, 0.01, 1);
      a.gemm(false, true, 20, 20, 50, x, x, y, false);
      process.stdout.write(JSON.stringify({ available, isa, first: y[0] }));`;
    for (const [cpu, expected] of [['Haswell-v4', ['avx2', 'portable']], ['Westmere', ['portable']]] as const) {
      const { status, signal, stdout } = spawnSync('qemu-x86_64', ['-cpu', cpu, process.execPath, '-e', program], { timeout: 60_000, encoding: 'utf8' });
      assert.deepEqual([status, signal], [0, null], cpu);
      assert.deepEqual(JSON.parse(stdout), { available: expected, isa: expected[0], first: 12.5 });
    }
  });
});
