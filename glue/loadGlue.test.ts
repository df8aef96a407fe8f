import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DataError, UsageError } from '../src/data/errors.js';
import { loadGlue } from './loadGlue.js';

const shared = process.env['BERTWRIGHT_SHARED'] ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const glueDir = path.join(shared, 'data', 'glue');
const skip = existsSync(glueDir) ? false : `no GLUE data at ${glueDir}; set BERTWRIGHT_SHARED`;

/** Rows that the files at hand hold, as their SOURCES.md counts them; QQP's test file is not among them. */
const counts: readonly [task: string, split: string, rows: number][] = [
  ['CoLA', 'train', 8551], ['CoLA', 'dev', 1043], ['CoLA', 'test', 1063],
  ['SST-2', 'train', 67349], ['SST-2', 'dev', 872], ['SST-2', 'test', 1821],
  ['MRPC', 'train', 3668], ['MRPC', 'dev', 408], ['MRPC', 'test', 1725],
  ['STS-B', 'train', 5749], ['STS-B', 'dev', 1500], ['STS-B', 'test', 1379],
  ['QQP', 'train', 12095], ['QQP', 'dev', 40430],
  ['MNLI', 'train', 25676], ['MNLI', 'dev', 9815], ['MNLI', 'dev_mismatched', 9832], ['MNLI', 'test', 9796], ['MNLI', 'test_mismatched', 9847],
  ['QNLI', 'train', 14748], ['QNLI', 'dev', 5463], ['QNLI', 'test', 5463],
  ['RTE', 'train', 2490], ['RTE', 'dev', 277], ['RTE', 'test', 3000],
  ['WNLI', 'train', 635], ['WNLI', 'dev', 71], ['WNLI', 'test', 146],
  ['AX', 'test', 1104],
];

describe('the real files', { skip }, () => {
  for (const [task, split, rows] of counts) {
    test(`${task} ${split} has ${rows} rows, every text filled, labels only where they are gold`, async () => {
      const data = await loadGlue(glueDir, task, split);
      assert.equal(data.examples.length, rows);
      assert.equal(data.skipped, 0);
      const labelled = split.startsWith('test') === false;
      assert.ok(data.examples.every((example) => (example.label !== undefined) === labelled));
      assert.ok(data.examples.filter((example) => example.textA.trim() === '').length <= 2, 'more than two empty first texts');
      assert.ok(data.task.pair === (data.examples[0]?.textB !== undefined));
    });
  }
  test('quotes stay ordinary characters', async () => {
    const { examples } = await loadGlue(glueDir, 'mrpc', 'train');
    assert.equal(examples[0]?.textA, 'Amrozi accused his brother , whom he called " the witness " , of deliberately distorting his evidence .');
    assert.equal(examples[0]?.label, 1);
  });
  test('label words map to class numbers in Hugging Face order', async () => {
    const { examples } = await loadGlue(glueDir, 'rte', 'train');
    assert.equal(examples[0]?.label, 1, 'the first row is not_entailment');
  });
});

function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bertwright-glue-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    writeFileSync(path.join(dir, name), content);
  }
  return dir;
}

