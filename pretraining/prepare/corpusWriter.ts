/**
 * Joins encoded blocks, in the order of the text, to documents, and writes them as shards and a document index. A shard ends with a document
 * unless that alone fills it. Counts repeated lines and documents and drops them where asked.
 */
import { createHash, type Hash } from 'node:crypto';
import path from 'node:path';
import { writeFileAtomic } from '../../src/checkpoint/atomicFile.js';
import { DataError } from '../../src/data/errors.js';
import type { TextPosition } from '../../src/data/textLines.js';
import { type DocumentIndex, type StoreFile, encodeDocumentIndex, encodeTokenShard, maxShardBytes } from '../../src/data/tokenStore.js';
import { documentsName } from '../manifest.js';
import type { EncodedBlock } from './encodeBlock.js';
import { GrowingInts } from './growingInts.js';
import { FingerprintTable } from './repeats.js';

/** Sums over whole documents. */
export interface WriterCounts {
  /** Lines with text. */
  lines: number;
  /** Lines too long to be handed on whole. */
  longLines: number;
  sentences: number;
  tokens: number;
  emptySentences: number;
  linesCompared: number;
  repeatedLines: number;
  droppedLines: number;
  droppedDocuments: number;
}

const noCounts: WriterCounts = { lines: 0, longLines: 0, sentences: 0, tokens: 0, emptySentences: 0, linesCompared: 0, repeatedLines: 0, droppedLines: 0, droppedDocuments: 0 };

/** Where the text after the last whole document is found again. */
export interface ResumePoint {
  /** Number of the corpus file. */
  readonly file: number;
  /** A block's start. */
  readonly block: TextPosition;
  /** A document from before the block goes on in it. */
  readonly open: boolean;
  /** Documents that end in the block and are done. */
  readonly done: number;
}

export const startOfCorpus: ResumePoint = { file: 0, block: { offset: 0, line: 1, insideLine: false }, open: false, done: 0 };

/** What was written since the last report, and where the text goes on. */
export interface WriterProgress {
  readonly shards: readonly StoreFile[];
  readonly point: ResumePoint;
  readonly counts: WriterCounts;
  readonly rows: WriterRows;
}

/** Documents and new lines in their order. Fingerprints and hashes: low half, high half. */
export interface WriterRows {
  /** [documents] */
  readonly sentences: Int32Array;
  /** [documents] */
  readonly tokens: Int32Array;
  /** [documents, 2] */
  readonly hashes: Int32Array;
  /** Of lines seen for the first time, [lines, 2]. */
  readonly lines: Int32Array;
}

export interface CorpusWriterOptions {
  readonly folder: string;
  /** Tokens of a shard; it is written when it holds as many. */
  readonly shardTokens: number;
  /** About how many distinct lines there may be. */
  readonly expectedLines: number;
  /** The same of documents. */
  readonly expectedDocuments: number;
  readonly dropLines: boolean;
  readonly dropDocuments: boolean;
  /** Called after a shard that ends with a document. */
  readonly onShard: (progress: WriterProgress) => void;
}

export interface WrittenCorpus {
  readonly documents: StoreFile;
  readonly shards: readonly StoreFile[];
  readonly index: DocumentIndex;
  /** Tokens of each document, [documents]. */
  readonly tokensOf: Int32Array;
  readonly counts: WriterCounts;
  /** False where lines came that the table of lines had no room for. */
  readonly allLinesCompared: boolean;
}

/** Takes encoded blocks in the order of the corpus and writes whole shards of sentences and the index of documents. */
export class CorpusWriter {
  readonly #options: CorpusWriterOptions;
  readonly #shards: StoreFile[] = [];
  #values = new GrowingInts(1 << 16);
  /** Ends of the sentences in `#values`. */
  #ends = new GrowingInts(1 << 12);
  readonly #documentSentences = new GrowingInts(1 << 10);
  readonly #documentTokens = new GrowingInts(1 << 10);
  readonly #documentHashes = new GrowingInts(1 << 10);
  readonly #newLines = new GrowingInts(1 << 10);
  #lineTable: FingerprintTable;
  readonly #documentTable: FingerprintTable;
  #counts = { ...noCounts };
  #point = startOfCorpus;
  /** Rows before these are in a report already. */
  #reportedDocuments = 0;

  /** The document that is being read: what it adds to `#counts`, its hash, and where it starts in the shard; see also `#open`. */
  #adds = { ...noCounts };
  #hash: Hash | undefined;
  #openTokens = 0;
  #openSentences = 0;
  #openNewLines = 0;
  /** A part of it is in a shard that was written: it cannot be dropped, and there is no going on after that shard. */
  #spilled = false;
  /** A document is open: lines with text came since the last one ended. */
  #open = false;

  #block = { file: 0, position: startOfCorpus.block, open: false, done: 0 };
  /** Documents that still have to end before new ones begin, after a resume. */
  #skip = 0;

  constructor(options: CorpusWriterOptions) {
    this.#options = options;
    this.#lineTable = new FingerprintTable(options.expectedLines);
    this.#documentTable = new FingerprintTable(options.dropDocuments ? options.expectedDocuments : 0);
  }

