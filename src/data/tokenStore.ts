/**
 * The token store of a prepared corpus, in Arrow IPC files: shards `tokens-00000.arrow`, … (column `tokens`, List<Int32>: a row is a sentence)
 * and `documents.arrow` (a row is a document: its number of `sentences` and the `hash` of its text). Shards are read without copying.
 * Which files a store has, and their hashes, stands in the manifest of pretraining/manifest.ts.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { DataType, Field, Int32, List, Schema, Struct, Table, Uint64, RecordBatch, makeData, tableFromIPC, tableToIPC, type Data } from 'apache-arrow';
import { DataError, IoError } from './errors.js';

/** Readers refuse larger files before they allocate anything. */
export const maxShardBytes = 2 ** 30;

/** Sentences end to end. */
export interface TokenShard {
  /** Token ids of all sentences. */
  readonly values: Int32Array;
  /** Where each sentence starts in `values`, and their length at the end, [sentences + 1]. */
  readonly offsets: Int32Array;
}

export interface DocumentIndex {
  /** Sentences of each document, [documents]. */
  readonly sentences: Int32Array;
  /** First 64 bits of the SHA-256 of each document's text, [documents]. */
  readonly hashes: BigUint64Array;
}

/** A file of the store as its manifest names it. */
export interface StoreFile {
  /** A plain base name. */
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal SHA-256 of the content. */
  readonly sha256: string;
}

const listOfTokens = new List(new Field('item', new Int32(), false));

/** One shard as an Arrow IPC file. */
export function encodeTokenShard(shard: TokenShard): Uint8Array {
  const rows = shard.offsets.length - 1;
  const child = makeData({ type: new Int32(), data: shard.values, length: shard.values.length, nullCount: 0 });
  const tokens = makeData({ type: listOfTokens, valueOffsets: shard.offsets, child, length: rows, nullCount: 0 });
  return encodeColumns(['tokens'], [tokens], rows);
}

/** The document index as an Arrow IPC file. */
export function encodeDocumentIndex(index: DocumentIndex): Uint8Array {
  const rows = index.sentences.length;
  const sentences = makeData({ type: new Int32(), data: index.sentences, length: rows, nullCount: 0 });
  const hash = makeData({ type: new Uint64(), data: index.hashes, length: rows, nullCount: 0 });
  return encodeColumns(['sentences', 'hash'], [sentences, hash], rows);
}

function encodeColumns(names: readonly string[], columns: readonly Data[], rows: number): Uint8Array {
  const fields = names.map((name, i) => new Field(name, (columns[i] as Data).type as DataType, false));
  const schema = new Schema(fields);
  const batch = new RecordBatch(schema, makeData({ type: new Struct(fields), length: rows, nullCount: 0, children: [...columns] }));
  return tableToIPC(new Table(schema, [batch]), 'file');
}

/** Reads a shard. `file` serves errors; an id outside the vocabulary of `vocabSize` pieces is an error. */
export function decodeTokenShard(bytes: Uint8Array, file: string, vocabSize: number): TokenShard {
  const [column] = decodeColumns(bytes, file, [{ name: 'tokens', type: 'List<Int32>', holds: (type) => DataType.isList(type) && isInt(type.children[0]?.type, 32) }]);
  const child = column?.children[0] as Data<Int32> | undefined;
  const rows = column?.length ?? 0;
  const offsets = (column?.valueOffsets as Int32Array | undefined)?.subarray(0, rows + 1) ?? new Int32Array(1);
  const values = (child?.values as Int32Array | undefined)?.subarray(0, child?.length ?? 0) ?? new Int32Array(0);
  let last = 0;
  for (let row = 0; row < offsets.length; row++) {
    const offset = offsets[row] as number;
    if (offset < last || (row === 0 && offset !== 0)) throw damaged(file, `sentence ${row} starts at token ${offset}, before the ${last} of the one before it`);
    last = offset;
  }
  if (offsets.length !== rows + 1 || last !== values.length) throw damaged(file, `${rows} sentences end at token ${last}, but the file holds ${values.length} tokens`);
  for (let i = 0; i < values.length; i++) {
    const id = values[i] as number;
    if (id < 0 || id >= vocabSize) throw damaged(file, `token ${i} has the id ${id}; expected 0 to ${vocabSize - 1}`);
  }
  return { values, offsets };
}