describe('reading', () => {
  test('a BOM, CRLF and a missing last newline are accepted', async () => {
    const dir = folderWith({ 'RTE/dev.tsv': '\ufeffindex\tsentence1\tsentence2\tlabel\r\n0\tA man eats.\tA man sleeps.\tnot_entailment\r\n1\tIt rains.\tIt is wet.\tentailment' });
    const { examples } = await loadGlue(dir, 'rte', 'validation');
    assert.deepEqual(examples.map(({ textA, textB, label, line }) => [textA, textB, label, line]), [
      ['A man eats.', 'A man sleeps.', 1, 2],
      ['It rains.', 'It is wet.', 0, 3],
    ]);
  });
  test('the folder is found in any case and without its hyphen', async () => {
    const dir = folderWith({ 'sst_2/dev.tsv': 'sentence\tlabel\nfine film\t1\n' });
    assert.equal((await loadGlue(dir, 'SST-2', 'dev')).examples.length, 1);
  });
  test('an unknown label names file, line, column, value and the allowed values', async () => {
    const dir = folderWith({ 'SST-2/dev.tsv': 'sentence\tlabel\nfine film\t1\npoor film\t2\n' });
    await assert.rejects(loadGlue(dir, 'sst2', 'dev'), (error) => error instanceof DataError && /dev\.tsv:3:2: label "2", expected one of 0, 1/.test(error.message));
  });
  test('a row with a missing field names its line and the expected count', async () => {
    const dir = folderWith({ 'SST-2/dev.tsv': 'sentence\tlabel\nfine film\n' });
    await assert.rejects(loadGlue(dir, 'sst2', 'dev'), /dev\.tsv:2:1: 1 tab-separated fields, expected 2/);
  });
  test('a missing column lists the header', async () => {
    const dir = folderWith({ 'SST-2/dev.tsv': 'sentense\tlabel\nfine film\t1\n' });
    await assert.rejects(loadGlue(dir, 'sst2', 'dev'), (error) => error instanceof DataError && /no column "sentence".*Did you mean "sentense"/.test(error.message) && /sentense, label/.test(error.hint ?? ''));
  });
  test('a score outside 0 to 5, or none, is refused', async () => {
    const header = 'index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n';
    for (const score of ['5.2', '', 'high', 'NaN']) {
      const dir = folderWith({ 'STS-B/dev.tsv': `${header}0\t-\t-\t-\t-\t-\t-\tA dog.\tA cat.\t${score}\n` });
      await assert.rejects(loadGlue(dir, 'stsb', 'dev'), new RegExp(`dev\\.tsv:2:10: score "${score}", expected a number from 0 to 5`));
    }
  });
  test('broken rows of QQP train are skipped and counted, those of QQP dev are an error', async () => {
    const content = 'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\tWhy?\tHow?\t0\nbroken row\n2\t3\t4\tWho?\tWho is it?\t1\n';
    const dir = folderWith({ 'QQP/train.tsv': content, 'QQP/dev.tsv': content });
    const { examples, skipped } = await loadGlue(dir, 'qqp', 'train');
    assert.deepEqual([examples.length, skipped], [2, 1]);
    await assert.rejects(loadGlue(dir, 'qqp', 'dev'), /dev\.tsv:3/);
  });
  test('bytes that are not UTF-8 name line and column', async () => {
    const dir = folderWith({ 'SST-2/dev.tsv': Buffer.concat([Buffer.from('sentence\tlabel\nfine film\t1\ncaf'), Buffer.from([0xe9]), Buffer.from(' scene\t1\n')]) });
    await assert.rejects(loadGlue(dir, 'sst2', 'dev'), /dev\.tsv:3:4: the bytes here are not UTF-8/);
  });
  test('names of tasks, splits, folders and files suggest the near match', async () => {
    const dir = folderWith({ 'SST-2/devel.tsv': 'sentence\tlabel\n' });
    const cases: readonly [string, string, RegExp][] = [
      ['sst3', 'dev', /unknown task "sst3". Did you mean "sst2"/],
      ['mnli', 'validation_mismached', /Did you mean "validation_mismatched"/],
      ['sst2', 'tset', /no split "tset". Did you mean "test"/],
      ['sst2', 'dev', /no file dev.tsv .* Did you mean "devel.tsv"/],
    ];
    for (const [task, split, message] of cases) {
      await assert.rejects(loadGlue(dir, task, split), (error) => error instanceof UsageError && message.test(error.message));
    }
  });
  test('an empty file and a file with a header alone are errors', async () => {
    await assert.rejects(loadGlue(folderWith({ 'SST-2/dev.tsv': '' }), 'sst2', 'dev'), /the file is empty/);
    await assert.rejects(loadGlue(folderWith({ 'SST-2/dev.tsv': 'sentence\tlabel\n' }), 'sst2', 'dev'), /no rows/);
  });
  test('__proto__ and constructor are ordinary texts', async () => {
    const dir = folderWith({ 'CoLA/dev.tsv': 'x\t1\t\t__proto__\nx\t0\t*\tconstructor\n' });
    assert.deepEqual((await loadGlue(dir, 'cola', 'dev')).examples.map((example) => example.textA), ['__proto__', 'constructor']);
  });
});
