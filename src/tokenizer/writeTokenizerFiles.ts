/** Writes a BERT tokenizer's files as transformers does, so that it, transformers.js and the Rust library load them. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../checkpoint/atomicFile.js';
import { DataError, IoError } from '../data/errors.js';
import type { ResolvedBertTokenizerOptions } from './bertTokenizerOptions.js';

/**
 * Writes vocab.txt, tokenizer.json, tokenizer_config.json and special_tokens_map.json.
 * @throws DataError for a token that cannot stand on a line of vocab.txt, IoError where writing fails
 */
export async function writeTokenizerFiles(directory: string, vocab: readonly string[], options: ResolvedBertTokenizerOptions): Promise<void> {
  const broken = vocab.find((token) => token === '' || /[\r\n]/.test(token));
  if (broken !== undefined) throw new DataError(`the token ${JSON.stringify(broken)} cannot stand on a line of vocab.txt`);
  await mkdir(directory, { recursive: true }).catch((cause: unknown) => {
    throw new IoError(`${directory}: cannot be made (${cause instanceof Error ? cause.message : String(cause)})`, { cause });
  });
  const { pad, unk, cls, sep, mask } = options.specialTokens;
  const roles = { cls_token: cls, mask_token: mask, pad_token: pad, sep_token: sep, unk_token: unk };
  const write = (name: string, text: string): void => writeFileAtomic(path.join(directory, name), text);
  write('vocab.txt', `${vocab.join('\n')}\n`);
  write('tokenizer.json', tokenizerJson(vocab, options));
  const additional = options.additionalSpecialTokens.length === 0 ? {} : { additional_special_tokens: options.additionalSpecialTokens };
  write('special_tokens_map.json', `${JSON.stringify({ ...additional, ...roles }, undefined, 2)}\n`);
  const config = {
    added_tokens_decoder: Object.fromEntries(addedTokens(vocab, options).map(({ id, ...token }) => [id, token])),
    ...additional,
    clean_up_tokenization_spaces: true,
    do_lower_case: options.lowercase,
    ...(options.modelMaxLength === undefined ? {} : { model_max_length: options.modelMaxLength }),
    strip_accents: options.stripAccents ?? null,
    tokenize_chinese_chars: options.tokenizeChineseChars,
    tokenizer_class: 'BertTokenizer',
    ...roles,
  };
  write('tokenizer_config.json', `${JSON.stringify(config, undefined, 2)}\n`);
}

function addedTokens(vocab: readonly string[], options: ResolvedBertTokenizerOptions) {
  const special = new Set([...Object.values(options.specialTokens), ...options.additionalSpecialTokens]);
  return vocab.flatMap((content, id) => (special.has(content) ? [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }] : []));
}

function tokenizerJson(vocab: readonly string[], options: ResolvedBertTokenizerOptions): string {
  const { unk, cls, sep } = options.specialTokens;
  const special = (id: string, segment: 0 | 1) => ({ SpecialToken: { id, type_id: segment } });
  const text = (id: 'A' | 'B', segment: 0 | 1) => ({ Sequence: { id, type_id: segment } });
  const named = (token: string) => ({ id: token, ids: [vocab.indexOf(token)], tokens: [token] });
  const head = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocab, options),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: options.cleanText,
      handle_chinese_chars: options.tokenizeChineseChars,
      strip_accents: options.stripAccents ?? null,
      lowercase: options.lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special(cls, 0), text('A', 0), special(sep, 0)],
      pair: [special(cls, 0), text('A', 0), special(sep, 0), text('B', 1), special(sep, 1)],
      special_tokens: Object.fromEntries([cls, sep].map((token) => [token, named(token)])),
    },
    decoder: { type: 'WordPiece', prefix: options.continuingSubwordPrefix, cleanup: true },
  };
  const model = {
    type: 'WordPiece',
    unk_token: unk,
    continuing_subword_prefix: options.continuingSubwordPrefix,
    max_input_chars_per_word: options.maxInputCharsPerWord,
  };
  // The vocabulary is written by hand: an object would move tokens such as "7" to the front and lose "__proto__".
  const entries = vocab.map((token, id) => `      ${JSON.stringify(token)}: ${id}`).join(',\n');
  const open = (value: object, indent: string): string => JSON.stringify(value, undefined, 2).replace(/\n\}$/, '').replaceAll('\n', `\n${indent}`);
  return `${open(head, '')},\n  "model": ${open(model, '  ')},\n    "vocab": {\n${entries}\n    }\n  }\n}\n`;
}
