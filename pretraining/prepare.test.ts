import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BusyError, DataError, InterruptedError, UsageError } from '../src/data/errors.js';
import { acquireLock } from '../src/checkpoint/runLock.js';
import { BertTokenizer } from '../src/tokenizer/index.js';
import { openPrepared } from './manifest.js';
import { type PrepareOptions, type PrepareResult, prepare } from './prepare.js';
import { inventedText, temporaryFolder, testTokenizer, testVocabulary, writeText } from './testing/inventedText.js';
import { documentsOf } from './testing/preparedFolders.js';

const folder = temporaryFolder();
const tokenizer = testTokenizer();
let outputs = 0;

function run(corpus: readonly string[], changes: Partial<PrepareOptions> = {}): Promise<PrepareResult> {
  return prepare({ corpus, tokenizer, output: path.join(folder, `out-${outputs++}`), validationSplitPercentage: 5, ...changes });
}

const text = inventedText(120, 8);
const expected = text.trim().split('\n\n').map((document) => document.split('\n').map((line) => tokenizer.tokenize(line).join(' ')));

test('sentences and documents come back from the store as they stand in the text', async () => {
  const file = writeText(folder, 'text.txt', text);
  const output = path.join(folder, 'store');
  const { manifest, reused } = await run([file], { output });
  assert.equal(reused, false);
  const corpus = await openPrepared(output);
  assert.deepEqual(await documentsOf(corpus), expected);
  assert.equal(manifest.counts.documents, 120);
  assert.equal(manifest.counts.tokens, corpus.store.tokenCount);
  assert.deepEqual(readdirSync(output).filter((name) => name.endsWith('.partial')), []);
  const found = await BertTokenizer.fromPretrained(output);
  assert.deepEqual(found.vocab, testVocabulary);
});

test('CR LF, a byte order mark, gzip, a missing last newline, several files and shards make no difference', async () => {
  const cut = text.indexOf('\n\n', text.length >> 1) + 2;
  const first = writeText(folder, 'first.txt', `\ufeff${text.slice(0, cut).replaceAll('\n', '\r\n')}`);
  const second = writeText(folder, 'second.gz', gzipSync(text.slice(cut).trimEnd()));
  const output = path.join(folder, 'pieces');
  const { manifest } = await run([first, second], { output, shardTokens: 500 });
  assert.ok(manifest.shards.length > 3);
  const corpus = await openPrepared(output);
  assert.deepEqual(await documentsOf(corpus), expected);
  assert.deepEqual(manifest.heldOut, (await openPrepared(path.join(folder, 'store'))).manifest.heldOut);
});

test('held-out documents are chosen by their text: whole, apart from training, in every order the same', async () => {
  const documents = text.trim().split('\n\n');
  const output = path.join(folder, 'doubled');
  await run([writeText(folder, 'doubled.txt', [...documents].reverse().concat(documents).join('\n\n'))], { output });
  const corpus = await openPrepared(output);
  const all = await documentsOf(corpus);
  const textsOf = (list: Int32Array): Set<string> => new Set(Array.from(list, (document) => (all[document] ?? []).join('\n')));
  const [train, heldOut] = [textsOf(corpus.trainDocuments), textsOf(corpus.heldOutDocuments)];
  assert.deepEqual([...heldOut].filter((document) => train.has(document)), []);
  assert.equal(corpus.trainDocuments.length + corpus.heldOutDocuments.length, corpus.store.documentCount);
  const alone = await openPrepared(path.join(folder, 'store'));
  const aloneDocuments = await documentsOf(alone);
  assert.deepEqual([...heldOut].sort(), Array.from(alone.heldOutDocuments, (document) => (aloneDocuments[document] ?? []).join('\n')).sort());
  const { heldOutDocuments, heldOutTokens } = corpus.manifest.counts;
  assert.equal(heldOutDocuments, corpus.heldOutDocuments.length);
  assert.equal(heldOutTokens, all.flatMap((document, d) => (corpus.heldOutDocuments.includes(d) ? document : [])).join(' ').split(' ').length);
});

test('a small corpus still holds out two documents, a tiny one none, and 0 percent none', async () => {
  const heldOut = async (count: number, percent: number): Promise<number> => (await run([writeText(folder, `few-${count}.txt`, inventedText(count, 3, count))], { validationSplitPercentage: percent })).manifest.counts.heldOutDocuments;
  assert.equal(await heldOut(12, 1), 2);
  assert.equal(await heldOut(3, 1), 0);
  assert.equal(await heldOut(12, 0), 0);
  assert.ok((await heldOut(120, 50)) > 40);
});

test('the same call again reuses the folder, a damaged one is made again', async () => {
  const output = path.join(folder, 'again');
  const file = writeText(folder, 'again.txt', text);
  await run([file], { output });
  const shard = path.join(output, 'tokens-00000.arrow');
  const { mtimeMs } = statSync(shard);
  assert.equal((await run([file], { output })).reused, true);
  assert.equal(statSync(shard).mtimeMs, mtimeMs);
  const bytes = readFileSync(shard);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(shard, bytes);
  await assert.rejects(openPrepared(output), (error) => error instanceof DataError && error.message.includes('tokens-00000.arrow'));
  assert.equal((await run([file], { output })).reused, false);
  assert.equal((await openPrepared(output)).store.documentCount, 120);
});

