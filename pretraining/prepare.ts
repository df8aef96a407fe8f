/**
 * Text files -> a prepared corpus: tokenized sentences in Arrow shards, the document index, the tokenizer's files and manifest.json,
 * which is written last. One sentence a line, a blank line (or the end of a file) ends a document. Memory holds one shard at most.
 */
import { createHash, type Hash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import { removeLeftovers } from '../src/checkpoint/atomicDirectory.js';
import { acquireLock } from '../src/checkpoint/runLock.js';
import { DataError, InterruptedError, IoError, UsageError } from '../src/data/errors.js';
import { inputFileSize, readTextLines } from '../src/data/textLines.js';
import { readStoreFile } from '../src/data/tokenStore.js';
import { CorpusWriter } from './corpusWriter.js';
import type { NextSentenceTask } from './examples.js';
import { hashFile } from './hashFile.js';
import { type CorpusFile, type PrepareSettings, type PreparedManifest, documentsName, hashText, manifestName, manifestText, readManifest, shardPattern } from './manifest.js';

/** The part of a tokenizer that preparing needs; `BertTokenizer` has it. */
export interface CorpusTokenizer {
  readonly vocabSize: number;
  /** Token ids of a text without special tokens. */
  encodeToIds(text: string): ArrayLike<number>;
  /** Writes the tokenizer's files. */
  save(folder: string): Promise<void> | void;
}

export interface PrepareProgress {
  readonly bytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft: number;
  readonly documents: number;
  readonly tokens: number;
}

export interface PrepareOptions {
  /** Text files, plain or gzip. */
  readonly corpus: readonly string[];
  readonly tokenizer: CorpusTokenizer;
  readonly output: string;
  readonly maxSeqLength?: number | undefined;
  readonly nextSentence?: NextSentenceTask | undefined;
  readonly shortSeqProb?: number | undefined;
  readonly validationSplitPercentage?: number | undefined;
  readonly masking?: 'dynamic' | 'static' | undefined;
  readonly dupeFactor?: number | undefined;
  readonly overwrite?: boolean | undefined;
  /** Tokens of a shard; default 2^26 (256 MiB). */
  readonly shardTokens?: number | undefined;
  readonly progress?: ((event: PrepareProgress) => void) | undefined;
  readonly note?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PrepareResult {
  readonly manifest: PreparedManifest;
  /** True where the folder already held this corpus with these settings. */
  readonly reused: boolean;
}

const tokenizerFiles = new Set(['vocab.txt', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']);

/**
 * Prepares a corpus in `output`. A folder that already holds it is left as it is. Errors: UsageError for absent files, settings out of
 * range and a folder with another corpus, DataError (`file:line:column`) for text that is not UTF-8 and for an empty corpus,
 * BusyError, IoError, InterruptedError.
 */
export async function prepare(options: PrepareOptions): Promise<PrepareResult> {
  const settings: PrepareSettings = { tokenizerSha256: await tokenizerHash(options.tokenizer), ...resolveSettings(options) };
  if (options.corpus.length === 0) throw new UsageError('no corpus was given', { hint: 'Name one or more text files with --corpus.' });
  const sizes: number[] = [];
  for (const file of options.corpus) sizes.push(await inputFileSize(file));
  await mkdir(options.output, { recursive: true }).catch((cause: unknown) => {
    throw new IoError(`cannot create ${options.output} (${String(cause)})`, { cause });
  });
  const lock = await acquireLock(options.output);
  try {
    await removeLeftovers(options.output);
    const found = await readManifest(options.output);
    if (found !== undefined && options.overwrite !== true) {
      await refuseOtherCorpus(options, found, settings, sizes);
      if (await isIntact(options.output, found)) return { manifest: found, reused: true };
      options.note?.(`${options.output} is damaged; preparing it again`);
    }
    if (found === undefined && options.overwrite !== true) await refuseForeignFiles(options.output);
    await removeOldFiles(options.output);
    return { manifest: await writeCorpus(options, settings, sizes), reused: false };
  } finally {
    await lock.release();
  }
}

function resolveSettings(options: PrepareOptions): Omit<PrepareSettings, 'tokenizerSha256'> {
  if (options.dupeFactor !== undefined && options.masking !== 'static') throw new UsageError('--dupe-factor is given without --masking static', { hint: 'Dynamic masks are new in each epoch.' });
  const settings = {
    maxSeqLength: options.maxSeqLength ?? 128,
    nextSentence: options.nextSentence ?? 'nsp',
    shortSeqProb: options.shortSeqProb ?? 0.1,
    validationSplitPercentage: options.validationSplitPercentage ?? 1,
    masking: options.masking ?? 'dynamic',
    dupeFactor: options.masking === 'static' ? (options.dupeFactor ?? 10) : 0,
  } as const;
  const { maxSeqLength, shortSeqProb, validationSplitPercentage: held, dupeFactor } = settings;
  if (!Number.isInteger(maxSeqLength) || maxSeqLength < 8) throw new UsageError(`max-seq-length is ${maxSeqLength}; expected a whole number of at least 8`);
  if (!(shortSeqProb >= 0 && shortSeqProb <= 1)) throw new UsageError(`short-seq-prob is ${shortSeqProb}; expected 0 to 1`);
  if (!(held >= 0 && held <= 50)) throw new UsageError(`validation-split-percentage is ${held}; expected 0 to 50`);
  if (!Number.isInteger(dupeFactor) || (settings.masking === 'static' && dupeFactor < 1)) throw new UsageError(`dupe-factor is ${dupeFactor}; expected a whole number of at least 1`);
  return settings;
}

/** SHA-256 over the files that the tokenizer writes. */
async function tokenizerHash(tokenizer: CorpusTokenizer): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bertwright-tokenizer-'));
  try {
    await tokenizer.save(folder);
    const hash = createHash('sha256');
    for (const name of (await readdir(folder)).sort()) hash.update(`${name}\0`).update(await readFile(path.join(folder, name)));
    return hash.digest('hex');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Throws a UsageError that names what differs between the corpus in the folder and the one asked for. */
async function refuseOtherCorpus(options: PrepareOptions, found: PreparedManifest, settings: PrepareSettings, sizes: readonly number[]): Promise<void> {
  const differences = Object.entries(settings).flatMap(([key, wanted]) => {
    const was = found.settings[key as keyof PrepareSettings];
    return was === wanted ? [] : [`${key} was ${was}, now ${wanted}`];
  });
  if (found.corpus.length !== options.corpus.length) differences.push(`the corpus had ${found.corpus.length} files, now ${options.corpus.length}`);
  else {
    for (const [i, file] of options.corpus.entries()) {
      const was = found.corpus[i] as CorpusFile;
      if (was.bytes !== sizes[i]) differences.push(`${file} had ${was.bytes} bytes, now ${sizes[i]}`);
      else if ((await hashFile(file)) !== was.sha256) differences.push(`the text of ${file} has changed`);
    }
  }
  if (differences.length === 0) return;
  throw new UsageError(`${options.output} holds a corpus that was prepared otherwise: ${differences.join('; ')}`, { hint: 'Use --overwrite to prepare it anew, or another --output.' });
}

async function isIntact(folder: string, manifest: PreparedManifest): Promise<boolean> {
  try {
    for (const file of [manifest.documents, ...manifest.shards]) await readStoreFile(folder, file);
    return (await readdir(folder)).includes('tokenizer.json');
  } catch (error) {
    if (error instanceof DataError) return false;
    throw error;
  }
}

function isOurs(name: string): boolean {
  return name.startsWith('.') || name === documentsName || name === manifestName || shardPattern.test(name) || tokenizerFiles.has(name);
}

async function refuseForeignFiles(folder: string): Promise<void> {
  const foreign = (await readdir(folder)).find((name) => !isOurs(name));
  if (foreign === undefined) return;
  throw new UsageError(`${folder} holds other files (${foreign}); expected an empty or new folder, or a prepared corpus`, { hint: 'Name another --output, or write among them with --overwrite.' });
}

/** The manifest goes first, so that a half-removed corpus is never taken for a whole one. */
async function removeOldFiles(folder: string): Promise<void> {
  await rm(path.join(folder, manifestName), { force: true });
  for (const name of await readdir(folder)) if (name === documentsName || shardPattern.test(name)) await rm(path.join(folder, name));
}

async function writeCorpus(options: PrepareOptions, settings: PrepareSettings, sizes: readonly number[]): Promise<PreparedManifest> {
  const { corpus, output, tokenizer, signal, progress } = options;
  const totalBytes = sizes.reduce((sum, size) => sum + size, 0);
  const writer = new CorpusWriter(output, options.shardTokens ?? 1 << 26);
  const files: CorpusFile[] = [];
  const startedAt = performance.now();
  let bytes = 0;
  let emptySentences = 0;
  for (const [i, file] of corpus.entries()) {
    const fileBytesHash: Hash = createHash('sha256');
    const onFileBytes = (chunk: Uint8Array): void => {
      fileBytesHash.update(chunk);
      bytes += chunk.length;
    };
    for await (const block of readTextLines(file, { onFileBytes })) {
      if (signal?.aborted === true) throw InterruptedError.from(signal, 'stopped while preparing the corpus; the next run starts with it anew');
      for (const line of block.lines) {
        if (line.trim() === '') {
          if (!block.partial) writer.endDocument();
          continue;
        }
        const ids = tokenizer.encodeToIds(line);
        if (ids.length === 0) emptySentences += 1;
        else writer.addSentence(line, ids);
      }
      const seconds = Math.max(1e-3, (performance.now() - startedAt) / 1000);
      progress?.({ bytes, totalBytes, bytesPerSecond: bytes / seconds, secondsLeft: ((totalBytes - bytes) * seconds) / Math.max(1, bytes), documents: writer.documentCount, tokens: writer.tokenCount });
    }
    writer.endDocument();
    files.push({ file, bytes: sizes[i] as number, sha256: fileBytesHash.digest('hex') });
  }
  if (writer.tokenCount === 0) {
    throw new DataError(`the corpus is empty: ${corpus.join(', ')} ${corpus.length === 1 ? 'has' : 'have'} no line with text`, { hint: 'Expected one sentence a line, with a blank line between documents.' });
  }
  const { documents, shards, index, tokensOf } = writer.finish();
  const heldOut = chooseHeldOut(index.hashes, settings);
  const isHeldOut = (i: number): boolean => heldOut.has(index.hashes[i] as bigint);
  await tokenizer.save(output);
  const manifest: PreparedManifest = {
    settings,
    corpus: files,
    counts: {
      documents: index.hashes.length,
      sentences: index.sentences.reduce((sum, count) => sum + count, 0),
      tokens: writer.tokenCount,
      heldOutDocuments: index.hashes.reduce((sum, _, i) => sum + (isHeldOut(i) ? 1 : 0), 0),
      heldOutTokens: tokensOf.reduce((sum, count, i) => sum + (isHeldOut(i) ? count : 0), 0),
      emptySentences,
    },
    vocabSize: tokenizer.vocabSize,
    heldOut: [...heldOut].map(hashText).sort(),
    documents,
    shards,
  };
  writeFileAtomic(path.join(output, manifestName), manifestText(manifest));
  return manifest;
}

/**
 * Documents whose hash lies in the lowest share. A small corpus still holds out those with the lowest hashes, two texts for
 * next-sentence pairs, as long as as many again and more are left to train on; documents with the same text go together.
 */
function chooseHeldOut(hashes: BigUint64Array, settings: PrepareSettings): Set<bigint> {
  const share = settings.validationSplitPercentage / 100;
  if (share === 0) return new Set();
  // Sorted in an array and not gathered in a Set, which holds 16.7 million entries at most.
  const sorted = hashes.slice().sort();
  const texts = sorted.filter((hash, i) => i === 0 || hash !== sorted[i - 1]);
  const least = settings.nextSentence === 'nsp' ? 2 : 1;
  const limit = BigInt(Math.floor(share * 2 ** 53)) << 11n;
  const below = texts.filter((hash) => hash < limit).length;
  const most = texts.length - least;
  return new Set(texts.slice(0, most < least ? 0 : Math.min(most, Math.max(least, below))));
}
