/** What becomes of the text: kinds of files, documents, sentences, repeats. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DataError, UsageError } from '../../src/data/errors.js';
import { openPrepared, type PreparedManifest } from '../manifest.js';
import { type PrepareOptions, prepare } from '../prepare.js';
import { temporaryFolder, testTokenizer, writeText } from '../testing/inventedText.js';
import { documentsOf } from '../testing/preparedFolders.js';

const folder = temporaryFolder();
const tokenizer = testTokenizer();
let outputs = 0;

async function run(corpus: readonly string[], changes: Partial<PrepareOptions> = {}): Promise<{ documents: string[][]; manifest: PreparedManifest }> {
  const output = path.join(folder, `out-${outputs++}`);
  await prepare({ corpus, tokenizer, output, validationSplitPercentage: 0, nextSentence: 'none', ...changes });
  const prepared = await openPrepared(output);
  return { documents: await documentsOf(prepared), manifest: prepared.manifest };
}

test('a JSON record is a document, its lines are sentences', async () => {
  const records = [{ id: 1, text: 'river stone\n\nlight\r\nwind' }, { text: '' }, { text: 'paper', title: 'open' }];
  const text = `${records.map((record) => JSON.stringify(record)).join('\n\n')}\n`;
  const expected = [['river stone', 'light', 'wind'], ['paper']];
  assert.deepEqual((await run([writeText(folder, 'records.jsonl', text)])).documents, expected);
  assert.deepEqual((await run([writeText(folder, 'records.jsonl.gz', gzipSync(text))])).documents, expected);
  const { documents, manifest } = await run([writeText(folder, 'bodies.ndjson', '{"body":"north","text":5}\n{"body":"glass"}')], { textKey: 'body' });
  assert.deepEqual(documents, [['north'], ['glass']]);
  assert.equal(manifest.settings.textKey, 'body');
});

test('a file of records beside one of text: each file ends its document', async () => {
  const plain = writeText(folder, 'plain.txt', 'river\nstone');
  assert.deepEqual((await run([plain, writeText(folder, 'more.jsonl', '{"text":"wind"}'), plain])).documents, [['river', 'stone'], ['wind'], ['river', 'stone']]);
});

test('bad records are named by line, and say what was found', async () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{"text":"river"}\n{"text":"stone"\n', ':2:16: not JSON'],
    ['{"txt":"river","id":1}', ':1: the record has no "text"; it has txt, id. Did you mean "txt"?'],
    ['{"text":"river"}\n\n["river"]', ':3: found a list; expected a JSON object'],
    ['null', ':1: found null'],
    ['{"text":7}', '"text" is 7; expected a text'],
    ['{"__proto__":{"text":"river"}}', 'the record has no "text"'],
    [`${'['.repeat(100_000)}`, 'not JSON'],
  ];
  for (const [text, expected] of cases) {
    const file = writeText(folder, 'bad.jsonl', text);
    await assert.rejects(run([file]), (error) => error instanceof DataError && error.message.startsWith(file) && error.message.includes(expected), expected);
  }
  await assert.rejects(run([writeText(folder, 'no-records.txt', 'river')], { textKey: 'text' }), (error) => error instanceof UsageError && error.message.includes('--text-key'));
});

test('a record of many megabytes is read whole', async () => {
  const text = 'river stone '.repeat(300_000);
  const { documents, manifest } = await run([writeText(folder, 'long.jsonl', `${JSON.stringify({ text })}\n${JSON.stringify({ text: 'wind' })}`)]);
  assert.deepEqual([documents.length, documents[0]?.length, documents[1]], [2, 1, ['wind']]);
  assert.equal(manifest.counts.tokens, 600_001);
});

test('a document a line', async () => {
  const { documents } = await run([writeText(folder, 'lines.txt', 'river stone\n\nlight\nwind')], { documents: 'line' });
  assert.deepEqual(documents, [['river stone'], ['light'], ['wind']]);
  const long = 'river stone light '.repeat(150_000);
  const { manifest } = await run([writeText(folder, 'long-lines.txt', `wind\n${long}\n${long}\npaper`)], { documents: 'line' });
  assert.deepEqual([manifest.counts.documents, manifest.counts.lines, manifest.counts.longLines, manifest.counts.tokens], [4, 4, 2, 900_002]);
});

test('running text is split into sentences where asked', async () => {
  const file = writeText(folder, 'running.txt', 'The river. Stone light. "Wind?" after.\nPaper north.\n\nGlass.');
  const { documents, manifest } = await run([file], { splitSentences: true });
  assert.deepEqual(documents.map((document) => document.length), [4, 1]);
  assert.equal(documents[0]?.[3], 'paper north .');
  assert.equal(manifest.settings.icuVersion, process.versions['icu']);
  assert.deepEqual((await run([file])).documents.map((document) => document.length), [2, 1]);
});

test('Unicode is normalized only where asked', async () => {
  const file = writeText(folder, 'wide.txt', 'ｒｉｖｅｒ stone');
  assert.deepEqual((await run([file])).documents, [['[UNK] stone']]);
  assert.deepEqual((await run([file], { unicodeNormalization: 'nfc' })).documents, [['[UNK] stone']]);
  assert.deepEqual((await run([file], { unicodeNormalization: 'nfkc' })).documents, [['river stone']]);
});

test('control characters and white space are BERT\'s', async () => {
  const { documents, manifest } = await run([writeText(folder, 'controls.txt', 'ri\u0000v\u200ber\u00a0\tstone\u3000light\n\u0001\nwind\n')]);
  assert.deepEqual(documents, [['river stone light', 'wind']]);
  assert.deepEqual([manifest.counts.lines, manifest.counts.sentences, manifest.counts.emptySentences], [3, 2, 1]);
});

const repeating = ['river stone', ' wind', '', 'river stone', 'light', '', 'river stone', 'wind ', '', 'river stone', ' wind', '', 'paper'].join('\n');

test('repeated lines and documents are counted', async () => {
  const { documents, manifest } = await run([writeText(folder, 'repeating.txt', repeating)]);
  assert.equal(documents.length, 5);
  // The spelling of the third document differs by blanks.
  assert.deepEqual(manifest.repeats, { linesCompared: 9, allLinesCompared: true, repeatedLines: 5, droppedLines: 0, repeatedDocuments: 1, droppedDocuments: 0 });
});

test('repeated lines, documents or both are dropped where asked', async () => {
  const file = writeText(folder, 'repeating.txt', repeating);
  const lines = await run([file], { dropRepeated: 'lines' });
  assert.deepEqual(lines.documents, [['river stone', 'wind'], ['light'], ['paper']]);
  assert.deepEqual([lines.manifest.repeats?.droppedLines, lines.manifest.repeats?.droppedDocuments], [5, 0]);
  const whole = await run([file], { dropRepeated: 'documents' });
  assert.deepEqual(whole.documents, [['river stone', 'wind'], ['river stone', 'light'], ['river stone', 'wind'], ['paper']]);
  assert.deepEqual([whole.manifest.repeats?.repeatedDocuments, whole.manifest.repeats?.droppedDocuments, whole.manifest.counts.tokens], [1, 1, 10]);
  assert.deepEqual((await run([file], { dropRepeated: 'both' })).documents, lines.documents);
});

test('an empty file among others is passed over', async () => {
  assert.deepEqual((await run([writeText(folder, 'empty.txt', ''), writeText(folder, 'one.txt', 'river')])).documents, [['river']]);
});
