/** What `prepare` is told, and the settings that come of it. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { UsageError } from '../../src/data/errors.js';
import { defaultTextKey } from '../../src/data/jsonLines.js';
import type { NextSentenceTask } from '../examples.js';
import type { PrepareSettings, PreparedManifest } from '../manifest.js';
import type { CorpusTokenizer, UnicodeNormalization } from './encodeBlock.js';
import type { InputFile } from './inputFiles.js';

export interface PrepareProgress {
  readonly bytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  readonly secondsLeft: number;
  readonly documents: number;
  readonly tokens: number;
}

/** How the text is laid out in its files, and what is made of it before it is tokenized. */
export interface TextFormatOptions {
  /** What ends a document in plain text, default blank-line; the end of a file always does. */
  readonly documents?: 'blank-line' | 'line' | undefined;
  /** The key of a JSON record that holds its text, default text. Each record is a document. */
  readonly textKey?: string | undefined;
  /** Lines are running text: split them into sentences. */
  readonly splitSentences?: boolean | undefined;
  /** Default none. */
  readonly unicodeNormalization?: UnicodeNormalization | undefined;
  /** Keep the first of equal lines or documents only; default none. */
  readonly dropRepeated?: 'none' | 'lines' | 'documents' | 'both' | undefined;
  /** Threads that tokenize; the result is the same for any number. Default: the processor's, 1 for a small corpus. */
  readonly workers?: number | undefined;
}

export interface PrepareOptions extends TextFormatOptions {
  /** Text files or patterns of their names: plain, gzip or Zstandard; one sentence a line, or JSON lines (.jsonl) with a text each. */
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
  /** Tokens of a shard; default 2^23 (32 MiB). */
  readonly shardTokens?: number | undefined;
  readonly progress?: ((event: PrepareProgress) => void) | undefined;
  readonly note?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The settings of a manifest; throws a UsageError for values out of range or without a meaning. */
export async function resolveSettings(options: PrepareOptions, inputs: readonly InputFile[]): Promise<PrepareSettings> {
  if (options.dupeFactor !== undefined && options.masking !== 'static') throw new UsageError('--dupe-factor is given without --masking static', { hint: 'Dynamic masks are new in each epoch.' });
  const records = inputs.some(({ format }) => format === 'json-lines');
  if (options.textKey !== undefined && !records) throw new UsageError('--text-key is given, but no file of the corpus is one of JSON lines', { hint: 'Their names end in .jsonl, .jsonl.gz or .jsonl.zst.' });
  const splitSentences = options.splitSentences ?? false;
  const unicodeNormalization = options.unicodeNormalization ?? 'none';
  const settings = {
    maxSeqLength: options.maxSeqLength ?? 128,
    nextSentence: options.nextSentence ?? 'nsp',
    shortSeqProb: options.shortSeqProb ?? 0.1,
    validationSplitPercentage: options.validationSplitPercentage ?? 1,
    masking: options.masking ?? 'dynamic',
    dupeFactor: options.masking === 'static' ? (options.dupeFactor ?? 10) : 0,
    documents: options.documents ?? 'blank-line',
    textKey: records ? (options.textKey ?? defaultTextKey) : '',
    splitSentences,
    unicodeNormalization,
    icuVersion: splitSentences || unicodeNormalization !== 'none' ? (process.versions['icu'] ?? '') : '',
    dropRepeated: options.dropRepeated ?? 'none',
  } as const;
  const { maxSeqLength, shortSeqProb, validationSplitPercentage: held, dupeFactor } = settings;
  if (!Number.isInteger(maxSeqLength) || maxSeqLength < 8) throw new UsageError(`max-seq-length is ${maxSeqLength}; expected a whole number of at least 8`);
  if (!(shortSeqProb >= 0 && shortSeqProb <= 1)) throw new UsageError(`short-seq-prob is ${shortSeqProb}; expected 0 to 1`);
  if (!(held >= 0 && held <= 50)) throw new UsageError(`validation-split-percentage is ${held}; expected 0 to 50`);
  if (!Number.isInteger(dupeFactor) || (settings.masking === 'static' && dupeFactor < 1)) throw new UsageError(`dupe-factor is ${dupeFactor}; expected a whole number of at least 1`);
  return { tokenizerSha256: await tokenizerHash(options.tokenizer), ...settings };
}

/** Bytes of a corpus that one thread is done with before others have started. */
const smallCorpus = 8_000_000;
const mostWorkers = 64;

/** Threads that tokenize: those asked for, else one a processor up to 8, and one for a small corpus. Throws a UsageError for a number that is none. */
export function resolveWorkers(workers: number | undefined, totalBytes: number): number {
  if (workers === undefined) return totalBytes < smallCorpus ? 1 : Math.min(os.availableParallelism(), 8);
  if (!Number.isInteger(workers) || workers < 1 || workers > mostWorkers) throw new UsageError(`workers is ${workers}; expected a whole number from 1 to ${mostWorkers}`);
  return workers;
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

/** What differs between the settings of a folder and those asked for, a line each. */
export function settingsDifferences(found: PreparedManifest['settings'], wanted: PrepareSettings): string[] {
  return Object.entries(wanted).flatMap(([key, value]) => {
    const was = found[key as keyof PrepareSettings];
    return was === value ? [] : [`${key} was ${was}, now ${value}`];
  });
}
