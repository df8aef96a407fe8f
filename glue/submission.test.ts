import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { strToU8, unzipSync, zipSync } from 'fflate';
import { DataError, UsageError } from '../src/data/errors.js';
import { writeSubmission } from './submission.js';
import { submissionFiles, submissionTable, tableFaults } from './submissionTable.js';
import { submissionFaults, zipSubmission } from './submissionZip.js';
import { fileLabels, type GlueTaskName, glueTasks } from './tasks.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-submission-'));
after(() => rmSync(folder, { recursive: true }));

const fileOf = (name: string) => submissionFiles.find((file) => file.name === name) ?? assert.fail(name);

/** A finished run as a suite leaves it; its predictions go round the classes, starting with that of its seed. */
function writeRun(suite: string, task: GlueTaskName, seed: number, dev: number, options: { readonly rows?: number; readonly without?: readonly string[] } = {}): void {
  const directory = path.join(suite, 'mini', task, `seed-${seed}`);
  mkdirSync(path.join(directory, 'predictions'), { recursive: true });
  const { selectBy } = glueTasks[task];
  writeFileSync(path.join(directory, 'all_results.json'), JSON.stringify({ task, model: 'mini', seed, [`eval_${selectBy}`]: dev }));
  writeFileSync(path.join(directory, 'run.json'), JSON.stringify({ kind: 'finetune', status: 'complete' }));
  for (const file of submissionFiles.filter(({ task: own }) => own.name === task || own.predictedBy === task)) {
    const name = file.task.name === 'ax' ? 'ax' : file.split === 'test' ? 'test' : 'test_mm';
    if (options.without?.includes(name) === true) continue;
    const labels = file.task.labels;
    const rows = Array.from({ length: options.rows ?? file.rows }, (_, index) => JSON.stringify({ index, prediction: labels.length === 0 ? 6 - index / 200 : labels[(index + seed) % labels.length] }));
    writeFileSync(path.join(directory, 'predictions', `${name}.jsonl`), `${rows.join('\n')}\n`);
  }
}

function writeSuite(name: string, tasks: readonly GlueTaskName[]): string {
  const suite = path.join(folder, name);
  for (const task of tasks) writeRun(suite, task, 1, 0.5);
  return suite;
}

const trained: readonly GlueTaskName[] = ['cola', 'sst2', 'mrpc', 'stsb', 'qqp', 'mnli', 'qnli', 'rte'];

test('the eleven files have the leaderboard\'s names and numbers of lines', () => {
  const lines = { AX: 1105, CoLA: 1064, 'MNLI-m': 9797, 'MNLI-mm': 9848, MRPC: 1726, QNLI: 5464, QQP: 390966, RTE: 3001, 'SST-2': 1822, 'STS-B': 1380, WNLI: 147 };
  assert.deepEqual(Object.fromEntries(submissionFiles.map(({ name, rows }) => [name.replace('.tsv', ''), rows + 1])), lines);
});

test('labels are written as the leaderboard wants them, scores clipped with three decimals', () => {
  const rows = (name: string, predictions: readonly (string | number)[]): string[] => submissionTable({ ...fileOf(name), rows: predictions.length }, predictions).split('\n').slice(1, -1);
  assert.deepEqual(rows('CoLA.tsv', ['acceptable', 'unacceptable']), ['0\t1', '1\t0']);
  assert.deepEqual(rows('MNLI-mm.tsv', ['neutral', 'contradiction']), ['0\tneutral', '1\tcontradiction']);
  assert.deepEqual(rows('WNLI.tsv', ['not_entailment', 'entailment']), ['0\t0', '1\t1']);
  assert.deepEqual(rows('STS-B.tsv', [5.3, -0.2, 2.34567]), ['0\t5.000', '1\t0.000', '2\t2.346']);
  assert.throws(() => rows('RTE.tsv', ['0']), /RTE\.tsv: prediction "0" of row 0, expected one of entailment, not_entailment/);
  assert.throws(() => rows('STS-B.tsv', [Number.NaN]), /expected a number/);
  assert.throws(() => submissionTable(fileOf('RTE.tsv'), ['entailment']), /1 predictions, expected 3000/);
});

