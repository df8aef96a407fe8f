/** A suite's search over hyperparameters: what it chooses, where the chosen runs lie, what a rerun does, what reports say. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { writeReport } from '../../glue/report/writeReport.js';
import { pointDirectory, type TrialsRecord } from '../../glue/trials.js';
import { InterruptedError, UsageError } from '../../src/data/errors.js';
import { setEngine } from '../../src/engine/index.js';
import { finetune } from '../finetune.js';
import type { SuiteEvent, SuiteOptions, SuiteResult } from '../options.js';
import { runSuite } from '../suite.js';
import { writeCola, writeMnli, writeStsb, writeTinyModel } from '../testing/tinyTask.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-grid-'));
const model = path.join(folder, 'tiny-bert');
const data = path.join(folder, 'glue');
/** A rate that breaks any run, one that learns nothing, one that learns the 32 rows. */
const [breaks, idles, learns] = [1e30, 1e-6, 3e-3];
const base = { models: [model], data, tasks: ['cola'], seeds: [1, 2], numTrainEpochs: 8, perDeviceTrainBatchSize: 8, maxSeqLength: 24, concurrency: 2 } as const;

before(async () => {
  await setEngine('auto');
  await writeTinyModel(model);
  await writeCola(data);
  await writeStsb(data);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const read = <T>(...parts: string[]): T => JSON.parse(readFileSync(path.join(folder, ...parts), 'utf8')) as T;
const place = (output: string, ...parts: string[]): string => path.join(folder, output, 'tiny-bert', 'cola', ...parts);
const rateFolder = (rate: number): string => pointDirectory({ learningRate: rate });
const score = (directory: string): unknown => (JSON.parse(readFileSync(path.join(directory, 'all_results.json'), 'utf8')) as Record<string, unknown>)['eval_matthews_correlation'];

/** Runs a suite; tells which runs made a step, and the suite's own notes. */
async function watched(options: SuiteOptions): Promise<{ result: SuiteResult; stepped: string[]; notes: string }> {
  const stepped = new Set<string>();
  const notes: string[] = [];
  const progress = (event: SuiteEvent): void => {
    if (event.type === 'note') notes.push(event.text);
    else if (event.type === 'run' && event.event.type === 'step') stepped.add(path.relative(options.output, event.run.directory));
  };
  const result = await runSuite({ ...options, progress });
  return { result, stepped: [...stepped].sort(), notes: notes.join('\n') };
}

test('the point with the best mean becomes the result at the usual place, whole, and a rerun computes nothing', async () => {
  const options: SuiteOptions = { ...base, grid: { learningRate: [idles, learns] }, output: path.join(folder, 'best') };
  const { result, stepped, notes } = await watched(options);
  assert.deepEqual(result.runs.map(({ point, seed, status }) => [point?.learningRate, seed, status]), [[idles, 1, 'complete'], [idles, 2, 'complete'], [learns, 1, 'complete'], [learns, 2, 'complete']]);
  assert.equal(stepped.length, 4);
  const values = [1, 2].map((seed) => Number(score(place('best', 'trials', rateFolder(learns), `seed-${seed}`))));
  const [choice, ...others] = result.choices;
  assert.equal(others.length, 0);
  assert.deepEqual([choice?.status, choice?.point, choice?.points, choice?.seeds, choice?.metric], ['chosen', { learningRate: learns }, 2, [1, 2], 'matthews_correlation']);
  assert.ok(Math.abs((choice?.mean ?? 0) - ((values[0] ?? 0) + (values[1] ?? 0)) / 2) < 1e-12);
  assert.match(notes, /tiny-bert cola: learning-rate 0\.003 is the best of 2 points on dev/);
  for (const seed of [1, 2]) {
    const point = place('best', 'trials', rateFolder(learns), `seed-${seed}`);
    const files = readdirSync(place('best', `seed-${seed}`));
    for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'run.json', 'all_results.json', 'trainer_state.json', 'trials.json', 'predict_results_cola.txt']) assert.ok(files.includes(name), name);
    assert.ok(!files.some((name) => name.startsWith('checkpoint-') || name === '.lock'), files.join());
    assert.deepEqual(readdirSync(place('best', `seed-${seed}`, 'predictions')).sort(), ['dev.jsonl', 'test.jsonl']);
    assert.deepEqual(readdirSync(path.join(point, 'predictions')), ['dev.jsonl'], 'test files are predicted by what was chosen alone');
    assert.deepEqual(readFileSync(place('best', `seed-${seed}`, 'model.safetensors')), readFileSync(path.join(point, 'model.safetensors')));
  }
  const listed = read<{ choices: { directory: string; points: number }[]; runs: unknown[] }>('best', 'suite.json');
  assert.deepEqual([listed.choices.map(({ directory, points }) => [directory, points]), listed.runs.length], [[[path.join('tiny-bert', 'cola'), 2]], 4]);

  // A copy that was cut off, as a kill leaves it, is made whole.
  const weights = readFileSync(place('best', 'seed-2', 'model.safetensors'));
  for (const name of ['all_results.json', 'model.safetensors']) rmSync(place('best', 'seed-2', name));
  const again = await watched(options);
  assert.deepEqual(readFileSync(place('best', 'seed-2', 'model.safetensors')), weights);
  assert.ok(existsSync(place('best', 'seed-2', 'all_results.json')));
  assert.deepEqual([again.stepped, again.result.choices], [[], result.choices]);
  assert.doesNotMatch(again.notes, /has changed/);
});