/** Reads a document index. */
export function decodeDocumentIndex(bytes: Uint8Array, file: string): DocumentIndex {
  const [sentences, hash] = decodeColumns(bytes, file, [
    { name: 'sentences', type: 'Int32', holds: (type) => isInt(type, 32) },
    { name: 'hash', type: 'Uint64', holds: (type) => isInt(type, 64) },
  ]);
  const rows = sentences?.length ?? 0;
  const index = {
    sentences: (sentences?.values as Int32Array | undefined)?.subarray(0, rows) ?? new Int32Array(0),
    hashes: (hash?.values as BigUint64Array | undefined)?.subarray(0, rows) ?? new BigUint64Array(0),
  };
  if (index.sentences.length !== rows || index.hashes.length !== rows) throw damaged(file, `a column is shorter than the ${rows} rows the file claims`);
  const empty = index.sentences.findIndex((count) => count < 1);
  if (empty >= 0) throw damaged(file, `document ${empty} has ${index.sentences[empty]} sentences; expected at least 1`);
  return index;
}

interface ExpectedColumn {
  readonly name: string;
  readonly type: string;
  readonly holds: (type: DataType) => boolean;
}

function isInt(type: DataType | undefined, bitWidth: number): boolean {
  return type !== undefined && DataType.isInt(type) && type.bitWidth === bitWidth;
}

/** The columns of an IPC file that holds one record batch of exactly these columns without nulls. */
function decodeColumns(bytes: Uint8Array, file: string, expected: readonly ExpectedColumn[]): Data[] {
  let table: Table;
  try {
    table = tableFromIPC(bytes);
  } catch (cause) {
    throw damaged(file, `it is not a readable Arrow IPC file (${String(cause)})`, cause);
  }
  const { fields } = table.schema;
  const batch = table.batches[0];
  const matches = fields.length === expected.length && expected.every((column, i) => fields[i]?.name === column.name && column.holds(fields[i]?.type as DataType));
  if (!matches || batch === undefined || table.batches.length !== 1) {
    const found = fields.map((field) => `${field.name}: ${String(field.type)}`).join(', ');
    throw damaged(file, `expected one record batch of ${expected.map((column) => `${column.name}: ${column.type}`).join(', ')}; found ${table.batches.length} of ${found || 'no columns'}`);
  }
  for (const column of batch.data.children) {
    if (column.length !== batch.numRows || column.offset !== 0 || column.nullCount > 0) throw damaged(file, 'a column has nulls, an offset or another length than its batch');
  }
  return batch.data.children;
}

function damaged(file: string, what: string, cause?: unknown): DataError {
  return new DataError(`damaged token store: ${what}`, { location: { file }, hint: 'Prepare the corpus again with --overwrite.', cause });
}

/**
 * Reads one file of a store, into memory that threads can share, and checks its size and hash against the manifest. Nothing is decoded
 * that was not read through here: the Arrow library follows damaged offsets without end.
 */
export async function readStoreFile(folder: string, file: StoreFile): Promise<Uint8Array> {
  const location = path.join(folder, file.name);
  if (path.basename(file.name) !== file.name || file.name.startsWith('.')) throw damaged(location, `the manifest names "${file.name}"; expected a plain file name`);
  const handle = await open(location).catch((cause: unknown) => {
    throw damaged(location, 'the manifest names this file, but it cannot be read', cause);
  });
  try {
    const { size } = await handle.stat();
    if (size !== file.bytes || size > maxShardBytes) {
      throw damaged(location, `it has ${size} bytes; expected ${file.bytes} by the manifest, and at most ${maxShardBytes}`);
    }
    const bytes = await readWhole(handle, size).catch((cause: unknown) => {
      throw new IoError(`${location}: reading failed (${String(cause)})`, { cause });
    });
    if (createHash('sha256').update(bytes).digest('hex') !== file.sha256) throw damaged(location, 'its SHA-256 is not the one in the manifest');
    return bytes;
  } finally {
    await handle.close();
  }
}

