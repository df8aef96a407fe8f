import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { BertwrightError, DataError, InterruptedError } from '../data/errors.js';
import { Random } from '../data/random.js';
import type { NormalizerOptions } from './normalizer.js';
import { temporaryFolder } from './testing.js';
import { type CorpusOptions, countCorpus } from './vocabCorpus.js';
import { trainVocabulary } from './vocabTrainer.js';
import { CountingWorkers } from './wordCountWorkers.js';

const folder = temporaryFolder();
const uncased: NormalizerOptions = { cleanText: true, tokenizeChineseChars: true, stripAccents: true, lowercase: true };
const threadCounts = [1, 2, 3, 4];

/** Lines of words that are more and less frequent, with capitals, accents, punctuation and blank lines. */
function makeLines(seed: number, count: number): string[] {
  const random = new Random(seed);
  const syllables = ['ba', 'Ki', 'lö', 'mu', 'ne', 'rÉ', 'so', 'tà', 'vy', '中'];
  const word = (): string => {
    // The square makes small numbers, and so some words, more frequent.
    let n = Math.floor(random.uniform() ** 2 * 3000);
    let text = '';
    do {
      text += syllables[n % 10];
      n = Math.floor(n / 10);
    } while (n > 0);
    return text;
  };
  return Array.from({ length: count }, (_, i) => (i % 13 === 5 ? '' : Array.from({ length: 1 + random.integer(12) }, word).join(i % 3 === 0 ? ', ' : ' ')));
}

function writeFiles(): string[] {
  const plain = path.join(folder, 'a.txt');
  const crlf = path.join(folder, 'b.txt');
  const packed = path.join(folder, 'c.txt.gz');
  writeFileSync(plain, makeLines(1, 3000).join('\n'));
  writeFileSync(crlf, `\ufeff${makeLines(2, 1000).join('\r\n')}\r\n`);
  writeFileSync(packed, gzipSync(makeLines(3, 1500).join('\n')));
  return [plain, crlf, packed];
}

describe('a vocabulary does not depend on the number of threads', () => {
  const files = writeFiles();
  const train = (threads: number, limits: { portionUnits?: number; maxDistinct?: number }) => trainVocabulary({ files, vocabSize: 600, lowercase: true, threads }, limits);

  test('of 1, 2, 3 and 4 threads, and of one portion', async () => {
    const whole = await train(1, {});
    assert.equal(whole.length, 600);
    for (const threads of threadCounts) assert.deepEqual(await train(threads, { portionUnits: 4096 }), whole, `${threads} threads`);
  });

  test('nor where there are too many words to hold', async () => {
    const limits = { portionUnits: 4096, maxDistinct: 300 };
    const pruned = await train(1, limits);
    assert.notDeepEqual(pruned, await train(1, { portionUnits: 4096 }), 'the words that were forgotten are missed');
    for (const threads of threadCounts) assert.deepEqual(await train(threads, limits), pruned, `${threads} threads`);
  });

  test('words and counts come in the order of the corpus', async () => {
    const lines = makeLines(4, 2000);
    const counts = (threads: number) => countCorpus({ lines, threads }, uncased, { portionUnits: 2048 });
    const alone = await counts(1);
    const expected = new Map<string, number>();
    for (const { word, count } of alone) expected.set(word, count);
    assert.equal(expected.size, alone.length);
    const spelled = lines.join(' ').toLowerCase().normalize('NFD').replaceAll(/\p{Mn}/gu, '').replaceAll(/[中,]/g, ' $& ').split(/\s+/).filter((word) => word !== '');
    const byHand = new Map<string, number>();
    for (const word of spelled) byHand.set(word, (byHand.get(word) ?? 0) + 1);
    assert.deepEqual(expected, byHand);
    for (const threads of [2, 3]) assert.deepEqual(await counts(threads), alone, `${threads} threads`);
  });
});

describe('JSON lines', () => {
  const lines = makeLines(9, 700);
  const write = (name: string, key: string, bytes: (text: Buffer) => Uint8Array = (text) => text): string => {
    const file = path.join(folder, name);
    writeFileSync(file, bytes(Buffer.from(lines.map((line, i) => `${JSON.stringify({ id: i, [key]: line })}\n${i % 9 === 0 ? '\n' : ''}`).join(''))));
    return file;
  };

  test('give the words of their texts alone, packed or not, by any key', async () => {
    const expected = await countCorpus({ lines, threads: 1 }, uncased);
    for (const [file, textKey] of [[write('a.jsonl', 'text'), undefined], [write('b.jsonl', 'body'), 'body'], [write('c.ndjson.gz', 'text', gzipSync), undefined]] as const) {
      assert.deepEqual(await countCorpus({ files: [file], textKey, threads: 2 }, uncased, { portionUnits: 4096 }), expected, file);
    }
  });

  test('a record without the key is named by file and line', async () => {
    await assert.rejects(countCorpus({ files: [write('d.jsonl', 'txet')], threads: 1 }, uncased), (error) => error instanceof DataError && /d\.jsonl:1: the record has no "text"; it has id, txet/.test(error.message));
  });
});

