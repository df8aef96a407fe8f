/**
 * A block of raw text to token ids: UTF-8 checked, records unpacked, lines cleaned, split into sentences and tokenized, documents hashed.
 * Knows nothing of what came before, so that blocks can be encoded in any order by any thread; corpusWriter.ts joins them.
 */
import { hash } from 'node:crypto';
import type { TextBytes } from '../../src/data/textLines.js';
import { decodeBlock } from '../../src/data/textLines.js';
import { BertTokenizer } from '../../src/tokenizer/index.js';
import { cleanText } from './cleanText.js';
import { GrowingInts } from './growingInts.js';
import { recordText } from '../../src/data/jsonLines.js';
import { fingerprint } from './repeats.js';
import { splitSentences } from './sentences.js';

/** The part of a tokenizer that preparing needs; `BertTokenizer` has it. */
export interface CorpusTokenizer {
  readonly vocabSize: number;
  /** Token ids of a text without special tokens. */
  encodeToIds(text: string): ArrayLike<number>;
  /** Writes the tokenizer's files. */
  save(folder: string): Promise<void> | void;
}

export type UnicodeNormalization = 'none' | 'nfc' | 'nfkc';

export interface EncodeSettings {
  /** What ends a document in plain text: a blank line, or each line. */
  readonly documents: 'blank-line' | 'line';
  /** The key of a JSON record that holds its text. */
  readonly textKey: string;
  readonly splitSentences: boolean;
  readonly unicodeNormalization: UnicodeNormalization;
}

/** text: lines as they are; json-lines: each line a record, whose text is a document. */
export type InputFormat = 'text' | 'json-lines';

export interface BlockInput {
  readonly file: string;
  readonly format: InputFormat;
  readonly block: TextBytes;
}

/**
 * The block's text as numbers. A piece is what the block holds of one document; the first may go on with a document from before it, the
 * last may go on after it. Only lines with text count.
 */
export interface EncodedBlock {
  /** Token ids of all sentences. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** Tokens of each sentence, at least 1, [sentences]. */
  readonly sentenceTokens: Int32Array<ArrayBuffer>;
  /** Sentences of each line, [lines]; 0 where the tokenizer made nothing of it. */
  readonly lineSentences: Int32Array<ArrayBuffer>;
  /** Fingerprint of each line, low and high half, [lines, 2]; both 0 for a piece of a line too long to be compared. */
  readonly lineFingerprints: Uint32Array<ArrayBuffer>;
  /** Lines of each piece; the first may have none, [pieces]. */
  readonly pieceLines: Int32Array<ArrayBuffer>;
  /** Sentences that the tokenizer made nothing of, [pieces]. */
  readonly pieceEmptySentences: Int32Array<ArrayBuffer>;
  /** First 64 bits of the SHA-256 of each piece that is a whole document, low and high half, [pieces, 2]; 0 for the first and an open last one. */
  readonly pieceHashes: Uint32Array<ArrayBuffer>;
  /** Whether the last piece ends its document; all others do. */
  readonly lastEnds: boolean;
  /** What of the first piece's text the document's hash is taken over. */
  readonly firstText: string;
  /** The same of the last piece where it is open and not the first. */
  readonly lastText: string;
  /** The block ends a line too long to be handed on whole. */
  readonly endsLongLine: boolean;
}

/** Turns blocks of a file into token ids, with where lines, sentences and documents end. One for each thread. */
export class BlockEncoder {
  readonly #tokenizer: CorpusTokenizer;
  readonly #settings: EncodeSettings;
  readonly #cleans: boolean;
  readonly #ids = new GrowingInts(1 << 16);
  readonly #sentenceTokens = new GrowingInts(1 << 12);
  readonly #lineSentences = new GrowingInts(1 << 12);
  readonly #lineFingerprints = new GrowingInts(1 << 12);
  readonly #pieceLines = new GrowingInts(1 << 8);
  readonly #pieceEmptySentences = new GrowingInts(1 << 8);
  readonly #pieceHashes = new GrowingInts(1 << 8);
  readonly #print = new Uint32Array(2);
  #firstText = '';
  /** Of the piece that is being read. */
  #text = '';
  #lines = 0;
  #emptySentences = 0;

  constructor(tokenizer: CorpusTokenizer, settings: EncodeSettings) {
    this.#tokenizer = tokenizer;
    this.#settings = settings;
    this.#cleans = !(tokenizer instanceof BertTokenizer && tokenizer.options.cleanText);
  }