  get documentCount(): number {
    return this.#documentSentences.length;
  }

  get tokenCount(): number {
    return this.#counts.tokens + this.#openTokens;
  }

  /** Goes on where another writer stopped. `rows` are those of all its reports. */
  resume(progress: Pick<WriterProgress, 'shards' | 'point' | 'counts'>, rows: Iterable<WriterRows>): void {
    for (const { sentences, tokens, hashes, lines } of rows) {
      this.#documentSentences.append(sentences);
      this.#documentTokens.append(tokens);
      this.#documentHashes.append(hashes);
      for (let i = 0; i < lines.length; i += 2) this.#lineTable.add(lines[i] as number, lines[i + 1] as number);
      if (this.#options.dropDocuments) for (let i = 0; i < hashes.length; i += 2) this.#documentTable.add(hashes[i] as number, hashes[i + 1] as number);
    }
    this.#reportedDocuments = this.documentCount;
    this.#shards.push(...progress.shards);
    this.#counts = { ...progress.counts };
    this.#point = progress.point;
    this.#skip = progress.point.done;
    this.#open = progress.point.open;
  }

  /** Adds the next block of the corpus. */
  addBlock(encoded: EncodedBlock, file: number, position: TextPosition): void {
    this.#block = { file, position, open: this.#open, done: 0 };
    let [line, sentence, token] = [0, 0, 0];
    const last = encoded.pieceLines.length - 1;
    if (encoded.endsLongLine && this.#skip === 0 && (this.#open || last >= 0)) {
      this.#adds.lines += 1;
      this.#adds.longLines += 1;
    }
    for (let piece = 0; piece <= last; piece++) {
      const nextLine = line + (encoded.pieceLines[piece] as number);
      let nextSentence = sentence;
      for (let i = line; i < nextLine; i++) nextSentence += encoded.lineSentences[i] as number;
      let nextToken = token;
      for (let i = sentence; i < nextSentence; i++) nextToken += encoded.sentenceTokens[i] as number;
      const ends = piece < last || encoded.lastEnds;
      this.#open ||= nextLine > line;
      if (this.#skip === 0) {
        this.#adds.emptySentences += encoded.pieceEmptySentences[piece] as number;
        this.#addLines(encoded, line, nextLine, sentence, token);
        if (piece === 0) this.#updateHash(encoded.firstText);
        else if (!ends) this.#updateHash(encoded.lastText);
      }
      if (ends) this.#endDocument(encoded.pieceHashes[2 * piece] as number, encoded.pieceHashes[2 * piece + 1] as number);
      [line, sentence, token] = [nextLine, nextSentence, nextToken];
    }
  }

  /** Ends a file, and with it the document that is open. */
  endFile(file: number): void {
    this.#endDocument(0, 0);
    this.#point = { ...startOfCorpus, file: file + 1 };
    this.#skip = 0;
  }

  #updateHash(text: string): void {
    if (text === '') return;
    this.#hash ??= createHash('sha256');
    this.#hash.update(text);
  }

