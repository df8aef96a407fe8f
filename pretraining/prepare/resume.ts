/**
 * What a killed run leaves in its folder, so that the next one goes on after the last whole shard: resume.json, and for each report of the
 * writer a file of rows. The rows come first; resume.json, replaced as a whole, says which of them count.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../src/checkpoint/atomicFile.js';
import { type StoreFile, readStoreFile } from '../../src/data/tokenStore.js';
import type { ResumePoint, WriterCounts, WriterProgress, WriterRows } from './corpusWriter.js';
import type { PrepareSettings } from '../manifest.js';

const resumeName = 'resume.json';
const formatName = 'bertwright unfinished corpus';
/** Changes with anything that makes the same text give other shards or rows. */
const version = 1;

/** A corpus file as it was when the run began; a change of it begins the run anew. */
export interface InputStamp {
  readonly file: string;
  readonly bytes: number;
  /** Time of the last change, in milliseconds. */
  readonly modified: number;
}

/** What must be the same for a run to go on. */
export interface RunIdentity {
  readonly settings: PrepareSettings;
  readonly shardTokens: number;
  readonly inputs: readonly InputStamp[];
}

export interface UnfinishedRun extends RunIdentity {
  readonly shards: readonly StoreFile[];
  readonly rows: readonly StoreFile[];
  readonly point: ResumePoint;
  readonly counts: WriterCounts;
  /** SHA-256 of the files before that of `point`. */
  readonly fileHashes: readonly string[];
}

/** Keeps the unfinished run's files as the writer reports. */
export class ResumeLog {
  readonly #folder: string;
  readonly #identity: RunIdentity;
  readonly #rows: StoreFile[];

  constructor(folder: string, identity: RunIdentity, rows: readonly StoreFile[]) {
    this.#folder = folder;
    this.#identity = identity;
    this.#rows = [...rows];
  }

  /** Throws an IoError where the disk is full; what was kept before still holds. */
  keep({ shards, point, counts, rows }: WriterProgress, fileHashes: readonly string[]): void {
    const bytes = encodeRows(rows);
    const name = `rows-${String(this.#rows.length).padStart(5, '0')}.bin`;
    writeFileAtomic(path.join(this.#folder, name), bytes);
    this.#rows.push({ name, bytes: bytes.length, sha256: sha256(bytes) });
    const run: UnfinishedRun = { ...this.#identity, shards, rows: this.#rows, point, counts, fileHashes: fileHashes.slice(0, point.file) };
    const text = JSON.stringify(run);
    writeFileAtomic(path.join(this.#folder, resumeName), `${JSON.stringify({ format: formatName, version, sha256: sha256(text), run: text })}\n`);
  }
}

/** The unfinished run in a folder; undefined where there is none, or a damaged one, or one of another version. */
export async function readUnfinished(folder: string): Promise<UnfinishedRun | undefined> {
  try {
    const json: unknown = JSON.parse(await readFile(path.join(folder, resumeName), 'utf8'));
    const found = json as { readonly [key: string]: unknown };
    const text = found['run'];
    if (found['format'] !== formatName || found['version'] !== version || typeof text !== 'string' || found['sha256'] !== sha256(text)) return undefined;
    return JSON.parse(text) as UnfinishedRun;
  } catch {
    return undefined;
  }
}

/** The rows of an unfinished run; its shards are checked too. Throws a DataError where a file is absent or damaged. */
export async function readRows(folder: string, run: UnfinishedRun): Promise<WriterRows[]> {
  for (const shard of run.shards) await readStoreFile(folder, shard);
  const rows: WriterRows[] = [];
  for (const file of run.rows) rows.push(decodeRows(await readStoreFile(folder, file)));
  return rows;
}

/** Two counts (documents, numbers for lines), then the columns; 32-bit numbers in the machine's own order. */
function encodeRows({ sentences, tokens, hashes, lines }: WriterRows): Uint8Array {
  const numbers = new Int32Array(2 + sentences.length + tokens.length + hashes.length + lines.length);
  numbers.set([sentences.length, lines.length]);
  let at = 2;
  for (const column of [sentences, tokens, hashes, lines]) {
    numbers.set(column, at);
    at += column.length;
  }
  return new Uint8Array(numbers.buffer);
}

function decodeRows(bytes: Uint8Array): WriterRows {
  const numbers = new Int32Array(bytes.slice().buffer);
  const [documents = 0, lines = 0] = numbers;
  const [sentences, tokens, hashes] = [2, 2 + documents, 2 + 2 * documents];
  const end = 2 + 4 * documents;
  return { sentences: numbers.subarray(sentences, tokens), tokens: numbers.subarray(tokens, hashes), hashes: numbers.subarray(hashes, end), lines: numbers.subarray(end, end + lines) };
}

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