test('a suite gives a valid zip: the best dev seed of each task, WNLI by its majority, AX by MNLI, the same bytes each time', async () => {
  const suite = writeSuite('whole', trained);
  writeRun(suite, 'cola', 2, 0.7);
  writeRun(suite, 'cola', 3, 0.6);
  // A point of a search that was not chosen is no candidate, however good one of its seeds is.
  writeRun(path.join(suite, 'mini', 'cola', 'trials'), 'cola', 4, 0.9);
  writeFileSync(path.join(suite, 'mini', 'cola', 'trials', 'trials.json'), JSON.stringify({ metric: 'matthews_correlation', chosen: 'a', trials: [{ directory: 'a', point: { learningRate: 1 }, runs: [] }] }));
  const [output, again] = [path.join(suite, 'a.zip'), path.join(suite, 'b.zip')];
  const made = await writeSubmission({ directory: suite, output });
  assert.deepEqual(made.files.map(({ name }) => name), submissionFiles.map(({ name }) => name));
  assert.equal(made.files.find(({ name }) => name === 'CoLA.tsv')?.run?.seed, 2);
  assert.equal(made.files.find(({ name }) => name === 'WNLI.tsv')?.constant, 'not_entailment');
  assert.deepEqual(submissionFaults(readFileSync(output), output), []);
  const entries = unzipSync(readFileSync(output));
  const text = (name: string): string => new TextDecoder().decode(entries[name]);
  assert.ok(text('CoLA.tsv').startsWith('index\tprediction\n0\t0\n1\t1\n'), 'seed 2 starts with the first class');
  assert.ok(text('AX.tsv').startsWith('index\tprediction\n0\tneutral\n'));
  assert.ok(text('WNLI.tsv').split('\n').slice(1, -1).every((line) => line.endsWith('\t0')));
  await writeSubmission({ directory: suite, output: again });
  assert.deepEqual(readFileSync(again), readFileSync(output));
  const seed3 = await writeSubmission({ directory: suite, output: again, seed: 1 });
  assert.ok(seed3.files.every(({ run }) => run === undefined || run.seed === 1));
  assert.notDeepEqual(readFileSync(again), readFileSync(output));
});

test('what is missing is refused by name, or filled with the majority class; nothing is written before', async () => {
  const suite = writeSuite('partial', ['cola', 'sst2', 'mrpc', 'stsb', 'mnli', 'qnli', 'rte', 'wnli']);
  writeRun(suite, 'qqp', 1, 0.5, { without: ['test'] });
  const output = path.join(suite, 'out.zip');
  await assert.rejects(writeSubmission({ directory: suite, output }), (error) => error instanceof UsageError && /lack QQP\.tsv \(.*seed-1 has no predictions of it\)$/.test(error.message) && /--missing majority/.test(error.hint ?? ''));
  await assert.rejects(writeSubmission({ directory: suite, output, seed: 9 }), (error) => error instanceof UsageError && /CoLA\.tsv \(no run of CoLA with seed 9, but with 1\)/.test(error.message));
  assert.ok(!existsSync(output));
  const { files } = await writeSubmission({ directory: suite, output, missing: 'majority', wnli: 'train' });
  assert.equal(files.find(({ name }) => name === 'QQP.tsv')?.constant, 'not_duplicate');
  assert.equal(files.find(({ name }) => name === 'WNLI.tsv')?.run?.task, 'wnli');
  assert.deepEqual(submissionFaults(readFileSync(output), output), []);

  writeRun(suite, 'rte', 1, 0.5, { rows: 10 });
  await assert.rejects(writeSubmission({ directory: suite, output: path.join(suite, 'cut.zip'), missing: 'majority' }), (error) => error instanceof DataError && /test\.jsonl: 10 predictions, the test set has 3000 rows/.test(error.message));
  assert.ok(!existsSync(path.join(suite, 'cut.zip')));
});

test("labels in any spelling are written as the leaderboard wants them; what is no label is named with file and line", async () => {
  const suite = writeSuite('spelled', ['rte']);
  const file = path.join(suite, 'mini', 'rte', 'seed-1', 'predictions', 'test.jsonl');
  const before = readFileSync(file, 'utf8');
  const plain = await writeSubmission({ directory: suite, output: path.join(folder, 'plain.zip'), missing: 'majority' });
  writeFileSync(file, before.replaceAll('not_entailment', 'Not-Entailment').replaceAll('"entailment"', '"ENTAILMENT"'));
  const spelled = await writeSubmission({ directory: suite, output: path.join(folder, 'spelled.zip'), missing: 'majority' });
  assert.deepEqual(readFileSync(spelled.output), readFileSync(plain.output));
  writeFileSync(file, before.replace('"entailment"', '"neutral"'));
  await assert.rejects(writeSubmission({ directory: suite, output: path.join(folder, 'refused.zip'), missing: 'majority' }), (error) => error instanceof DataError && /"neutral", expected one of entailment, not_entailment/.test(error.message) && /test\.jsonl:\d+/.test(error.message));
});

