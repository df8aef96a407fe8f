/** Gathers tokenized sentences and documents and writes them as shards and a document index. Whole sentences stay in one shard. */
import { createHash, type Hash } from 'node:crypto';
import path from 'node:path';
import { writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import { type DocumentIndex, type StoreFile, encodeDocumentIndex, encodeTokenShard } from '../src/data/tokenStore.js';
import { documentsName } from './manifest.js';

/** An Int32Array that grows. */
class GrowingInts {
  #values: Int32Array;
  length = 0;

  constructor(capacity: number) {
    this.#values = new Int32Array(capacity);
  }

  append(more: ArrayLike<number>): void {
    if (this.length + more.length > this.#values.length) {
      const wider = new Int32Array(Math.max(2 * this.#values.length, this.length + more.length));
      wider.set(this.#values.subarray(0, this.length));
      this.#values = wider;
    }
    this.#values.set(more, this.length);
    this.length += more.length;
  }

  view(): Int32Array {
    return this.#values.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }
}

export class CorpusWriter {
  readonly #folder: string;
  readonly #shardTokens: number;
  readonly #shards: StoreFile[] = [];
  readonly #values = new GrowingInts(1 << 16);
  readonly #offsets = new GrowingInts(1 << 12);
  readonly #sentences: number[] = [];
  readonly #hashes: bigint[] = [];
  readonly #tokensOf: number[] = [];
  #hash: Hash | undefined;
  #documentSentences = 0;
  #documentTokens = 0;
  tokenCount = 0;

  /** A shard is written when it holds at least `shardTokens` tokens. */
  constructor(folder: string, shardTokens: number) {
    this.#folder = folder;
    this.#shardTokens = shardTokens;
    this.#offsets.append([0]);
  }

  get documentCount(): number {
    return this.#sentences.length;
  }

  addSentence(text: string, ids: ArrayLike<number>): void {
    this.#hash ??= createHash('sha256');
    this.#hash.update(text).update('\n');
    this.#values.append(ids);
    this.#offsets.append([this.#values.length]);
    this.#documentSentences += 1;
    this.#documentTokens += ids.length;
    this.tokenCount += ids.length;
    if (this.#values.length >= this.#shardTokens) this.#writeShard();
  }

  /** Ends the document; one without sentences is none. */
  endDocument(): void {
    if (this.#hash === undefined) return;
    this.#sentences.push(this.#documentSentences);
    this.#tokensOf.push(this.#documentTokens);
    this.#hashes.push(this.#hash.digest().readBigUInt64BE());
    this.#hash = undefined;
    this.#documentSentences = 0;
    this.#documentTokens = 0;
  }

  #writeShard(): void {
    const bytes = encodeTokenShard({ values: this.#values.view(), offsets: this.#offsets.view() });
    this.#shards.push(this.#write(`tokens-${String(this.#shards.length).padStart(5, '0')}.arrow`, bytes));
    this.#values.clear();
    this.#offsets.clear();
    this.#offsets.append([0]);
  }

  #write(name: string, bytes: Uint8Array): StoreFile {
    writeFileAtomic(path.join(this.#folder, name), bytes);
    return { name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  }

  /** Writes what is left and the document index. `tokensOf` counts the tokens of each document. */
  finish(): { documents: StoreFile; shards: readonly StoreFile[]; index: DocumentIndex; tokensOf: readonly number[] } {
    this.endDocument();
    if (this.#values.length > 0) this.#writeShard();
    const index = { sentences: Int32Array.from(this.#sentences), hashes: BigUint64Array.from(this.#hashes) };
    return { documents: this.#write(documentsName, encodeDocumentIndex(index)), shards: this.#shards, index, tokensOf: this.#tokensOf };
  }
}
