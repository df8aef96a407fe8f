import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeCola, writeTinyModel } from '../../tasks/testing/tinyTask.js';
import { packageVersion } from '../cli/version.js';
import { type GemmResult, summarize } from './gemmSpeed.js';
import { median } from './measurements.js';
import { randomBatch } from './step.js';

const cli = fileURLToPath(new URL('../cli.js', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-bench-'));
const configFile = path.join(folder, 'config.json');
writeFileSync(configFile, JSON.stringify({ model_type: 'bert', vocab_size: 211, hidden_size: 24, num_hidden_layers: 2, num_attention_heads: 3, intermediate_size: 40, max_position_embeddings: 16 }));

function bench(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'bench', ...args], { encoding: 'utf8', cwd: folder, timeout: 120_000 });
  return { status, stdout, stderr };
}

interface Document {
  readonly what: string;
  readonly machine: Readonly<Record<string, unknown>>;
  readonly results: readonly Readonly<Record<string, unknown>>[];
}

function benchJson(...args: readonly string[]): Document {
  const { status, stdout, stderr } = bench(...args, '--json', '--quiet');
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Document;
}

const step = ['--what', 'step', '--model-config', configFile, '--per-device-train-batch-size', '3', '--max-seq-length', '11', '--steps', '2'] as const;

test('step: the machine is named, both precisions are measured unless one is asked for, every figure is there', () => {
  const { what, machine, results } = benchJson(...step);
  assert.equal(what, 'step');
  assert.deepEqual([machine['node'], machine['bertwright']], [process.version, packageVersion()]);
  for (const key of ['processor', 'cores', 'threads', 'memoryGib']) assert.ok(machine[key], key);
  assert.deepEqual(results.map(({ precision }) => precision), machine['instructionSet'] === 'amx' || machine['instructionSet'] === 'avx512bf16' ? ['bf16', 'highest'] : ['highest']);
  assert.deepEqual(benchJson(...step, '--matmul-precision', 'highest').results.map(({ precision }) => precision), ['highest']);
  for (const result of results) {
    assert.deepEqual([result['modelConfig'], result['batchSize'], result['seqLength']], [configFile, 3, 11]);
    const [median_, best, rate, peak, loss] = ['medianMs', 'bestMs', 'tokensPerSecond', 'peakRssMb', 'loss'].map((key) => result[key] as number) as [number, number, number, number, number];
    assert.ok(best > 0 && best <= median_ && Math.abs((rate * median_) / 33_000 - 1) < 1e-9 && peak > 20 && peak < 2000, JSON.stringify(result));
    // Of 211 tokens and two classes, all but untrained.
    assert.ok(Math.abs(loss - Math.log(211) - Math.log(2)) < 0.5, String(loss));
  }
});

test('--profile: tables of functions and kernels, and a Chrome trace of the timed steps of one measurement', () => {
  const { status, stdout, stderr } = bench(...step, '--quiet', '--profile');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^profile of 2 steps, [\d.]+ ms; shares are of these; trace: profile\.json$/m);
  assert.match(stdout, /^step +2 +[\d.]+ +100\.0% +[\d.]+$/m);
  assert.match(stdout, /^tfjs kernel +calls/m);
  const trace = JSON.parse(readFileSync(path.join(folder, 'profile.json'), 'utf8')) as { traceEvents: { name: string; ph: string; cat?: string; dur?: number }[] };
  const steps = trace.traceEvents.filter(({ name }) => name === 'step');
  assert.ok(steps.length === 2 && steps.every(({ ph, cat, dur }) => ph === 'X' && cat === 'span' && (dur ?? 0) > 0));
});

test('memory: the peak of each configuration, no times', () => {
  const [result] = benchJson('--what', 'memory', '--model-config', configFile, '--max-seq-length', '11', '--steps', '1').results;
  assert.ok((result?.['peakRssMb'] as number) > 20);
  assert.ok(result !== undefined && !('medianMs' in result));
});

