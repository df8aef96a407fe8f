/** The layouts of the Hugging Face Hub and the datasets library give the rows and labels of the release's TSV. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tableFromArrays, tableToIPC, vectorFromArray, Int64, Utf8 } from 'apache-arrow';
import { DataError, UsageError } from '../src/data/errors.js';
import { type GlueExample, loadGlue } from './loadGlue.js';
import { numberText } from './tables/columnarRows.js';
import { glueTasks } from './tasks.js';

const shared = process.env['BERTWRIGHT_SHARED'] ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const glueDir = path.join(shared, 'data', 'glue');
const skip = existsSync(glueDir) ? false : `no GLUE data at ${glueDir}; set BERTWRIGHT_SHARED`;
const fixtures = fileURLToPath(new URL('../../glue/fixtures/tables', import.meta.url));

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-hub-'));
after(() => rmSync(folder, { recursive: true }));

function put(file: string, content: string | Uint8Array): void {
  mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  writeFileSync(path.join(folder, file), content);
}

test("numbers of 32-bit columns are the decimals that were written", () => {
  for (const [value, text] of [[Math.fround(2.6), '2.6'], [Math.fround(3.8124), '3.8124'], [2.6, '2.6'], [0.1 + 0.2, '0.30000000000000004'], [2.5, '2.5'], [-1, '-1'], [67108868, '67108868'], [Math.fround(1 / 3), '0.33333334']] as const) assert.equal(numberText(value), text);
});

test("AX lies in a folder of its own name, or of the download script's", { skip }, async () => {
  mkdirSync(path.join(folder, 'downloaded', 'diagnostic'), { recursive: true });
  copyFileSync(path.join(glueDir, 'AX', 'diagnostic.tsv'), path.join(folder, 'downloaded', 'diagnostic', 'diagnostic.tsv'));
  assert.equal((await loadGlue(path.join(folder, 'downloaded'), 'ax', 'test')).examples.length, 1104);
});

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** The rows in one of the formats, with the Hub's columns; a test set's labels are -1 as there. */
function formatted(ending: string, columns: readonly string[], rows: readonly GlueExample[]): string | Uint8Array {
  const texts = (row: GlueExample): string[] => [row.textA, row.textB ?? ''].slice(0, columns.length);
  if (ending === 'csv') return `${[...columns, 'label', 'idx'].join(',')}\r\n${rows.map((row) => [...texts(row).map(quoted), row.label ?? -1, row.index].join(',')).join('\r\n')}\r\n`;
  if (ending === 'jsonl') return rows.map((row) => `${JSON.stringify({ ...Object.fromEntries(texts(row).map((text, i) => [columns[i], text])), label: row.label ?? -1, idx: row.index })}\n`).join('');
  const vectors = Object.fromEntries(columns.map((column, i) => [column, vectorFromArray(rows.map((row) => texts(row)[i] ?? ''), new Utf8())]));
  const label = rows.some((row) => !Number.isInteger(row.label ?? -1)) ? Float64Array.from(rows, (row) => row.label ?? -1) : vectorFromArray(rows.map((row) => BigInt(row.label ?? -1)), new Int64());
  return tableToIPC(tableFromArrays({ ...vectors, label } as Parameters<typeof tableFromArrays>[0]), 'stream');
}

const cases: readonly [task: 'cola' | 'mrpc' | 'stsb' | 'rte' | 'wnli' | 'mnli', split: string, hubName: string][] = [
  ['cola', 'dev', 'validation'],
  ['mrpc', 'dev', 'validation'],
  ['mrpc', 'test', 'test'],
  ['stsb', 'dev', 'validation'],
  ['rte', 'dev', 'validation'],
  ['wnli', 'train', 'train'],
  ['mnli', 'dev', 'validation_matched'],
  ['mnli', 'dev_mismatched', 'validation_mismatched'],
];

