import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DataError, UsageError } from '../../src/data/errors.js';
import { type PrepareOptions, prepare } from '../prepare.js';
import { inventedText, temporaryFolder, testTokenizer, writeText } from '../testing/inventedText.js';
import { filesOf } from '../testing/preparedFolders.js';

const folder = temporaryFolder();
const tokenizer = testTokenizer();
const text = inventedText(9000, 8);
const plain = writeText(folder, 'plain.txt', text);
const packed = writeText(folder, 'packed.gz', gzipSync(inventedText(5000, 8, 2)));
const records = writeText(folder, 'records.jsonl', text.split('\n\n').map((document) => JSON.stringify({ text: document })).join('\n'));
const long = writeText(folder, 'long.txt', `${'river stone light '.repeat(200_000)}\nwind\n`);

async function run(name: string, changes: Partial<PrepareOptions>): Promise<string> {
  const output = path.join(folder, name);
  await prepare({ corpus: [plain, packed, records, long], tokenizer, output, ...changes });
  return output;
}

test('shards and manifest are the same, byte by byte, for any number of threads', async () => {
  for (const [kind, changes] of Object.entries({ kept: {}, dropped: { dropRepeated: 'both', splitSentences: true } } as const)) {
    const alone = filesOf(await run(`${kind}-1`, { ...changes, workers: 1, shardTokens: 70_000 }));
    assert.ok(Object.keys(alone).length > 10);
    for (const workers of [2, 3]) assert.deepEqual(filesOf(await run(`${kind}-${workers}`, { ...changes, workers, shardTokens: 70_000 })), alone, `${workers} threads`);
  }
});

test('bad input in a thread is the error that it is in this one, and the first in the text is told', async () => {
  const bad = (name: string, line: number): string => {
    const lines = Buffer.from('river stone light\n'.repeat(line - 1));
    return writeText(folder, name, Buffer.concat([lines, Buffer.from([0x61, 0xff]), lines]));
  };
  const first = bad('first.txt', 200_000);
  await assert.rejects(run('bad', { corpus: [first, bad('second.txt', 2)], workers: 3 }), (error) => error instanceof DataError && error.message.startsWith(`${first}:200000:2: byte 0xff`) && error.location?.line === 200_000 && error.hint !== undefined);
});

test('a number of threads that cannot be is refused', async () => {
  for (const workers of [0, 1.5, 1000]) await assert.rejects(run('refused', { workers }), (error) => error instanceof UsageError && error.message.includes('workers'));
});
