import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { parseCsv } from '../glue/tables/csv.js';
import { readTable } from '../glue/tables/readTable.js';
import { DataError, UsageError } from '../src/data/errors.js';
import { loadOwnData, readTexts } from './ownData.js';


let folder = '';
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bertwright-own-'));
});
after(async () => {
  await rm(folder, { recursive: true });
});

async function file(name: string, text: string): Promise<string> {
  const target = path.join(folder, name);
  await writeFile(target, text);
  return target;
}

test('CSV fields in quotes hold commas, line ends and doubled quotes; records keep the line they start on', () => {
  const records = parseCsv('a,b\r\n"x, ""y""\nz",1\n\nlast,\n', 'f.csv');
  assert.deepEqual(records, [
    { line: 1, fields: ['a', 'b'] },
    { line: 2, fields: ['x, "y"\nz', '1'] },
    { line: 5, fields: ['last', ''] },
  ]);
  assert.deepEqual(parseCsv('a,"b"', 'f.csv'), [{ line: 1, fields: ['a', 'b'] }]);
});

test('a quote that is never closed and text after a closing one are errors with their line', () => {
  assert.throws(() => parseCsv('a,b\n"x,1\n', 'f.csv'), /f\.csv:2: a quoted field is never closed/);
  assert.throws(() => parseCsv('a,b\n"x"y,1\n', 'f.csv'), /f\.csv:2: "y" after a closing quote/);
});

test('a row with another number of fields names file and line; a BOM is no part of the first name', async () => {
  const wrong = await file('wrong.csv', 'text,label\nfine,1\none,two,three\n');
  await assert.rejects(readTable(wrong), (error) => error instanceof DataError && /wrong\.csv:3: 3 fields, expected 2/.test(error.message));
  const bom = await readTable(await file('bom.tsv', '\ufefftext\tlabel\r\n"a\t1\r\n'));
  assert.deepEqual(bom.columns, ['text', 'label']);
  assert.equal(bom.rows[0]?.cells.get('text'), '"a');
});

test('JSON lists, JSON lines and data objects give the same rows; a word like __proto__ is an ordinary column', async () => {
  const list = await readTable(await file('a.json', '[{"text":"x","label":1},{"text":"y","label":true}]'));
  const lines = await readTable(await file('b.jsonl', '{"text":"x","label":1}\n\n{"text":"y","label":true}\n'));
  const data = await readTable(await file('c.json', '{"data":[{"text":"x","label":1},{"text":"y","label":true}]}'));
  const cells = (table: typeof list) => table.rows.map((row) => [...row.cells.values()]);
  assert.deepEqual(cells(list), [['x', '1'], ['y', 'true']]);
  assert.deepEqual(cells(lines), cells(list));
  assert.deepEqual(cells(data), cells(list));
  assert.equal(lines.rows[1]?.line, 3);
  const odd = await readTable(await file('d.jsonl', '{"__proto__":"x","label":"0"}\n'));
  assert.deepEqual(odd.columns, ['__proto__', 'label']);
  await assert.rejects(readTable(await file('e.jsonl', '{"text":"x"}\n{oops\n')), /e\.jsonl:2: not JSON/);
});

test('own data: labels come sorted from the training file, and one that it lacks is refused with the row', async () => {
  const trainFile = await file('train.csv', 'sentence1,sentence2,label\na,b,10\nc,d,9\ne,f,10\n');
  const validationFile = await file('dev.csv', 'sentence1,sentence2,label\na,b,9\n');
  const data = await loadOwnData({ trainFile, validationFile });
  assert.deepEqual(data.spec.labels, ['9', '10']);
  assert.equal(data.spec.pair, true);
  assert.deepEqual(data.train.examples.map(({ label }) => label), [1, 0, 1]);
  assert.equal(data.dev[0]?.examples[0]?.label, 0);
  const other = await file('other.csv', 'sentence1,sentence2,label\na,b,9\nx,y,7\n');
  await assert.rejects(loadOwnData({ trainFile, validationFile: other }), /other\.csv:3: label "7", expected one of 9, 10/);
});

test('own data: a metric fits the kind of labels', async () => {
  const trainFile = await file('three.csv', 'text,label\na,1\nb,2\nc,3\n');
  await assert.rejects(loadOwnData({ trainFile, metricName: 'f1' }), /f1 does not fit 3 labels/);
  await assert.rejects(loadOwnData({ trainFile, metricName: 'pearson' }), /pearson does not fit 3 labels/);
  await assert.rejects(loadOwnData({ trainFile, metricName: 'accuracy', doRegression: true }), /accuracy does not fit scores/);
  assert.deepEqual((await loadOwnData({ trainFile, metricName: 'spearmanr', doRegression: true })).spec.metrics, ['spearmanr']);
});

test('own data: a wrong column and a wrong metric suggest the near match; regression wants numbers', async () => {
  const trainFile = await file('scores.jsonl', '{"review":"good","score":4.5}\n{"review":"bad","score":"low"}\n');
  await assert.rejects(loadOwnData({ trainFile, labelColumnName: 'scores' }), (error) => error instanceof UsageError && /Did you mean "score"/.test(error.message));
  await assert.rejects(loadOwnData({ trainFile, labelColumnName: 'score', metricName: 'acuracy' }), /Did you mean "accuracy"/);
  await assert.rejects(loadOwnData({ trainFile, labelColumnName: 'score', doRegression: true }), /scores\.jsonl:2: label "low", expected a number/);
  assert.deepEqual(await readTexts(trainFile, { labelColumnName: 'score' }), [{ textA: 'good', textB: undefined }, { textA: 'bad', textB: undefined }]);
});

test('an absent table suggests the near match, bytes that are not UTF-8 name line and column', async () => {
  const there = await file('reviews.csv', 'text,label\nfine,1\n');
  await assert.rejects(readTable(there.replace('reviews', 'revews')), (error) => error instanceof UsageError && /Did you mean "reviews\.csv"/.test(error.message));
  const latin = path.join(folder, 'latin.csv');
  await writeFile(latin, Buffer.concat([Buffer.from('text,label\ncaf'), Buffer.from([0xe9]), Buffer.from(',1\n')]));
  await assert.rejects(readTable(latin), (error) => error instanceof DataError && /latin\.csv:2:4: the bytes here are not UTF-8/.test(error.message));
});
