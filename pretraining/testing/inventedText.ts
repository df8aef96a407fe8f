/** Text for tests: made of few words, different in every sentence, the same for the same seed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { Random } from '../../src/data/random.js';
import { TokenStore } from '../../src/data/tokenStore.js';
import { BertTokenizer } from '../../src/tokenizer/index.js';

const words = ['river', 'stone', 'light', 'under', 'walk', 'slow', 'green', 'after', 'house', 'wind', 'paper', 'north', 'seven', 'open', 'glass'];
const endings = ['##s', '##ing', '##ly', '##er'];

export const testVocabulary: readonly string[] = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words, ...endings, '.', ','];

export function testTokenizer(): BertTokenizer {
  return BertTokenizer.fromVocab([...testVocabulary], { lowercase: true });
}

/** A folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-pretraining-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A sentence of 1 to `most` words. */
function sentence(random: Random, most: number): string {
  const pick = <T>(from: readonly T[]): T => from[random.integer(from.length)] as T;
  const list = Array.from({ length: 1 + random.integer(most) }, () => pick(words) + (random.uniform() < 0.3 ? pick(endings).slice(2) : ''));
  return `${list.join(' ')}.`;
}

/** Documents of 1 to `mostSentences` sentences, a blank line after each. */
export function inventedText(documents: number, mostSentences: number, seed = 1, mostWords = 14): string {
  const random = new Random(seed);
  return Array.from({ length: documents }, () => `${Array.from({ length: 1 + random.integer(mostSentences) }, () => sentence(random, mostWords)).join('\n')}\n\n`).join('');
}

/** Sentences that go through the words in their order from a random one on: any word can be told from its neighbours. */
export function countingText(documents: number, sentences: number, seed = 1): string {
  const random = new Random(seed);
  const line = (): string => {
    const first = random.integer(words.length);
    return Array.from({ length: 9 }, (_, i) => words[(first + i) % words.length]).join(' ');
  };
  return Array.from({ length: documents }, () => `${Array.from({ length: sentences }, line).join('\n')}\n\n`).join('');
}

export function writeText(folder: string, name: string, content: string | Uint8Array): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** A store whose token at place i is i: a range of tokens then tells where it comes from. Documents are lists of sentence lengths. */
export function placeStore(documents: readonly (readonly number[])[], hashes?: readonly bigint[]): TokenStore {
  const lengths = documents.flat();
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + length;
  });
  const values = Int32Array.from({ length: offsets.at(-1) ?? 0 }, (_, i) => i);
  return new TokenStore([{ values, offsets }], {
    sentences: Int32Array.from(documents, (sentences) => sentences.length),
    hashes: BigUint64Array.from(hashes ?? documents.map((_, i) => BigInt(i + 1))),
  });
}

/** Random lengths for `placeStore`. */
export function randomLengths(documents: number, mostSentences: number, mostTokens: number, seed = 7): number[][] {
  const random = new Random(seed);
  return Array.from({ length: documents }, () => Array.from({ length: 1 + random.integer(mostSentences) }, () => 1 + random.integer(mostTokens)));
}

/** The numbers of all documents of a store. */
export function allDocuments(store: TokenStore): Int32Array {
  return Int32Array.from({ length: store.documentCount }, (_, i) => i);
}
