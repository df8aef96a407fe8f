/**
 * BERT's tokenizer: special tokens in the text, words, WordPiece, [CLS] text [SEP] pair [SEP]. Equal to the Rust tokenizers
 * library, token for token. Reading and writing its files is left to tokenizerFiles.ts.
 */
import { DataError, UsageError } from '../data/errors.js';
import { type BertTokenizerOptions, bertSpecialTokens, type ResolvedBertTokenizerOptions } from './bertTokenizerOptions.js';
import { BertNormalizer } from './normalizer.js';
import { loadBertTokenizer } from './tokenizerFiles.js';
import { resolveTruncation, truncatedLengths } from './truncation.js';
import type { DecodeOptions, EncodeOptions, Encoding, TextTokenizer } from './types.js';
import { maxInputCharsPerWord, WordPiece } from './wordPiece.js';
import { wordPieceDecode } from './wordPieceDecode.js';
import { writeTokenizerFiles } from './writeTokenizerFiles.js';

export class BertTokenizer implements TextTokenizer {
  readonly vocab: readonly string[];
  readonly options: ResolvedBertTokenizerOptions;
  readonly padTokenId: number;
  readonly unkTokenId: number;
  readonly clsTokenId: number;
  readonly sepTokenId: number;
  readonly maskTokenId: number;
  readonly #wordPiece: WordPiece;
  readonly #special = new Map<string, number>();
  readonly #specialIds: ReadonlySet<number>;
  readonly #specialPattern: RegExp;
  /** The character that every special token starts with, where there is one: most texts lack it. */
  readonly #specialStart: string | undefined;

