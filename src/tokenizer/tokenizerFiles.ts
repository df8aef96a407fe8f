/**
 * Reads a tokenizer's files as transformers lays them out: tokenizer.json, or vocab.txt; with the settings of
 * tokenizer_config.json beside it. What tokenizer.json may hold for our own fast path stands in bertTokenizerJson.ts;
 * writing is writeTokenizerFiles.ts.
 */
import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, IoError, UsageError } from '../data/errors.js';
import { didYouMeanPath } from '../data/nearPath.js';
import { isJsonObject, type JsonObject, type JsonValue, parseJsonObject } from '../data/strictJson.js';
import { readBertTokenizerJson } from './bertTokenizerJson.js';
import { type BertTokenizerOptions, bertSpecialTokens, type SpecialTokens } from './bertTokenizerOptions.js';

/** What a directory holds: a tokenizer for our own fast path, or another one with the reason why. */
export type TokenizerFiles =
  | { readonly kind: 'bert'; readonly vocab: readonly string[]; readonly options: BertTokenizerOptions }
  | { readonly kind: 'other'; readonly reason: string; readonly file: string; readonly tokenizer: JsonObject; readonly config: JsonObject };

const configHint = 'Copy the tokenizer files of the model again, or remove the setting.';

/**
 * Reads the tokenizer of a directory.
 * @throws UsageError where the directory or its files are missing, DataError (file and line, or JSON path) where a file is malformed
 */
export async function readTokenizerFiles(directory: string): Promise<TokenizerFiles> {
  const found = await stat(directory).catch(() => undefined);
  if (found === undefined) throw new UsageError(`${directory}: no such directory.${await didYouMeanPath(directory)}`, { hint: 'Give a directory with vocab.txt or tokenizer.json.' });
  if (!found.isDirectory()) throw new UsageError(`${directory}: is a file; expected a directory with vocab.txt or tokenizer.json`, { hint: `Give ${path.dirname(directory)}.` });
  const configFile = path.join(directory, 'tokenizer_config.json');
  const configText = await readOptional(configFile);
  const config = configText === undefined ? {} : parseJsonObject(configText, { file: configFile, hint: configHint });
  const settings = new ConfigReader(config, configFile);

  const jsonFile = path.join(directory, 'tokenizer.json');
  const jsonText = await readOptional(jsonFile);
  if (jsonText !== undefined) {
    const json = parseJsonObject(jsonText, { file: jsonFile, hint: 'Copy the tokenizer files of the model again.' });
    const bert = readBertTokenizerJson(json, jsonFile);
    if (bert.kind === 'other') return { kind: 'other', reason: bert.reason, file: jsonFile, tokenizer: json, config };
    // As in transformers, what tokenizer_config.json says wins.
    return {
      kind: 'bert',
      vocab: bert.vocab,
      options: {
        ...bert.options,
        lowercase: settings.boolean('do_lower_case') ?? bert.options.lowercase,
        stripAccents: 'strip_accents' in config ? settings.boolean('strip_accents') : bert.options.stripAccents,
        tokenizeChineseChars: settings.boolean('tokenize_chinese_chars') ?? bert.options.tokenizeChineseChars,
        specialTokens: settings.specialTokens(bert.options.specialTokens ?? bertSpecialTokens),
        modelMaxLength: settings.maxLength(),
      },
    };
  }

  const vocabFile = path.join(directory, 'vocab.txt');
  const vocabText = await readOptional(vocabFile);
  if (vocabText === undefined) {
    throw new UsageError(`${directory}: holds neither tokenizer.json nor vocab.txt`, { hint: 'Train a vocabulary with `bertwright vocab`, or copy the tokenizer of a model there.' });
  }
  return {
    kind: 'bert',
    vocab: parseVocab(vocabText, vocabFile),
    options: {
      lowercase: settings.boolean('do_lower_case') ?? true,
      stripAccents: settings.boolean('strip_accents'),
      tokenizeChineseChars: settings.boolean('tokenize_chinese_chars'),
      specialTokens: settings.specialTokens(bertSpecialTokens),
      modelMaxLength: settings.maxLength(),
    },
  };
}

/** As readTokenizerFiles; any other kind of tokenizer is a DataError. */
export async function loadBertTokenizer(directory: string): Promise<{ vocab: readonly string[]; options: BertTokenizerOptions }> {
  const files = await readTokenizerFiles(directory);
  if (files.kind === 'other') {
    throw new DataError(`${files.reason}; expected a WordPiece tokenizer as BERT's`, { location: { file: files.file }, hint: 'AutoTokenizer.fromPretrained loads other kinds.' });
  }
  return files;
}

/** One token a line; the line's number less 1 is its id. */
export function parseVocab(text: string, file: string): string[] {
  const lines = text.replace(/^\ufeff/, '').split('\n');
  if (lines.at(-1) === '') lines.pop();
  const lineOf = new Map<string, number>();
  return lines.map((raw, i) => {
    const token = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    const line = i + 1;
    if (token === '') throw new DataError('an empty line; expected a token', { location: { file, line }, hint: 'Every line is one token; its number is the id.' });
    const before = lineOf.get(token);
    if (before !== undefined) throw new DataError(`the token ${JSON.stringify(token)} stands on line ${before} already`, { location: { file, line } });
    lineOf.set(token, line);
    return token;
  });
}

async function readOptional(file: string): Promise<string | undefined> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new IoError(`${file}: cannot be read (${cause instanceof Error ? cause.message : String(cause)})`, { cause });
  });
  if (bytes === undefined || isUtf8(bytes)) return bytes?.toString('utf8');
  let line = 1;
  for (let start = 0; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) throw new DataError('bytes that are not UTF-8', { location: { file, line }, hint: 'Convert the file to UTF-8.' });
    start = end + 1;
  }
}

/** Typed access to tokenizer_config.json. */
class ConfigReader {
  readonly #config: JsonObject;
  readonly #file: string;

  constructor(config: JsonObject, file: string) {
    this.#config = config;
    this.#file = file;
  }

  boolean(key: string): boolean | undefined {
    const value = this.#own(key);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'boolean') throw this.#wrong(key, value, 'true or false');
    return value;
  }

  /** transformers writes a number near 1e30 for "no limit". */
  maxLength(): number | undefined {
    const value = this.#own('model_max_length');
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number' || value < 1) throw this.#wrong('model_max_length', value, 'a length');
    return Number.isSafeInteger(value) ? value : undefined;
  }

  specialTokens(defaults: SpecialTokens): SpecialTokens {
    return {
      pad: this.#token('pad_token') ?? defaults.pad,
      unk: this.#token('unk_token') ?? defaults.unk,
      cls: this.#token('cls_token') ?? defaults.cls,
      sep: this.#token('sep_token') ?? defaults.sep,
      mask: this.#token('mask_token') ?? defaults.mask,
    };
  }

  /** A token is a string, or an object with its content. */
  #token(key: string): string | undefined {
    const value = this.#own(key);
    if (value === undefined || value === null) return undefined;
    const content = isJsonObject(value) ? value['content'] : value;
    if (typeof content !== 'string' || content === '') throw this.#wrong(key, value, 'a token');
    return content;
  }

  #own(key: string): JsonValue | undefined {
    return Object.hasOwn(this.#config, key) ? this.#config[key] : undefined;
  }

  #wrong(key: string, value: JsonValue, expected: string): DataError {
    return new DataError(`${key} is ${JSON.stringify(value).slice(0, 80)}; expected ${expected}`, { location: { file: this.#file }, hint: configHint });
  }
}
