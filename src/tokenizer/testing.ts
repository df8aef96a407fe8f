/** What the tokenizer's tests share: the fixture made with the Rust library, and folders to write to. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import type { BertTokenizerOptions } from './bertTokenizerOptions.js';

export interface TokenizerFixture {
  readonly vocab: string[];
  /** Hard texts by what is hard about them. */
  readonly hard: Readonly<Record<string, string>>;
  readonly sampled: string[];
  /** Ids by settings, without special tokens. */
  readonly encoded: Readonly<Record<string, { readonly hard: number[][]; readonly sampled?: number[][] }>>;
  /** First text, second text, ids, segments. */
  readonly pairs: [string, string, number[], number[]][];
  /** By strategy: tokens of the first, of the second (-1 = none), limit, kept of the first (-1 = an error), kept of the second. */
  readonly truncated: Readonly<Record<string, [number, number, number, number, number][]>>;
  /** Ids, text, text without special tokens. */
  readonly decoded: [number[], string, string][];
  /** Text, words (uncased). */
  readonly normalized: [string, string[]][];
  /** By settings: SHA-256 over the words of "a" + code point + "b". */
  readonly digests: Readonly<Record<string, string>>;
  /** Ids of the hard and the sampled texts with the vocabulary of bert-base-uncased, special tokens included. */
  readonly bertBaseUncased: number[][];
}

// Compiled to dist/src/tokenizer; the fixture stays beside the source.
export function readFixture(): TokenizerFixture {
  return JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../../src/tokenizer/fixtures/tokenizer.json'), 'utf8')) as TokenizerFixture;
}

/** The settings that the fixture names. */
export const fixtureOptions: Readonly<Record<string, BertTokenizerOptions>> = {
  uncased: { lowercase: true },
  cased: { lowercase: false },
  uncasedWithAccents: { lowercase: true, stripAccents: false },
  casedWithoutAccents: { lowercase: false, stripAccents: true },
  uncasedWithoutChinese: { lowercase: true, tokenizeChineseChars: false },
  raw: { lowercase: false, stripAccents: false, tokenizeChineseChars: false, cleanText: false },
};

/** A new folder that is removed after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-tokenizer-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A file of the shared data, which a checkout may lack. */
export function sharedFile(name: string): string {
  return path.join(process.env['BERTWRIGHT_SHARED'] ?? path.resolve(import.meta.dirname, '../../../../shared'), name);
}