  private constructor(vocab: readonly string[], ids: ReadonlyMap<string, number>, options: ResolvedBertTokenizerOptions) {
    this.vocab = vocab;
    this.options = options;
    const { pad, unk, cls, sep, mask } = options.specialTokens;
    for (const token of [pad, unk, cls, sep, mask, ...options.additionalSpecialTokens]) {
      const id = ids.get(token);
      if (id === undefined) {
        throw new DataError(`the vocabulary of ${vocab.length} entries lacks the special token "${token}"`, {
          hint: 'Name the special tokens in tokenizer_config.json, or add the missing one to the vocabulary.',
        });
      }
      this.#special.set(token, id);
    }
    const idOf = (token: string): number => this.#special.get(token) ?? 0;
    this.padTokenId = idOf(pad);
    this.unkTokenId = idOf(unk);
    this.clsTokenId = idOf(cls);
    this.sepTokenId = idOf(sep);
    this.maskTokenId = idOf(mask);
    this.#specialIds = new Set(this.#special.values());
    const tokens = [...this.#special.keys()].sort((a, b) => b.length - a.length);
    this.#specialPattern = new RegExp(tokens.map((token) => token.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
    const starts = new Set(tokens.map((token) => token.charAt(0)));
    this.#specialStart = starts.size === 1 ? [...starts][0] : undefined;
    const normalizer = new BertNormalizer({
      cleanText: options.cleanText,
      tokenizeChineseChars: options.tokenizeChineseChars,
      stripAccents: options.stripAccents ?? options.lowercase,
      lowercase: options.lowercase,
    });
    this.#wordPiece = new WordPiece(normalizer, {
      vocab,
      unkTokenId: this.unkTokenId,
      continuingSubwordPrefix: options.continuingSubwordPrefix,
      maxInputCharsPerWord: options.maxInputCharsPerWord,
    });
  }

  /**
   * Reads tokenizer.json, or vocab.txt, with tokenizer_config.json beside it where there is one.
   * @throws UsageError where the files are missing, DataError (file and line or JSON path) where they are malformed or of another kind of tokenizer
   */
  static async fromPretrained(directory: string): Promise<BertTokenizer> {
    const { vocab, options } = await loadBertTokenizer(directory);
    return BertTokenizer.fromVocab(vocab, options);
  }

  /** @throws DataError for a token that occurs twice, or a special token that is missing */
  static fromVocab(vocab: readonly string[], options: BertTokenizerOptions): BertTokenizer {
    const ids = new Map<string, number>();
    vocab.forEach((token, id) => {
      const before = ids.get(token);
      if (before !== undefined) throw new DataError(`the vocabulary has ${JSON.stringify(token)} twice, as entries ${before} and ${id}`);
      ids.set(token, id);
    });
    return new BertTokenizer([...vocab], ids, {
      lowercase: options.lowercase,
      stripAccents: options.stripAccents,
      tokenizeChineseChars: options.tokenizeChineseChars ?? true,
      cleanText: options.cleanText ?? true,
      specialTokens: options.specialTokens ?? bertSpecialTokens,
      additionalSpecialTokens: [...(options.additionalSpecialTokens ?? [])],
      continuingSubwordPrefix: options.continuingSubwordPrefix ?? '##',
      maxInputCharsPerWord: options.maxInputCharsPerWord ?? maxInputCharsPerWord,
      modelMaxLength: options.modelMaxLength,
    });
  }

  get vocabSize(): number {
    return this.vocab.length;
  }

  get modelMaxLength(): number | undefined {
    return this.options.modelMaxLength;
  }

  encode(text: string, pair?: string, options: EncodeOptions = {}): Encoding {
    const specialCount = pair === undefined ? 2 : 3;
    const truncation = resolveTruncation(options, this.modelMaxLength, specialCount);
    const first = this.encodeToIds(text);
    const second = pair === undefined ? undefined : this.encodeToIds(pair);
    const [keptFirst, keptSecond] =
      truncation === undefined
        ? [first.length, second?.length ?? 0]
        : truncatedLengths(first.length, second?.length, truncation.maxLength - specialCount, truncation.strategy);
    const inputIds = [this.clsTokenId];
    for (let i = 0; i < keptFirst; i++) inputIds.push(first[i] ?? 0);
    inputIds.push(this.sepTokenId);
    const firstLength = inputIds.length;
    if (second !== undefined) {
      for (let i = 0; i < keptSecond; i++) inputIds.push(second[i] ?? 0);
      inputIds.push(this.sepTokenId);
    }
    return { inputIds, attentionMask: inputIds.map(() => 1), tokenTypeIds: inputIds.map((_, i) => (i < firstLength ? 0 : 1)) };
  }

  encodeBatch(inputs: readonly (string | readonly [string, string])[], options: EncodeOptions = {}): Encoding[] {
    return inputs.map((input) => (typeof input === 'string' ? this.encode(input, undefined, options) : this.encode(input[0], input[1], options)));
  }

  encodeToIds(text: string): Int32Array {
    if (this.#specialStart !== undefined && !text.includes(this.#specialStart)) return this.#wordPiece.encode(text).slice();
    const ids: number[] = [];
    let from = 0;
    for (const match of text.matchAll(this.#specialPattern)) {
      for (const id of this.#pieces(text.slice(from, match.index))) ids.push(id);
      ids.push(this.#special.get(match[0]) ?? this.unkTokenId);
      from = match.index + match[0].length;
    }
    if (from === 0) return this.#wordPiece.encode(text).slice();
    for (const id of this.#pieces(text.slice(from))) ids.push(id);
    return Int32Array.from(ids);
  }

  #pieces(text: string): Int32Array {
    return text === '' ? new Int32Array(0) : this.#wordPiece.encode(text);
  }

  tokenize(text: string): string[] {
    return Array.from(this.encodeToIds(text), (id) => this.vocab[id] ?? this.options.specialTokens.unk);
  }

  /** The text of `ids`, pieces joined and blanks before punctuation removed. @throws UsageError for an id outside the vocabulary */
  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const tokens: string[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] ?? -1;
      const token = this.vocab[id];
      if (token === undefined) throw new UsageError(`decode: id ${id} at position ${i}; expected 0 to ${this.vocabSize - 1}`);
      if (options.skipSpecialTokens !== true || !this.isSpecial(id)) tokens.push(token);
    }
    return wordPieceDecode(tokens, this.options.continuingSubwordPrefix);
  }

  isContinuation(id: number): boolean {
    return this.vocab[id]?.startsWith(this.options.continuingSubwordPrefix) ?? false;
  }

  isSpecial(id: number): boolean {
    return this.#specialIds.has(id);
  }

  /** Writes vocab.txt, tokenizer.json, tokenizer_config.json and special_tokens_map.json as transformers' BertTokenizer does. */
  async save(directory: string): Promise<void> {
    await writeTokenizerFiles(directory, this.vocab, this.options);
  }
}