test('the chosen run is the one that its settings give without a search, predictions of the test set included', async () => {
  const output = path.join(folder, 'single');
  await finetune({ model, data, task: 'cola', learningRate: learns, numTrainEpochs: 8, perDeviceTrainBatchSize: 8, maxSeqLength: 24, seed: 1, output });
  for (const file of ['model.safetensors', 'predictions/dev.jsonl', 'predictions/test.jsonl', 'predict_results_cola.txt']) assert.deepEqual(readFileSync(place('best', 'seed-1', file)), readFileSync(path.join(output, file)), file);
});

test('a report has the chosen runs as one system, marked in every format, and the points in a table only', async () => {
  const files = await writeReport([path.join(folder, 'best')], { output: path.join(folder, 'report') });
  const measured = files.data.systems.filter(({ group }) => group === 'measured');
  assert.deepEqual(measured.map(({ name, tasks }) => [name, tasks.cola?.seeds, tasks.cola?.chosenOf]), [['tiny-bert', [1, 2], 2]]);
  assert.equal(files.data.runs.length, 2);
  assert.ok(files.data.remarks.some((remark) => /best of several settings, chosen on the same dev rows .*CoLA \(of 2\)/.test(remark)));
  const [markdown, html, latex, csv] = [files.markdown, files.html, files.latex, files.csv].map((file) => readFileSync(file, 'utf8'));
  assert.match(markdown ?? '', /\| tiny-bert \| [^|]* ‡ \|/);
  assert.match(markdown ?? '', /‡ marks what was chosen on dev, the best of 2 settings/);
  assert.match(markdown ?? '', /\| CoLA \| tiny-bert \| learning-rate 0\.003 \| ✓ \| 1, 2 \| matthews\\_correlation \| [\d.]+ \| [\d.]+ \|/);
  assert.match(markdown ?? '', /\| CoLA \| tiny-bert \| learning-rate 1e-6 \| {2}\|/);
  assert.match(html ?? '', /Table of settings that were tried/);
  assert.match(html ?? '', /title="[^"]*chosen on dev, the best of 2 settings"/);
  assert.match(latex ?? '', /\$\^\{\\ddagger\}\$/);
  assert.match(csv ?? '', /chosen_on_dev_of\r\n/);
  assert.match(csv ?? '', /^tiny-bert,measured,dev,CoLA,matthews_correlation,.*,2\r$/m);
});

test('a new point and a new seed run alone and the choice is made anew; what diverged is not tried again', async () => {
  const options: SuiteOptions = { ...base, seeds: [1], grid: { learningRate: [idles, breaks] }, output: path.join(folder, 'grown') };
  const first = await watched(options);
  assert.deepEqual(first.result.runs.map(({ status }) => status), ['complete', 'diverged']);
  assert.deepEqual(first.result.choices[0]?.point, { learningRate: idles });
  const grown: SuiteOptions = { ...options, grid: { learningRate: [idles, breaks, learns] } };
  const second = await watched(grown);
  assert.deepEqual(second.stepped, [path.join('tiny-bert', 'cola', 'trials', rateFolder(learns), 'seed-1')]);
  assert.match(second.notes, /learning-rate 0\.003 is the best of 3 points on dev; the choice has changed, it was learning-rate 1e-6/);
  assert.deepEqual(readFileSync(place('grown', 'seed-1', 'model.safetensors')), readFileSync(place('best', 'seed-1', 'model.safetensors')));
  const third = await watched({ ...grown, seeds: [1, 2] });
  assert.deepEqual(third.stepped, [idles, breaks, learns].map((rate) => path.join('tiny-bert', 'cola', 'trials', rateFolder(rate), 'seed-2')).sort());
  const record = read<TrialsRecord>('grown', 'tiny-bert', 'cola', 'trials', 'trials.json');
  assert.deepEqual(record.trials.map(({ runs }) => runs.map(({ status }) => status)), [['complete', 'complete'], ['diverged', 'diverged'], ['complete', 'complete']]);
  assert.deepEqual(read('grown', 'tiny-bert', 'cola', 'seed-2', 'trials.json'), record);
  assert.deepEqual((await watched({ ...grown, seeds: [1, 2] })).stepped, []);
});