async function readWhole(handle: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(new SharedArrayBuffer(size));
  for (let at = 0; at < size; ) {
    const { bytesRead } = await handle.read(bytes, at, size - at, at);
    if (bytesRead === 0) throw new Error(`the file ends after ${at} of ${size} bytes`);
    at += bytesRead;
  }
  return bytes;
}

/** A whole prepared corpus in memory. Token and sentence numbers count over all shards. */
export class TokenStore {
  readonly documents: DocumentIndex;
  readonly shards: readonly TokenShard[];
  /** First token of each shard, and the number of all tokens. */
  readonly #shardStart: Float64Array;
  /** First token of each sentence, and the number of all tokens, [sentences + 1]. */
  readonly sentenceStart: Float64Array;
  /** First sentence of each document, and the number of all sentences, [documents + 1]. */
  readonly documentStart: Int32Array;

  constructor(shards: readonly TokenShard[], documents: DocumentIndex) {
    this.shards = shards;
    this.documents = documents;
    this.#shardStart = new Float64Array(shards.length + 1);
    const sentences = shards.reduce((sum, shard) => sum + shard.offsets.length - 1, 0);
    this.sentenceStart = new Float64Array(sentences + 1);
    let sentence = 0;
    shards.forEach((shard, s) => {
      const start = this.#shardStart[s] as number;
      for (let row = 0; row + 1 < shard.offsets.length; row++) this.sentenceStart[sentence++] = start + (shard.offsets[row] as number);
      this.#shardStart[s + 1] = start + shard.values.length;
    });
    this.sentenceStart[sentences] = this.tokenCount;
    this.documentStart = new Int32Array(documents.sentences.length + 1);
    documents.sentences.forEach((count, d) => {
      this.documentStart[d + 1] = (this.documentStart[d] as number) + count;
    });
    if (this.documentStart.at(-1) !== sentences) {
      throw new DataError(`damaged token store: its documents have ${this.documentStart.at(-1)} sentences, its shards ${sentences}`, { hint: 'Prepare the corpus again with --overwrite.' });
    }
  }

  get tokenCount(): number {
    return this.#shardStart.at(-1) ?? 0;
  }

  get sentenceCount(): number {
    return this.sentenceStart.length - 1;
  }

  get documentCount(): number {
    return this.documentStart.length - 1;
  }

  /** Copies tokens `start` to `start + length` (over all shards) to `target` at `at`. */
  copyTokens(start: number, length: number, target: Int32Array, at: number): void {
    let shard = 0;
    while ((this.#shardStart[shard + 1] ?? Number.POSITIVE_INFINITY) <= start) shard += 1;
    let done = 0;
    while (done < length) {
      const values = this.shards[shard]?.values;
      if (values === undefined) throw new RangeError(`copyTokens: ${start} + ${length} is beyond the store's ${this.tokenCount} tokens`);
      const from = start + done - (this.#shardStart[shard] as number);
      const count = Math.min(length - done, values.length - from);
      target.set(values.subarray(from, from + count), at + done);
      done += count;
      shard += 1;
    }
  }

  /** How often each of `vocabSize` pieces occurs in the given documents, [vocabSize]. */
  countTokens(documents: Int32Array, vocabSize: number): Float64Array {
    const counts = new Float64Array(vocabSize);
    for (const document of documents) {
      const start = this.sentenceStart[this.documentStart[document] as number] as number;
      const end = this.sentenceStart[this.documentStart[document + 1] as number] as number;
      const tokens = new Int32Array(end - start);
      this.copyTokens(start, end - start, tokens, 0);
      for (const token of tokens) counts[token] = (counts[token] as number) + 1;
    }
    return counts;
  }
}
