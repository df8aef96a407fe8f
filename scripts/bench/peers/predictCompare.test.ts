import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { UsageError } from '../../../src/data/errors.js';
import { writeCola, writeMnli, writeStsb } from '../../../tasks/testing/tinyTask.js';
import { describeVariant, differingLabels, fastestFirst, fastestOf, largestDifference, type PredictFindings, type PredictRound, predictReportLines } from './predictReport.js';
import { type VariantRun, writeRows } from './predictRuns.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-predict-compare-'));
after(() => rmSync(folder, { recursive: true }));

const run = (variant: string, seconds: number, labels: readonly string[] = ['a', 'b', 'a']): VariantRun => ({ variant, seconds, labels });

test('the variant that counts has the least median over the rounds, is float32 and uncompiled, and failed in none', () => {
  const rounds = [
    [run('pipeline:1', 4), run('pipeline:8:sorted', 1), run('loop:8', 2), run('loop:8:bf16', 0.5), run('pipeline:32', 0.1)],
    [run('pipeline:1', 4), run('pipeline:8:sorted', 9), run('loop:8', 2), run('loop:8:bf16', 0.5)],
    [run('pipeline:1', 5), run('pipeline:8:sorted', 3), run('loop:8', 3), run('loop:8:bf16', 0.5), run('pipeline:32', 0.1)],
  ];
  assert.deepEqual(fastestFirst(rounds), ['loop:8:bf16', 'loop:8', 'pipeline:8:sorted', 'pipeline:1']);
  assert.equal(fastestOf('pipeline', rounds), 'pipeline:8:sorted');
  assert.equal(fastestOf('loop', rounds), 'loop:8');
  assert.equal(fastestOf('loop', [[run('pipeline:1', 1)]]), undefined);
});

test('labels and logits are compared row by row; other counts and NaN are not passed over', () => {
  assert.equal(differingLabels(['a', 'b', 'c'], ['a', 'c', 'b']), 2);
  assert.throws(() => differingLabels(['a'], ['a', 'b']), RangeError);
  assert.equal(largestDifference([[1, -2], [0.5, 3]], [[1, -1.75], [0.5, 2.5]]), 0.5);
  assert.ok(Number.isNaN(largestDifference([[1], [Number.NaN], [0]], [[1], [2], [0]])));
  assert.throws(() => largestDifference([[1, 2]], [[1]]), RangeError);
});

test('variants in words', () => {
  const words = ['pipeline:8', 'pipeline:32:sorted', 'loop:64', 'loop:64:bf16'].map(describeVariant);
  assert.deepEqual(words, ['pipeline, batches of 8', 'pipeline, sorted, batches of 32', 'loop by hand, sorted, batches of 64', 'loop by hand, sorted, batches of 64, bf16']);
});

test('the rows of a task are written as both sides read them; a task of scores is refused', async () => {
  for (const write of [writeCola, writeMnli, writeStsb]) await write(folder);
  const file = path.join(folder, 'rows.jsonl');
  assert.deepEqual(await writeRows(file, folder, 'mnli', 'dev_mismatched', 2), { title: 'MNLI', pair: true, rows: 2 });
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8').split('\n')[0] ?? ''), { text: 'the old sailor mended the broken clock .', text_pair: 'the old sailor mended the broken clock .' });
  assert.deepEqual(await writeRows(file, folder, 'cola', 'dev', undefined), { title: 'CoLA', pair: false, rows: 32 });
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8').split('\n')[0] ?? ''), { text: 'the old sailor mended the broken clock .' });
  await assert.rejects(writeRows(file, folder, 'stsb', 'dev', undefined), UsageError);
});

test('the report has the rates of all variants, the ratios round by round, whole commands, agreement and other work', () => {
  const machine = { processor: 'P', cores: 2, threads: 2, memoryGib: 8, platform: 'linux x64', node: 'v22', bertwright: '1' };
  const round = (ours: number, pipeline: number, others: number): PredictRound => ({
    ours: { machine, runs: [{ ...run('predict', ours), logits: [[1, 0], [0, 1], [2, 0]] }, run('library', 2 * ours)], others },
    peer: { engine: 'transformers 1, torch 2', runs: [run('pipeline:8', pipeline), { ...run('loop:8', pipeline / 2, ['a', 'b', 'b']), logits: [[1, 0], [0, 1], [2, 0.25]] }], failed: [{ variant: 'loop:8:compile', error: 'no compiler' }] },
    ourCommand: { seconds: 1 },
    peerCommand: { seconds: 3 },
  });
  const findings: PredictFindings = { machine, engine: 'transformers 1, torch 2', model: 'm', maxLength: 128, tasks: [{ title: 'T', split: 'dev', pair: true, rows: 3, rounds: [round(0.5, 1, 0), round(0.25, 1, 0.125), round(1, 1.5, 0.5)] }] };
  const text = predictReportLines(findings).join('\n');
  for (const line of [
    '## T, dev: 3 pairs',
    '| bertwright, predict and evaluate | 6.0 | 3.0 | 12.0 | 0 |',
    "| bertwright, the library's pipeline | 3.0 | 1.5 | 6.0 | 0 |",
    '| loop by hand, sorted, batches of 8 | 6.0 | 4.0 | 6.0 | 1 |',
    '| pipeline, batches of 8 | 3.0 | 2.0 | 3.0 | 0 |',
    'Failed: loop by hand, sorted, batches of 8, compile: no compiler.',
    "**predict: 2.00 (1.50 to 4.00, 3 rounds) times the peer's fastest pipeline (pipeline, batches of 8)**; 1.00 (0.75 to 2.00, 3 rounds) times the peer's fastest loop (loop by hand, sorted, batches of 8).",
    "The library's pipeline: 1.00 (0.75 to 2.00, 3 rounds) times",
    'ours 1.00 s (1.00 s to 1.00 s, 3 rounds)',
    'Largest difference of the logits, predict beside the loop: 2.5e-1. Other work took 0.0 % to 50.0 % of the processors.',
  ]) assert.ok(text.includes(line), `${line}\n---\n${text}`);
});