test('tokenizer and vocab measure a text file', () => {
  const corpus = path.join(folder, 'corpus.txt');
  writeFileSync(corpus, 'the cat sat on the mat and the dog sat on the cat\n'.repeat(50));
  const [tokens] = benchJson('--what', 'tokenizer', '--corpus', corpus, '--steps', '2').results;
  assert.deepEqual([tokens?.['megabytes'], tokens?.['runs']], [2500 / 1e6, 2]);
  assert.ok((tokens?.['tokens'] as number) >= 600 && (tokens?.['megabytesPerSecond'] as number) > 0);
  const [vocabulary] = benchJson('--what', 'vocab', '--corpus', corpus, '--vocab-size', '30').results;
  assert.equal(vocabulary?.['vocabSize'], 30);
});

test('finetune: an epoch of each adapter; what is trained grows from the adapter to all weights', async () => {
  const [model, data] = [path.join(folder, 'tiny-bert'), path.join(folder, 'glue')];
  await writeTinyModel(model);
  await writeCola(data);
  const { results } = benchJson('--what', 'finetune', '--task', 'cola', '--model', model, '--data', data, '--max-seq-length', '24', '--matmul-precision', 'highest', '--adapter', 'lora,bottleneck,none');
  assert.deepEqual(results.map(({ adapter }) => adapter), ['lora', 'bottleneck', 'none']);
  const [lora = 0, bottleneck = 0, all = 0] = results.map(({ trainedParameters }) => trainedParameters as number);
  assert.ok(lora > 0 && lora < all && bottleneck > 0 && bottleneck !== lora, `${lora}, ${bottleneck}, ${all}`);
  for (const result of results) assert.ok((result['secondsPerEpoch'] as number) > 0 && (result['peakRssMb'] as number) > 20, JSON.stringify(result));
});

test('a flag without a use, an unknown configuration or instruction set, and nothing to count are usage errors', () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--what', 'vocab', '--task', 'mrpc'], /bench --what vocab has no use for --task/],
    [['--what', 'memory', '--profile'], /has no use for --profile/],
    [['--what', 'step', '--model-config', 'minni'], /Did you mean "mini"/],
    [['--what', 'stp'], /Did you mean "step"/],
    [['--what', 'gemm', '--isa', 'avx3'], /no instruction set "avx3"|measures the native engine|--isa is for the native engine/],
    [['--steps', '0'], /--steps is 0/],
    [['--what', 'finetune'], /--model is missing/],
    [['--what', 'finetune', '--model', 'absent'], /absent/],
    [['--what', 'finetune', '--model', 'absent', '--adapter', 'none,lorra'], /unknown adapter "lorra"\. Did you mean "lora"/],
    [['--adapter', 'lora'], /no use for --adapter/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = bench(...args);
    assert.match(stderr, message);
    assert.deepEqual([status, stdout], [2, ''], args.join(' '));
  }
});

test('the median of an even number of values lies between the two in the middle', () => {
  assert.deepEqual([median([5, 1, 4]), median([8, 1, 4, 2]), median([7])], [4, 3, 7]);
});

test('shares of the peak: geometric mean, and the worst with its shape', () => {
  const product = (m: number, shareOfPeak: number): GemmResult => ({ set: 'small', engine: 'native', isa: 'portable', precision: 'highest', kind: 'NN', m, n: 2, k: 3, gflops: 1, shareOfPeak, bestMs: 1 });
  const { geometricMean, worst, worstShape } = summarize([product(4, 0.8), product(5, 0.2)]);
  assert.ok(Math.abs(geometricMean - 0.4) < 1e-12);
  assert.deepEqual([worst, worstShape], [0.2, '5 x 2 x 3']);
});

test('a random batch masks 15% of its tokens, each once and in order', () => {
  const batch = randomBatch(97, 5, 13, 1);
  assert.deepEqual([batch.inputIds.length, batch.maskedPositions.length, batch.maskedLabels.length, batch.nextSentenceLabels?.length], [65, 10, 10, 5]);
  assert.deepEqual([...new Set(batch.maskedPositions)].sort((a, b) => a - b), [...batch.maskedPositions]);
  assert.deepEqual([...batch.tokenTypeIds.subarray(0, 13)], [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
  assert.notDeepEqual(randomBatch(97, 5, 13, 2).inputIds, batch.inputIds);
});