test('several systems want a choice; a mistyped one is named', async () => {
  const suite = writeSuite('systems', ['cola']);
  writeFileSync(path.join(suite, 'mini', 'cola', 'seed-1', 'all_results.json'), JSON.stringify({ task: 'cola', model: 'mini', init: 'random', seed: 1, eval_matthews_correlation: 0 }));
  writeRun(suite, 'cola', 2, 0.1);
  const output = path.join(suite, 'out.zip');
  await assert.rejects(writeSubmission({ directory: suite, output, missing: 'majority' }), (error) => error instanceof UsageError && /2 systems: mini, mini, random weights/.test(error.message));
  await assert.rejects(writeSubmission({ directory: suite, output, system: 'minni' }), /Did you mean "mini"/);
  assert.equal((await writeSubmission({ directory: suite, output, system: 'mini', missing: 'majority' })).system, 'mini');
});

/** A valid zip with some entries put in place of its own (undefined: left out). */
function foreign(changes: Readonly<Record<string, string | undefined>>): string[] {
  const files: Record<string, Uint8Array> = {};
  for (const file of submissionFiles) {
    if (file.name in changes) continue;
    files[file.name] = strToU8(submissionTable(file, new Array<string | number>(file.rows).fill(file.task.labels[0] ?? 2)));
  }
  for (const [name, text] of Object.entries(changes)) if (text !== undefined) files[name] = strToU8(text);
  return submissionFaults(zipSync(files, { level: 1 }), 'foreign.zip');
}

test('the check lists all faults of a foreign zip, each with file, line and column', () => {
  assert.deepEqual(foreign({}), []);
  const wnli = (change: (lines: string[]) => void): string => {
    const lines = submissionTable(fileOf('WNLI.tsv'), new Array<string>(146).fill('entailment')).split('\n');
    change(lines);
    return lines.join('\n');
  };
  assert.deepEqual(foreign({ 'WNLI.tsv': wnli((lines) => lines.splice(3, 1)) }).slice(0, 2), [
    'WNLI.tsv:4:1: index "3", expected 2: they count up from 0 in the order of the test file',
    'WNLI.tsv:5:1: index "4", expected 3: they count up from 0 in the order of the test file',
  ]);
  assert.deepEqual(foreign({ 'WNLI.tsv': wnli((lines) => { lines[0] = 'id\tlabel'; lines[2] = '1\tentailment'; lines[3] = '2'; lines[4] = '3\t0\t1'; }) }), [
    'WNLI.tsv:1:1: header "id\\tlabel", expected "index<TAB>prediction"',
    'WNLI.tsv:3:2: prediction "entailment", expected one of 0, 1',
    'WNLI.tsv:4:1: 1 tab-separated fields, expected an index and a prediction',
    'WNLI.tsv:5:1: 3 tab-separated fields, expected an index and a prediction',
  ]);
  assert.deepEqual(foreign({ 'WNLI.tsv': wnli((lines) => lines.splice(100)) }), ['WNLI.tsv: 99 rows, expected 146']);
  assert.deepEqual(foreign({ 'WNLI.tsv': undefined, 'wnli.tsv': 'x', 'glue/QQP.tsv': 'x' }), [
    '"wnli.tsv" is no file of a submission. Did you mean "WNLI.tsv"?',
    '"glue/QQP.tsv" lies in a folder: the zip must be flat',
    'WNLI.tsv is missing',
  ]);
  // CRLF and a byte order mark do no harm.
  assert.deepEqual(foreign({ 'WNLI.tsv': `\ufeff${wnli(() => undefined).replaceAll('\n', '\r\n')}` }), []);
  assert.throws(() => submissionFaults(strToU8('no zip at all'), 'x.zip'), (error) => error instanceof DataError && /^x\.zip: not a zip/.test(error.message));
  const whole = zipSubmission(new Map([['WNLI.tsv', wnli(() => undefined)]]));
  assert.throws(() => submissionFaults(whole.subarray(0, 200), 'cut.zip'), DataError);
});

test('scores out of range or that are no numbers are faults, and only the first five of a file are listed', () => {
  const stsb = fileOf('STS-B.tsv');
  const table = (score: string): string => `index\tprediction\n${Array.from({ length: stsb.rows }, (_, i) => `${i}\t${score}\n`).join('')}`;
  assert.deepEqual(tableFaults(stsb, table('4.5')), []);
  for (const score of ['5.1', '-0.01', 'nan', '1e400', '', '0x1', '1,5', 'Infinity']) {
    const faults = tableFaults(stsb, table(score));
    assert.equal(faults.length, 6, score);
    assert.equal(faults[0], `STS-B.tsv:2:2: prediction ${JSON.stringify(score)}, expected a number from 0 to 5`);
    assert.equal(faults[5], 'STS-B.tsv: and 1374 more');
  }
  for (const { task } of submissionFiles) if (task.kind === 'classification') assert.equal(fileLabels(task).length, task.labels.length);
});
