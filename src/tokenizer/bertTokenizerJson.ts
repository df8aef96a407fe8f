/** Tells whether a tokenizer.json describes BERT's tokenizer, and takes the vocabulary and the settings out of it. */
import { DataError } from '../data/errors.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../data/strictJson.js';
import { type BertTokenizerOptions, bertSpecialTokens } from './bertTokenizerOptions.js';

export type BertTokenizerJson = { readonly kind: 'bert'; readonly vocab: readonly string[]; readonly options: BertTokenizerOptions } | { readonly kind: 'other'; readonly reason: string };

/**
 * `other` where a part is one that our fast path does not have, with the reason.
 * @throws DataError with the JSON path where a part is malformed
 */
export function readBertTokenizerJson(json: JsonObject, file: string): BertTokenizerJson {
  const fields = new Fields(file);
  const model = fields.object(json, 'model', '');
  const type = fields.optionalString(model, 'type', 'model');
  const other = (reason: string): BertTokenizerJson => ({ kind: 'other', reason });
  // Files from before the type was written are told by the prefix.
  if (type === undefined ? model['continuing_subword_prefix'] === undefined : type !== 'WordPiece') return other(`model.type is ${JSON.stringify(type ?? null)}`);
  for (const [part, wanted] of [
    ['normalizer', 'BertNormalizer'],
    ['pre_tokenizer', 'BertPreTokenizer'],
    ['decoder', 'WordPiece'],
  ] as const) {
    const found = typeOf(json[part]);
    if (found !== wanted) return other(`${part} is ${found}`);
  }
  const normalizer = fields.object(json, 'normalizer', '');
  const added = fields.addedTokens(json);
  const plain = added.find((token) => !token.special || token.normalized || token.stretches);
  if (plain !== undefined) return other(`the added token ${JSON.stringify(plain.content)} is not a plain special token`);
  const template = readTemplate(json['post_processor']);
  if (template === undefined) return other('post_processor is not [CLS] A [SEP] B [SEP]');
  const unk = fields.optionalString(model, 'unk_token', 'model') ?? bertSpecialTokens.unk;
  const roles = { ...bertSpecialTokens, unk, cls: template.cls, sep: template.sep };
  return {
    kind: 'bert',
    vocab: fields.vocabulary(model, added),
    options: {
      lowercase: fields.optionalBoolean(normalizer, 'lowercase', 'normalizer') ?? true,
      stripAccents: fields.optionalBoolean(normalizer, 'strip_accents', 'normalizer'),
      tokenizeChineseChars: fields.optionalBoolean(normalizer, 'handle_chinese_chars', 'normalizer') ?? true,
      cleanText: fields.optionalBoolean(normalizer, 'clean_text', 'normalizer') ?? true,
      specialTokens: roles,
      additionalSpecialTokens: added.map((token) => token.content).filter((content) => !Object.values(roles).includes(content)),
      continuingSubwordPrefix: fields.optionalString(model, 'continuing_subword_prefix', 'model') ?? '##',
      maxInputCharsPerWord: fields.optionalCount(model, 'max_input_chars_per_word', 'model') ?? 100,
    },
  };
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
  /** Takes blanks beside it along, or must stand alone. */
  readonly stretches: boolean;
}

/** The type of a part of tokenizer.json, for messages too. */
function typeOf(part: JsonValue | undefined): string {
  if (part === undefined || part === null) return 'missing';
  const type = isJsonObject(part) ? part['type'] : undefined;
  return typeof type === 'string' ? type : 'of no type';
}

/** [CLS] and [SEP] where the post-processor sets them as BERT does. */
function readTemplate(part: JsonValue | undefined): { readonly cls: string; readonly sep: string } | undefined {
  if (!isJsonObject(part)) return undefined;
  if (part['type'] === 'BertProcessing') {
    const first = (value: JsonValue | undefined): JsonValue | undefined => (Array.isArray(value) ? value[0] : undefined);
    const cls = first(part['cls']);
    const sep = first(part['sep']);
    return typeof cls === 'string' && typeof sep === 'string' ? { cls, sep } : undefined;
  }
  if (part['type'] !== 'TemplateProcessing' || !Array.isArray(part['single']) || !Array.isArray(part['pair'])) return undefined;
  const single = part['single'].map(templatePiece);
  const pair = part['pair'].map(templatePiece);
  const cls = /^\+(.*)\/0$/s.exec(single[0] ?? '')?.[1];
  const sep = /^\+(.*)\/0$/s.exec(single[2] ?? '')?.[1];
  if (cls === undefined || sep === undefined) return undefined;
  const wanted = [`+${cls}/0`, '=A/0', `+${sep}/0`, '=B/1', `+${sep}/1`];
  const same = single.length === 3 && pair.length === 5 && single.every((piece, i) => piece === wanted[i]) && pair.every((piece, i) => piece === wanted[i]);
  return same ? { cls, sep } : undefined;
}