  /** Errors: a DataError that names file, line and column of what is not UTF-8 or not a record with a text. */
  encode({ file, format, block }: BlockInput): EncodedBlock {
    const lines = decodeBlock(file, block);
    if (format === 'json-lines') this.#addRecords(file, block, lines);
    else this.#addText(block, lines);
    return this.#take(block);
  }

  #addText(block: TextBytes, lines: readonly string[]): void {
    const lineIsDocument = this.#settings.documents === 'line';
    for (const line of lines) {
      if (line.trim() === '') {
        if (!block.partial) this.#endPiece();
      } else this.#addLine(line, block.partial);
      if (lineIsDocument && block.endsLine) this.#endPiece();
    }
  }

  #addRecords(file: string, block: TextBytes, lines: readonly string[]): void {
    lines.forEach((line, i) => {
      if (line.trim() === '') return;
      const text = recordText(line, this.#settings.textKey, { file, line: block.firstLine + i, whole: !block.partial });
      for (const part of text.split(/\r?\n/)) if (part.trim() !== '') this.#addLine(part, false);
      this.#endPiece();
    });
  }

  #addLine(line: string, partial: boolean): void {
    const { unicodeNormalization: form, splitSentences: split } = this.#settings;
    const normalized = form === 'none' ? line : line.normalize(form === 'nfc' ? 'NFC' : 'NFKC');
    const text = this.#cleans ? cleanText(normalized) : normalized;
    let sentences = 0;
    for (const sentence of split ? splitSentences(text) : [text]) {
      const ids = this.#tokenizer.encodeToIds(sentence);
      if (ids.length === 0) {
        this.#emptySentences += 1;
        continue;
      }
      this.#ids.append(ids);
      this.#sentenceTokens.push(ids.length);
      this.#text += `${sentence}\n`;
      sentences += 1;
    }
    this.#lineSentences.push(sentences);
    this.#lines += 1;
    if (partial) this.#print.fill(0);
    else fingerprint(text, text.length - text.trimStart().length, text.trimEnd().length, this.#print, 0);
    this.#lineFingerprints.push(this.#print[0] as number);
    this.#lineFingerprints.push(this.#print[1] as number);
  }

  /** Ends the document. A piece without lines tells something only where it is the first: it may end a document from before. */
  #endPiece(): void {
    if (this.#lines > 0 || this.#pieceLines.length === 0) this.#closePiece(true);
  }

  #closePiece(ends: boolean): void {
    const first = this.#pieceLines.length === 0;
    if (first) this.#firstText = this.#text;
    this.#pieceLines.push(this.#lines);
    this.#pieceEmptySentences.push(this.#emptySentences);
    const digest = first || !ends ? undefined : hash('sha256', this.#text, 'buffer');
    this.#pieceHashes.push(digest?.readInt32BE(4) ?? 0);
    this.#pieceHashes.push(digest?.readInt32BE(0) ?? 0);
    if (!ends) return;
    this.#text = '';
    this.#lines = 0;
    this.#emptySentences = 0;
  }

  #take(block: TextBytes): EncodedBlock {
    const open = this.#lines > 0;
    if (open) this.#closePiece(false);
    const pieces = this.#pieceLines.length;
    const encoded = {
      ids: this.#ids.take(),
      sentenceTokens: this.#sentenceTokens.take(),
      lineSentences: this.#lineSentences.take(),
      lineFingerprints: new Uint32Array(this.#lineFingerprints.take().buffer),
      pieceLines: this.#pieceLines.take(),
      pieceEmptySentences: this.#pieceEmptySentences.take(),
      pieceHashes: new Uint32Array(this.#pieceHashes.take().buffer),
      lastEnds: !open,
      firstText: this.#firstText,
      lastText: open && pieces > 1 ? this.#text : '',
      endsLongLine: block.partial && block.endsLine,
    };
    this.#firstText = '';
    this.#text = '';
    this.#lines = 0;
    this.#emptySentences = 0;
    return encoded;
  }
}

/** The buffers of an encoded block, to be handed from thread to thread without a copy. */
export function buffersOf(encoded: EncodedBlock): ArrayBuffer[] {
  return Object.values(encoded).flatMap((value: unknown) => (ArrayBuffer.isView(value) ? [value.buffer as ArrayBuffer] : []));
}