  /** Adds lines [from, to) of a piece; `sentence` and `token` are the first of line `from`. Runs of kept lines are copied at once. */
  #addLines(encoded: EncodedBlock, from: number, to: number, sentence: number, token: number): void {
    const { lineFingerprints, lineSentences } = encoded;
    let first = sentence;
    let next = sentence;
    let firstToken = token;
    for (let i = from; i < to; i++) {
      const repeated = this.#meetLine(lineFingerprints[2 * i] as number, lineFingerprints[2 * i + 1] as number);
      const count = lineSentences[i] as number;
      if (repeated && this.#options.dropLines) {
        firstToken = this.#addSentences(encoded, first, next, firstToken);
        for (let s = next; s < next + count; s++) firstToken += encoded.sentenceTokens[s] as number;
        this.#adds.droppedLines += 1;
        first = next + count;
      }
      next += count;
    }
    this.#addSentences(encoded, first, next, firstToken);
  }

  /** Counts a line; true where it came before. */
  #meetLine(low: number, high: number): boolean {
    if (low === 0 && high === 0) return false;
    this.#adds.lines += 1;
    const found = this.#lineTable.add(low, high);
    if (found === 'unknown') return false;
    this.#adds.linesCompared += 1;
    if (found === 'repeated') {
      this.#adds.repeatedLines += 1;
      return true;
    }
    this.#newLines.push(low);
    this.#newLines.push(high);
    this.#openNewLines += 2;
    return false;
  }

  /** Adds sentences [from, to), whose first token is `token`; returns the token after them. */
  #addSentences(encoded: EncodedBlock, from: number, to: number, token: number): number {
    const { ids, sentenceTokens } = encoded;
    const { shardTokens } = this.#options;
    let copied = token;
    let end = token;
    let length = this.#values.length;
    const copy = (): void => {
      this.#values.append(ids.subarray(copied, end));
      copied = end;
    };
    for (let i = from; i < to; i++) {
      const count = sentenceTokens[i] as number;
      end += count;
      length += count;
      this.#ends.push(length);
      this.#openSentences += 1;
      this.#openTokens += count;
      if (length < shardTokens) continue;
      copy();
      this.#cutInside();
      length = this.#values.length;
    }
    copy();
    return end;
  }

  /** `low` and `high` are its hash, unless text of it went to `#hash`. */
  #endDocument(low: number, high: number): void {
    const open = this.#open;
    this.#open = false;
    if (!open) return;
    this.#block.done += 1;
    if (this.#skip > 0) {
      this.#skip -= 1;
      return;
    }
    const adds = this.#adds;
    if (this.#openSentences > 0) {
      const digest = this.#hash?.digest();
      const [hashLow, hashHigh] = digest === undefined ? [low, high] : [digest.readInt32BE(4), digest.readInt32BE(0)];
      const repeated = this.#options.dropDocuments && this.#documentTable.add(hashLow, hashHigh) === 'repeated' && !this.#spilled;
      if (repeated) {
        this.#ends.truncate(this.#ends.length - this.#openSentences);
        this.#values.truncate(this.#values.length - this.#openTokens);
        adds.droppedDocuments += 1;
      } else {
        this.#documentSentences.push(this.#openSentences);
        this.#documentTokens.push(this.#openTokens);
        this.#documentHashes.push(hashLow);
        this.#documentHashes.push(hashHigh);
        adds.sentences += this.#openSentences;
        adds.tokens += this.#openTokens;
      }
    }
    for (const key of Object.keys(adds) as (keyof WriterCounts)[]) this.#counts[key] += adds[key];
    this.#adds = { ...noCounts };
    this.#hash = undefined;
    this.#openSentences = 0;
    this.#openTokens = 0;
    this.#openNewLines = 0;
    this.#spilled = false;
    const { file, position, open: openBefore, done } = this.#block;
    this.#point = { file, block: position, open: openBefore, done };
    if (this.#values.length >= this.#options.shardTokens) this.#writeShard(this.#values.length, this.#ends.length);
  }

  /** The shard is full, and a document open: all before it is written, or, where there is nothing, what there is of it. */
  #cutInside(): void {
    const [tokens, sentences] = [this.#values.length - this.#openTokens, this.#ends.length - this.#openSentences];
    if (tokens > 0 && !this.#spilled) this.#writeShard(tokens, sentences);
    if (this.#values.length < this.#options.shardTokens) return;
    this.#spilled = true;
    this.#writeShard(this.#values.length, this.#ends.length);
  }

  /** Writes the first `tokens` tokens in `sentences` sentences. */
  #writeShard(tokens: number, sentences: number): void {
    const offsets = new Int32Array(sentences + 1);
    offsets.set(this.#ends.view().subarray(0, sentences), 1);
    const bytes = encodeTokenShard({ values: this.#values.view().subarray(0, tokens), offsets });
    this.#shards.push(this.#write(`tokens-${String(this.#shards.length).padStart(5, '0')}.arrow`, bytes));
    this.#values.drop(tokens);
    this.#ends.drop(sentences);
    this.#ends.view().forEach((end, i, ends) => {
      ends[i] = end - tokens;
    });
    if (!this.#spilled) this.#report();
  }

  #report(): void {
    const lines = this.#newLines.length - this.#openNewLines;
    const rows = {
      sentences: this.#documentSentences.view(this.#reportedDocuments),
      tokens: this.#documentTokens.view(this.#reportedDocuments),
      hashes: this.#documentHashes.view(2 * this.#reportedDocuments),
      lines: this.#newLines.view().subarray(0, lines),
    };
    this.#options.onShard({ shards: [...this.#shards], point: this.#point, counts: { ...this.#counts }, rows });
    this.#reportedDocuments = this.documentCount;
    this.#newLines.drop(lines);
  }

  #write(name: string, bytes: Uint8Array): StoreFile {
    if (bytes.length > maxShardBytes) throw new DataError(`${name} would have ${bytes.length} bytes; expected at most ${maxShardBytes}`, { hint: 'Prepare the corpus in parts.' });
    writeFileAtomic(path.join(this.#options.folder, name), bytes);
    return { name, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  }

  /** Writes what is left and the document index. Nothing can be added afterwards. */
  finish(): WrittenCorpus {
    if (this.#values.length > 0) this.#writeShard(this.#values.length, this.#ends.length);
    this.#values = new GrowingInts(0);
    this.#ends = new GrowingInts(0);
    const allLinesCompared = !this.#lineTable.isFull;
    this.#lineTable = new FingerprintTable(0);
    const hashes = this.#documentHashes.view();
    const index = { sentences: this.#documentSentences.view(), hashes: new BigUint64Array(hashes.buffer, hashes.byteOffset, hashes.length / 2) };
    return { documents: this.#write(documentsName, encodeDocumentIndex(index)), shards: this.#shards, index, tokensOf: this.#documentTokens.view(), counts: { ...this.#counts }, allLinesCompared };
  }
}
