import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { UsageError } from '../../src/data/errors.js';
import { type PrepareOptions, prepare } from '../prepare.js';
import { inventedText, temporaryFolder, testTokenizer, writeText } from '../testing/inventedText.js';
import { filesOf } from '../testing/preparedFolders.js';

const folder = temporaryFolder();
const tokenizer = testTokenizer();
const killed = fileURLToPath(new URL('../testing/killedPrepare.js', import.meta.url));
const shardTokens = 60_000;

// A document that fills more than a shard, a line that is cut, documents that come twice, several shards in one block.
const text = inventedText(3000, 8);
const corpus = [
  writeText(folder, 'first.txt', `${text}${'river stone light\n'.repeat(50_000)}\n${inventedText(500, 5, 3)}`),
  writeText(folder, 'second.gz', gzipSync(`${'paper north '.repeat(90_000)}\n${text}`)),
  writeText(folder, 'third.txt', inventedText(1000, 8, 2)),
];

function run(output: string, changes: Partial<PrepareOptions> = {}): Promise<{ readonly reused: boolean }> {
  return prepare({ corpus, tokenizer, output, shardTokens, dropRepeated: 'both', ...changes });
}

function runChild(output: string, at: number, workers = 1): { readonly signal: string | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(process.execPath, [killed, String(at), output, String(shardTokens), String(workers), 'both', ...corpus], { encoding: 'utf8' });
}

/** Leaves what a run leaves that is killed at its n-th renaming. */
function runAndKill(output: string, at: number, workers = 1): void {
  const { signal, stderr } = runChild(output, at, workers);
  assert.equal(signal, 'SIGKILL', `renaming ${at}: ${stderr}`);
}

let whole: Record<string, string>;
let renamings = 0;

test('a run of several shards, in one piece', () => {
  const output = path.join(folder, 'whole');
  renamings = Number(runChild(output, 0).stdout);
  whole = filesOf(output);
  const shards = Object.keys(whole).filter((name) => name.startsWith('tokens-')).length;
  assert.ok(shards >= 5, `${shards} shards`);
  assert.ok(renamings > 4 * shards, `${renamings} renamings`);
});

test('a killed run goes on after its last whole shard, and the result is the same byte by byte', async () => {
  // Four files of the tokenizer come first, twice: they are hashed elsewhere. Then a shard, its rows, resume.json, …; at last all are moved
  // to their places, the manifest last.
  for (const [at, workers, goesOn] of [[6, 1, false], [11, 1, false], [12, 2, true], [17, 2, true], [renamings - 8, 1, false], [renamings, 1, false]] as const) {
    const output = path.join(folder, `killed-${at}`);
    runAndKill(output, at, workers);
    assert.ok(!existsSync(path.join(output, 'manifest.json')));
    const notes: string[] = [];
    await run(output, { workers, note: (note) => notes.push(note) });
    assert.deepEqual(filesOf(output), whole, `killed at renaming ${at}`);
    assert.deepEqual(readdirSync(output).filter((name) => name.startsWith('.')), []);
    assert.equal(notes.some((note) => note.startsWith('going on after')), goesOn, `killed at renaming ${at}: ${notes.join()}`);
  }
});

test('killed again and again, it still comes to the end', async () => {
  const output = path.join(folder, 'again');
  for (let times = 0; times < 3; times++) runAndKill(output, 13);
  await run(output);
  assert.deepEqual(filesOf(output), whole);
});

test('an older corpus stays whole until the new one is', async () => {
  const output = path.join(folder, 'older');
  await run(output, { dropRepeated: 'none', shardTokens: 100_000 });
  const before = filesOf(output);
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', killOverwriting(output)], { encoding: 'utf8' });
  assert.equal(child.signal, 'SIGKILL', child.stderr);
  assert.deepEqual(filesOf(output), before);
  const notes: string[] = [];
  await run(output, { overwrite: true, note: (note) => notes.push(note) });
  assert.ok(notes.some((note) => note.startsWith('going on after')), notes.join());
  assert.deepEqual(filesOf(output), whole);
});

/** A program that overwrites a corpus and is killed when the third progress event comes. */
function killOverwriting(output: string): string {
  const url = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
  return `
    import { prepare } from ${url('../prepare.js')};
    import { testTokenizer } from ${url('../testing/inventedText.js')};
    let events = 0;
    const progress = () => { if (++events === 4) process.kill(process.pid, 'SIGKILL'); };
    await prepare({ ...${JSON.stringify({ corpus, output, shardTokens, dropRepeated: 'both', overwrite: true })}, tokenizer: testTokenizer(), progress });`;
}

test('other settings are refused while an unfinished corpus is there, a changed text begins it anew', async () => {
  const output = path.join(folder, 'changed');
  runAndKill(output, 12);
  await assert.rejects(run(output, { maxSeqLength: 64 }), (error) => error instanceof UsageError && error.message.includes('unfinished') && error.message.includes('maxSeqLength was 128, now 64'));
  utimesSync(corpus[2] as string, new Date(), new Date(Date.now() + 5000));
  const notes: string[] = [];
  await run(output, { note: (note) => notes.push(note) });
  assert.ok(notes.some((note) => note.includes('third.txt has changed')), notes.join());
  assert.deepEqual(filesOf(output), whole);
});

test('a damaged shard or record of an unfinished run begins it anew', async () => {
  for (const name of ['tokens-00001.arrow', 'rows-00000.bin', 'resume.json']) {
    const output = path.join(folder, 'damaged');
    rmSync(output, { recursive: true, force: true });
    runAndKill(output, 18);
    const file = path.join(output, '.preparing', name);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const notes: string[] = [];
    await run(output, { note: (note) => notes.push(note) });
    assert.ok(!notes.some((note) => note.startsWith('going on after')), notes.join());
    assert.deepEqual(filesOf(output), whole, name);
  }
});