test('other settings or another text are refused with the difference, unless overwriting', async () => {
  const output = path.join(folder, 'changed');
  const file = writeText(folder, 'changed.txt', text);
  await run([file], { output });
  const names = async (changes: Partial<PrepareOptions>, difference: string): Promise<void> => {
    await assert.rejects(run([file], { output, ...changes }), (error) => error instanceof UsageError && error.message.includes(difference), difference);
  };
  await names({ maxSeqLength: 64 }, 'maxSeqLength was 128, now 64');
  await names({ nextSentence: 'none' }, 'nextSentence was nsp, now none');
  await names({ tokenizer: BertTokenizer.fromVocab([...testVocabulary, 'more'], { lowercase: true }) }, 'tokenizerSha256');
  writeText(folder, 'changed.txt', text.replace('river', 'stone'));
  await names({}, 'changed');
  assert.equal((await run([file], { output, maxSeqLength: 64, overwrite: true })).manifest.settings.maxSeqLength, 64);
});

test('a folder with other files, or another kind of manifest, is refused', async () => {
  const file = writeText(folder, 'foreign.txt', text);
  await assert.rejects(run([file], { output: folder }), (error) => error instanceof UsageError && error.message.includes('other files'));
  const output = path.join(folder, 'store-of-another');
  await run([file], { output });
  writeFileSync(path.join(output, 'manifest.json'), '{"files":{}}');
  await assert.rejects(run([file], { output, overwrite: true }), (error) => error instanceof UsageError && error.message.includes('something else'));
});

test('bad input ends in an error that says where', async () => {
  const bad = writeText(folder, 'bad.txt', Buffer.concat([Buffer.from('river stone\nlight '), Buffer.from([0xe9, 0x20])]));
  await assert.rejects(run([bad]), (error) => error instanceof DataError && error.message.startsWith(`${bad}:2:7:`));
  const empty = writeText(folder, 'empty.txt', '\n  \n\n');
  await assert.rejects(run([empty]), (error) => error instanceof DataError && error.message.includes('empty'));
  await assert.rejects(run([path.join(folder, 'emty.txt')]), (error) => error instanceof UsageError && error.message.includes('empty.txt'));
  await assert.rejects(run([]), UsageError);
  await assert.rejects(run([bad], { shortSeqProb: 2 }), UsageError);
  await assert.rejects(run([bad], { dupeFactor: 2 }), /--dupe-factor is given without --masking static/);
});

test('a damaged manifest is a DataError that names the key', async () => {
  const output = path.join(folder, 'manifest');
  await run([writeText(folder, 'manifest.txt', text)], { output });
  const file = path.join(output, 'manifest.json');
  const good = readFileSync(file, 'utf8');
  for (const [from, to, named] of [['"vocabSize": ', '"vocabsize": ', 'vocabSize'], ['"nextSentence": "nsp"', '"nextSentence": "x"', 'nextSentence'], ['"version": 2', '"version": 3', 'version'], ['"splitSentences": false', '"splitSentences": 0', 'splitSentences'], ['"repeatedLines"', '"lines"', 'repeatedLines'], ['{', '', 'JSON']] as const) {
    writeFileSync(file, good.replace(from, to));
    await assert.rejects(openPrepared(output), (error) => error instanceof DataError && error.message.includes(named), named);
  }
  await assert.rejects(openPrepared(path.join(folder, 'nowhere')), UsageError);
});

test('words like __proto__ are ordinary text', async () => {
  const output = path.join(folder, 'proto');
  const { manifest } = await run([writeText(folder, 'proto.txt', '__proto__ constructor\nhasOwnProperty river\n\nstone\n')], { output, nextSentence: 'none', validationSplitPercentage: 0 });
  assert.deepEqual([manifest.counts.documents, manifest.counts.sentences], [2, 3]);
});

test('a very long line is split into sentences of one document', async () => {
  const output = path.join(folder, 'long');
  const words = 'river stone light '.repeat(150_000);
  const { manifest } = await run([writeText(folder, 'long.txt', `${words}\nwind\n\npaper`)], { output, nextSentence: 'none', validationSplitPercentage: 0 });
  assert.equal(manifest.counts.tokens, 450_000 + 2);
  assert.equal(manifest.counts.documents, 2);
  assert.ok(manifest.counts.sentences > 4);
});

test('an abort stops it without a manifest, and the folder can be used again', async () => {
  const output = path.join(folder, 'aborted');
  const file = writeText(folder, 'aborted.txt', text);
  await assert.rejects(run([file], { output, signal: AbortSignal.abort('SIGTERM') }), (error) => error instanceof InterruptedError && error.exitCode === 143);
  assert.ok(!existsSync(path.join(output, 'manifest.json')));
  assert.equal((await run([file], { output })).reused, false);
});

test('a folder that another run holds is refused', async () => {
  const output = path.join(folder, 'held');
  const file = writeText(folder, 'held.txt', text);
  await run([file], { output });
  const lock = await acquireLock(output);
  try {
    await assert.rejects(run([file], { output }), BusyError);
  } finally {
    await lock.release();
  }
});

test('progress reaches the end of all files', async () => {
  const seen: number[] = [];
  const file = writeText(folder, 'progress.txt', text);
  await run([file, file], { progress: ({ bytes, totalBytes }) => seen.push(bytes / totalBytes) });
  assert.equal(seen.at(-1), 1);
});