test('a suite that is stopped places nothing, and the same call ends as if nothing had been', async () => {
  const options: SuiteOptions = { ...base, seeds: [1], grid: { learningRate: [idles, learns] }, output: path.join(folder, 'stopped') };
  const controller = new AbortController();
  const progress = (event: SuiteEvent): void => {
    if (event.type === 'run' && event.event.type === 'step' && event.event.step === 3) controller.abort('SIGTERM');
  };
  await assert.rejects(runSuite({ ...options, signal: controller.signal, progress }), InterruptedError);
  assert.ok(!existsSync(place('stopped', 'seed-1')));
  const { choices } = await runSuite(options);
  assert.deepEqual(choices[0]?.point, { learningRate: learns });
  assert.deepEqual(readFileSync(place('stopped', 'seed-1', 'model.safetensors')), readFileSync(place('best', 'seed-1', 'model.safetensors')));
});

test('where every point diverges nothing is chosen, and a report says that the search is open', async () => {
  const output = path.join(folder, 'broken');
  const { choices } = await runSuite({ ...base, seeds: [1], grid: { learningRate: [breaks, breaks * 2] }, output });
  assert.ok(choices[0]?.status === 'failed' && /none of 2 points can be chosen/.test(choices[0].error ?? ''), JSON.stringify(choices));
  assert.ok(!existsSync(place('broken', 'seed-1')));
  const { data: report } = await writeReport([output, path.join(folder, 'single')], { output: path.join(folder, 'report-broken') });
  assert.deepEqual([report.runs.length, report.remarks.some((remark) => remark.includes('a search that has not chosen yet'))], [1, true]);
});

test('another setting is refused and leaves the result; single runs are not written over; overwrite starts anew', async () => {
  const output = path.join(folder, 'best');
  const options: SuiteOptions = { ...base, grid: { learningRate: [idles, learns] }, output };
  const before = readFileSync(place('best', 'seed-1', 'run.json'), 'utf8');
  const { runs, choices } = await runSuite({ ...options, weightDecay: 0.3 });
  assert.ok(runs.every(({ status, error }) => status === 'failed' && /weightDecay: was 0\.01, now 0\.3/.test(error ?? '')));
  assert.equal(choices[0]?.status, 'failed');
  assert.equal(readFileSync(place('best', 'seed-1', 'run.json'), 'utf8'), before);
  const anew = await watched({ ...options, seeds: [1], numTrainEpochs: 1, overwrite: true });
  assert.equal(anew.stepped.length, 2);
  assert.equal(anew.result.choices[0]?.status, 'chosen');
  assert.deepEqual(read<{ settings: { numTrainEpochs: number } }>('best', 'tiny-bert', 'cola', 'seed-1', 'run.json').settings.numTrainEpochs, 1);
  const plain: SuiteOptions = { ...base, seeds: [1], numTrainEpochs: 1, output: path.join(folder, 'plain') };
  await runSuite(plain);
  await assert.rejects(runSuite({ ...plain, grid: { learningRate: [idles, learns] } }), (error) => error instanceof UsageError && /a single one, not the best of a search/.test(error.message));
  await runSuite({ ...plain, overwrite: true, output });
  assert.ok(!existsSync(place('best', 'seed-1', 'trials.json')), 'a single run that replaces a chosen one is not marked');
});

test('with a first task the others start from its chosen run, and each has its own choice', async () => {
  await writeMnli(data);
  const output = path.join(folder, 'transfer');
  const { runs, choices } = await runSuite({ ...base, tasks: ['stsb'], seeds: [1], numTrainEpochs: 1, fromTask: 'mnli', grid: { learningRate: [1e-4, learns] }, output });
  assert.deepEqual(runs.map(({ status }) => status), ['complete', 'complete', 'complete', 'complete']);
  assert.deepEqual(choices.map(({ directory, status }) => [path.relative(output, directory), status]), [[path.join('tiny-bert', 'mnli'), 'chosen'], [path.join('tiny-bert-from-mnli', 'stsb'), 'chosen']]);
  const about = read<{ about: { model: string } }>('transfer', 'tiny-bert-from-mnli', 'stsb', 'seed-1', 'run.json').about;
  assert.equal(about.model, path.join(output, 'tiny-bert', 'mnli', 'seed-1'));
});

test('a dry run lists every point with an estimate of its own; a recipe with a grid is a grid of the suite', async () => {
  const output = path.join(folder, 'dry');
  const { runs, choices } = await runSuite({ ...base, seeds: [1, 2], recipe: 'bert-paper', perDeviceTrainBatchSize: undefined, learningRate: 1e-4, numTrainEpochs: undefined, grid: { numTrainEpochs: [1, 200] }, output, dryRun: true });
  assert.deepEqual(runs.map(({ point, seed }) => [point?.numTrainEpochs, point?.perDeviceTrainBatchSize, seed]), [[1, 32, 1], [1, 32, 2], [200, 32, 1], [200, 32, 2]]);
  assert.ok((runs[2]?.estimate?.seconds ?? 0) > 10 * (runs[0]?.estimate?.seconds ?? Number.POSITIVE_INFINITY));
  assert.deepEqual(choices, []);
  assert.ok(!existsSync(output));
});