/** A piece of a template as text: `+[CLS]/0` for a special token, `=A/0` for a text, each with its segment. */
function templatePiece(piece: JsonValue): string {
  if (!isJsonObject(piece)) return '';
  const special = piece['SpecialToken'];
  if (isJsonObject(special)) return `+${String(special['id'])}/${String(special['type_id'])}`;
  const sequence = piece['Sequence'];
  return isJsonObject(sequence) ? `=${String(sequence['id'])}/${String(sequence['type_id'])}` : '';
}

/** Typed access to parts of the file; every error has its JSON path. */
class Fields {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  object(parent: JsonObject, key: string, at: string): JsonObject {
    const value = own(parent, key);
    if (!isJsonObject(value)) throw this.#wrong(join(at, key), value, 'an object');
    return value;
  }

  optionalString(parent: JsonObject, key: string, at: string): string | undefined {
    const value = own(parent, key) ?? undefined;
    if (value !== undefined && typeof value !== 'string') throw this.#wrong(join(at, key), value, 'a string');
    return value;
  }

  optionalBoolean(parent: JsonObject, key: string, at: string): boolean | undefined {
    const value = own(parent, key) ?? undefined;
    if (value !== undefined && typeof value !== 'boolean') throw this.#wrong(join(at, key), value, 'true or false');
    return value;
  }

  optionalCount(parent: JsonObject, key: string, at: string): number | undefined {
    const value = own(parent, key) ?? undefined;
    if (value !== undefined && (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)) throw this.#wrong(join(at, key), value, 'a whole number');
    return value;
  }

  addedTokens(json: JsonObject): AddedToken[] {
    const list = own(json, 'added_tokens') ?? [];
    if (!Array.isArray(list)) throw this.#wrong('added_tokens', list, 'an array');
    return list.map((token, i) => {
      const at = `added_tokens[${i}]`;
      if (!isJsonObject(token)) throw this.#wrong(at, token, 'an object');
      const id = this.optionalCount(token, 'id', at);
      if (id === undefined) throw this.#wrong(`${at}.id`, undefined, 'a whole number');
      const content = this.optionalString(token, 'content', at);
      if (content === undefined || content === '') throw this.#wrong(`${at}.content`, content, 'a token');
      const flag = (key: string): boolean => this.optionalBoolean(token, key, at) ?? false;
      return { id, content, special: flag('special'), normalized: flag('normalized'), stretches: flag('single_word') || flag('lstrip') || flag('rstrip') };
    });
  }

  /** The tokens by id: the model's, and added ones beyond them. */
  vocabulary(model: JsonObject, added: readonly AddedToken[]): string[] {
    const vocab: string[] = [];
    let count = 0;
    const set = (token: string, id: JsonValue | undefined, at: string): void => {
      if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) throw this.#wrong(at, id, 'an id, 0 or more');
      const before = vocab[id];
      if (before !== undefined && before !== token) throw new DataError(`${at} is ${id}, the id of ${JSON.stringify(before)} already`, { location: { file: this.#file } });
      if (before === undefined) count += 1;
      // An id far beyond the number of tokens is refused before it makes a huge array.
      if (id > 100_000_000) throw this.#wrong(at, id, 'ids without gaps');
      vocab[id] = token;
    };
    const tokens = this.object(model, 'vocab', 'model');
    for (const [token, id] of Object.entries(tokens)) set(token, id, `model.vocab[${JSON.stringify(token)}]`);
    added.forEach((token, i) => {
      if (!Object.hasOwn(tokens, token.content)) set(token.content, token.id, `added_tokens[${i}].id`);
      else if (tokens[token.content] !== token.id) throw this.#wrong(`added_tokens[${i}].id`, token.id, `${String(tokens[token.content])}, its id in model.vocab`);
    });
    if (count !== vocab.length) {
      let gap = 0;
      while (vocab[gap] !== undefined) gap += 1;
      throw new DataError(`model.vocab has ${count} tokens with ids up to ${vocab.length - 1}, and none with id ${gap}; expected ids without gaps`, { location: { file: this.#file } });
    }
    return vocab;
  }

  #wrong(at: string, value: JsonValue | undefined, expected: string): DataError {
    const found = value === undefined ? 'missing' : `${JSON.stringify(value).slice(0, 80)}`;
    return new DataError(`${at} is ${found}; expected ${expected}`, { location: { file: this.#file }, hint: 'Copy the tokenizer files of the model again.' });
  }
}

function own(parent: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(parent, key) ? parent[key] : undefined;
}

function join(at: string, key: string): string {
  return at === '' ? key : `${at}.${key}`;
}
