/**
 * Any other tokenizer.json (BPE, Unigram, WordPiece with other parts) through `@huggingface/tokenizers`, behind the interface of
 * BertTokenizer. Truncation is ours: that package has none.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { writeFileAtomic } from '../checkpoint/atomicFile.js';
import { DataError, UsageError } from '../data/errors.js';
import { isJsonObject, type JsonObject } from '../data/strictJson.js';
import { resolveTruncation, truncatedLengths } from './truncation.js';
import type { DecodeOptions, EncodeOptions, Encoding, TextTokenizer } from './types.js';

const modelTypes: readonly string[] = ['WordPiece', 'BPE', 'Unigram'];

export class GenericTokenizer implements TextTokenizer {
  readonly vocab: readonly string[];
  readonly padTokenId: number;
  readonly unkTokenId: number;
  readonly clsTokenId: number;
  readonly sepTokenId: number;
  readonly maskTokenId: number;
  readonly modelMaxLength: number | undefined;
  readonly #tokenizer: Tokenizer;
  readonly #files: { readonly tokenizer: JsonObject; readonly config: JsonObject };
  readonly #ids: ReadonlyMap<string, number>;
  readonly #specialIds: ReadonlySet<number>;

  private constructor(tokenizer: Tokenizer, files: { readonly tokenizer: JsonObject; readonly config: JsonObject }) {
    this.#tokenizer = tokenizer;
    this.#files = files;
    this.#ids = tokenizer.get_vocab();
    const vocab: string[] = [];
    for (const [token, id] of this.#ids) vocab[id] = token;
    this.vocab = Array.from(vocab, (token) => token ?? '');
    const special = [...tokenizer.get_added_tokens_decoder()].filter(([, token]) => token.special === true).map(([id]) => id);
    this.#specialIds = new Set(special);
    // Byte-pair models call them <s> and </s>; -1 stands for a role that the tokenizer does not have.
    this.padTokenId = this.#roleId('pad_token', ['[PAD]', '<pad>']);
    this.unkTokenId = this.#roleId('unk_token', ['[UNK]', '<unk>']);
    this.clsTokenId = this.#roleId('cls_token', ['[CLS]', '<s>']);
    this.sepTokenId = this.#roleId('sep_token', ['[SEP]', '</s>']);
    this.maskTokenId = this.#roleId('mask_token', ['[MASK]', '<mask>']);
    const limit = files.config['model_max_length'];
    this.modelMaxLength = typeof limit === 'number' && Number.isSafeInteger(limit) ? limit : undefined;
  }

  /** @throws DataError where the package does not understand the file */
  static fromFiles(files: { readonly file: string; readonly tokenizer: JsonObject; readonly config: JsonObject }): GenericTokenizer {
    const model = files.tokenizer['model'];
    const type = isJsonObject(model) ? model['type'] : undefined;
    // The package takes a type that it does not know for byte-pair encoding.
    if (type !== undefined && (typeof type !== 'string' || !modelTypes.includes(type))) {
      throw new DataError(`model.type is ${JSON.stringify(type).slice(0, 80)}; expected ${modelTypes.join(', ')}`, { location: { file: files.file } });
    }
    try {
      return new GenericTokenizer(new Tokenizer({ added_tokens: [], ...files.tokenizer }, files.config), files);
    } catch (cause) {
      throw new DataError(`not a tokenizer that can be loaded (${cause instanceof Error ? cause.message : String(cause)})`, { location: { file: files.file }, cause });
    }
  }

  get vocabSize(): number {
    return this.vocab.length;
  }

  encode(text: string, pair?: string, options: EncodeOptions = {}): Encoding {
    const first = this.tokenize(text);
    const second = pair === undefined ? undefined : this.tokenize(pair);
    const specialCount = this.#assemble([], second === undefined ? undefined : []).tokens.length;
    const truncation = resolveTruncation(options, this.modelMaxLength, specialCount);
    const [keptFirst, keptSecond] =
      truncation === undefined
        ? [first.length, second?.length ?? 0]
        : truncatedLengths(first.length, second?.length, truncation.maxLength - specialCount, truncation.strategy);
    const { tokens, types } = this.#assemble(first.slice(0, keptFirst), second?.slice(0, keptSecond));
    const inputIds = tokens.map((token) => this.#idOf(token));
    return { inputIds, attentionMask: inputIds.map(() => 1), tokenTypeIds: inputIds.map((_, i) => types?.[i] ?? 0) };
  }

  encodeBatch(inputs: readonly (string | readonly [string, string])[], options: EncodeOptions = {}): Encoding[] {
    return inputs.map((input) => (typeof input === 'string' ? this.encode(input, undefined, options) : this.encode(input[0], input[1], options)));
  }

  encodeToIds(text: string): Int32Array {
    return Int32Array.from(this.tokenize(text), (token) => this.#idOf(token));
  }

  tokenize(text: string): string[] {
    return this.#tokenizer.tokenize(text, { add_special_tokens: false });
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    const list = Array.from(ids);
    const outside = list.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= this.vocabSize);
    if (outside >= 0) throw new UsageError(`decode: id ${list[outside]} at position ${outside}; expected 0 to ${this.vocabSize - 1}`);
    return list.length === 0 ? '' : this.#tokenizer.decode(list, { skip_special_tokens: options.skipSpecialTokens === true });
  }

  /** Told by the marks of the common algorithms: "##" in front (WordPiece), or no sign of a blank in front (BPE, Unigram). */
  isContinuation(id: number): boolean {
    const token = this.vocab[id];
    if (token === undefined || this.isSpecial(id)) return false;
    const model = this.#files.tokenizer['model'];
    if (isJsonObject(model) && typeof model['continuing_subword_prefix'] === 'string' && model['continuing_subword_prefix'] !== '') {
      return token.startsWith(model['continuing_subword_prefix']);
    }
    return !token.startsWith('\u0120') && !token.startsWith('\u2581');
  }

  isSpecial(id: number): boolean {
    return this.#specialIds.has(id);
  }

  /** Writes tokenizer.json and tokenizer_config.json as they were read. */
  async save(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    writeFileAtomic(path.join(directory, 'tokenizer.json'), `${JSON.stringify(this.#files.tokenizer)}\n`);
    writeFileAtomic(path.join(directory, 'tokenizer_config.json'), `${JSON.stringify(this.#files.config, undefined, 2)}\n`);
  }

  #assemble(first: string[], second: string[] | undefined): { tokens: string[]; types: number[] | undefined } {
    const process = this.#tokenizer.post_processor;
    if (process === null) return { tokens: [...first, ...(second ?? [])], types: undefined };
    const output = process.post_process(first, second ?? null, true);
    return { tokens: output.tokens_pair === undefined || output.tokens_pair === null ? output.tokens : [...output.tokens, ...output.tokens_pair], types: output.token_type_ids };
  }

  #idOf(token: string): number {
    const id = this.#ids.get(token) ?? this.unkTokenId;
    if (id < 0) throw new DataError(`the token ${JSON.stringify(token)} is not in the vocabulary, and there is no unknown token`);
    return id;
  }

  #roleId(key: string, usual: readonly string[]): number {
    const value = this.#files.config[key];
    const content = isJsonObject(value) ? value['content'] : value;
    for (const token of typeof content === 'string' ? [content] : usual) {
      const id = this.#ids.get(token);
      if (id !== undefined) return id;
    }
    return -1;
  }
}