describe('what goes wrong while threads count', () => {
  const limits = { portionUnits: 1024 };

  test('a byte that is not UTF-8 is named by file, line and column', async () => {
    const file = path.join(folder, 'latin1.txt');
    writeFileSync(file, Buffer.concat([Buffer.from(`${makeLines(5, 900).join('\n')}\nsome caf`), Buffer.from([0xe9, 0x20]), Buffer.from('more\n')]));
    for (const threads of [1, 3]) {
      await assert.rejects(countCorpus({ files: [file], threads }, uncased, limits), (error) => error instanceof DataError && error.message.startsWith(`${file}:901:9: byte 0xe9`));
    }
  });

  test('a signal stops it with the exit code of the signal', async () => {
    const lines = makeLines(6, 500);
    function* endless(): Generator<string> {
      for (let i = 0; ; i++) yield lines[i % lines.length] ?? '';
    }
    for (const [reason, exitCode] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
      const controller = new AbortController();
      const options: CorpusOptions = { lines: endless(), threads: 3, signal: controller.signal, onProgress: ({ done }) => done > 2000 && controller.abort(reason) };
      await assert.rejects(countCorpus(options, uncased, limits), (error) => error instanceof InterruptedError && error.exitCode === exitCode);
    }
  });

  test('what ends a thread is what the portions it had fail with', async () => {
    const failing = new CountingWorkers(1, uncased, new URL('data:text/javascript,throw new TypeError("broken");'));
    const tasks = [failing.count('a'), failing.count('b')];
    for (const task of tasks) await assert.rejects(async () => task?.result(), /^TypeError: broken$/);
    assert.equal(failing.count('c'), undefined, 'a thread that is gone takes no more');
    await failing.close();
    const leaving = new CountingWorkers(1, uncased, new URL('data:text/javascript,process.exit(3);'));
    await assert.rejects(async () => leaving.count('a')?.result(), /ended with exit code 3/);
    await leaving.close();
    const full = new CountingWorkers(1, uncased, new URL('data:text/javascript,throw Object.assign(new Error("limit"), { code: "ERR_WORKER_OUT_OF_MEMORY" });'));
    await assert.rejects(async () => full.count('a')?.result(), (error) => error instanceof BertwrightError && /ran out of memory \(limit\)/.test(error.message) && /--threads/.test(error.hint ?? ''));
    await full.close();
  });
});

describe('threads', () => {
  test('are started where there is work, and hold no more than two portions each', async () => {
    const workers = new CountingWorkers(2, uncased);
    const tasks = ['a b', 'c', 'd', 'e', 'f'].map((text) => workers.count(text));
    assert.equal(workers.started, 2);
    assert.deepEqual(tasks.map((task) => task !== undefined), [true, true, true, true, false]);
    assert.deepEqual(await tasks[0]?.result(), { text: 'a\nb\n', counts: Uint32Array.of(1, 1) });
    assert.deepEqual(tasks[0]?.counted, await tasks[0]?.result());
    await workers.close();
  });

  /** Trains in a program of its own, given on the command line; what it prints: entries, and how many threads were started. */
  function trainApart(options: object): string {
    const program = `
      import { trainVocabulary } from ${JSON.stringify(pathToFileURL(path.join(import.meta.dirname, 'index.js')).href)};
      import { Worker } from 'node:worker_threads';
      const nextThreadId = () => new Worker('', { eval: true }).threadId;
      const before = nextThreadId();
      const vocab = await trainVocabulary(${JSON.stringify({ vocabSize: 100, lowercase: true, ...options })});
      console.log(vocab.length + ' entries, ' + (nextThreadId() - before - 1) + ' threads');`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    assert.equal(stderr, '');
    return stdout;
  }

  test('none is started for a corpus of less than a portion', () => {
    assert.match(trainApart({ lines: ['small small corpus'], threads: 8 }), /^\d+ entries, 0 threads\n$/);
  });

  test('of --threads 2 one is started beside the one that reads, for 7 MB', () => {
    const corpus = path.join(folder, 'large.txt');
    writeFileSync(corpus, `${makeLines(7, 1000).join('\n')}\n`.repeat(150));
    assert.ok(statSync(corpus).size > 5e6);
    assert.equal(trainApart({ files: [corpus], threads: 2 }), '100 entries, 1 threads\n');
    assert.equal(trainApart({ files: [corpus], threads: 1 }), '100 entries, 0 threads\n');
  });
});