for (const ending of ['csv', 'jsonl', 'arrow'] as const) {
  test(`real rows as .${ending}: the texts, labels and numbers of the release`, { skip }, async () => {
    for (const [task, split, hubName] of cases) {
      const release = await loadGlue(glueDir, task, split);
      put(`${ending}/${task}/${hubName}.${ending}`, formatted(ending, glueTasks[task].hubColumns, release.examples));
      const { examples, officialRows } = await loadGlue(path.join(folder, ending), task, split);
      assert.equal(officialRows, release.officialRows);
      assert.deepEqual(examples.map(({ line: _, ...row }) => row), release.examples.map(({ line: _, ...row }) => row), `${task} ${split}`);
    }
  });
}

test('Parquet in one file, in shards and in the folder of a split; labels of 64 bits', async () => {
  for (const name of ['a/mrpc/train.parquet', 'b/MRPC/train-00000-of-00002.parquet', 'b/MRPC/train-00001-of-00002.parquet', 'c/mrpc/train/0000.parquet']) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    copyFileSync(path.join(fixtures, 'zstd.parquet'), path.join(folder, name));
  }
  const labels = [1, 0, 0, 1, 0];
  assert.deepEqual((await loadGlue(path.join(folder, 'a'), 'mrpc', 'train')).examples.map(({ label }) => label), labels);
  const { examples, files } = await loadGlue(path.join(folder, 'b'), 'mrpc', 'train');
  assert.deepEqual(examples.map(({ label, index }) => [label, index]), [...labels, ...labels].map((label, index) => [label, index]));
  assert.deepEqual(files.map((file) => path.basename(file)), ['train-00000-of-00002.parquet', 'train-00001-of-00002.parquet']);
  assert.equal((await loadGlue(path.join(folder, 'c'), 'mrpc', 'train')).examples.length, 5);
});

test('the release goes before tables, Parquet before JSON lines; a shard that is absent, and a folder with neither, are named', async () => {
  put('d/RTE/train.tsv', 'index\tsentence1\tsentence2\tlabel\n0\tfrom\tthe release\tentailment\n');
  put('d/RTE/train.jsonl', '{"sentence1":"from","sentence2":"jsonl","label":0}\n');
  assert.equal((await loadGlue(path.join(folder, 'd'), 'rte', 'train')).examples[0]?.textB, 'the release');
  put('e/rte/train-00000-of-00002.jsonl', '{"sentence1":"a","sentence2":"b","label":0}\n');
  await assert.rejects(loadGlue(path.join(folder, 'e'), 'rte', 'train'), (error) => error instanceof DataError && /train-00000-of-00002\.jsonl: expected 2, numbered from 0/.test(error.message));
  await assert.rejects(loadGlue(path.join(folder, 'e'), 'rte', 'dev'), (error) => error instanceof UsageError && /no file dev\.tsv in .*nor validation as \.parquet/.test(error.message) && /train-00000/.test(error.hint ?? ''));
});

test('labels may be names; a wrong one, a missing column and a missing value name file, line and what was expected', async () => {
  put('f/rte/train.jsonl', '{"sentence1":"a","sentence2":"b","label":"not_entailment"}\n{"sentence1":"a","sentence2":"b","label":"entailment"}\n');
  assert.deepEqual((await loadGlue(path.join(folder, 'f'), 'rte', 'train')).examples.map(({ label }) => label), [1, 0]);
  const wrong: readonly [content: string, message: RegExp][] = [
    ['{"sentence1":"a","sentence2":"b","label":2}\n', /train\.jsonl:1:3: label "2", expected one of entailment, not_entailment, 0, 1/],
    ['{"sentence1":"a","sentence2":"b","label":0}\n{"sentence1":"a","sentence2":"b","label":-1}\n', /train\.jsonl:2:3: label "-1"/],
    ['{"sentence1":"a","sentence3":"b","label":0}\n', /no column "sentence2"\. Did you mean "sentence[13]"/],
    ['{"sentence1":"a","sentence2":"b","label":0}\n{"sentence1":"a","label":0}\n', /train\.jsonl:2: no value for "sentence2"/],
  ];
  for (const [content, message] of wrong) {
    put('g/rte/train.jsonl', content);
    await assert.rejects(loadGlue(path.join(folder, 'g'), 'rte', 'train'), (error) => error instanceof DataError && message.test(error.message), content);
  }
});
