/** What tests look at in a prepared folder. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { BertTokenizer } from '../../src/tokenizer/index.js';
import type { PreparedCorpus } from '../manifest.js';

/** The hash of each file in a folder, folders below it and the lock left out. */
export function filesOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile() && entry.name !== '.lock');
  return Object.fromEntries(files.map(({ name }) => [name, createHash('sha256').update(readFileSync(path.join(folder, name))).digest('hex')]).sort());
}

/** Documents as lists of sentences, their pieces with blanks between. */
export async function documentsOf({ folder, store }: PreparedCorpus): Promise<string[][]> {
  const { vocab } = await BertTokenizer.fromPretrained(folder);
  return Array.from({ length: store.documentCount }, (_, d) =>
    Array.from({ length: store.documents.sentences[d] ?? 0 }, (_, i) => {
      const sentence = (store.documentStart[d] ?? 0) + i;
      const start = store.sentenceStart[sentence] ?? 0;
      const ids = new Int32Array((store.sentenceStart[sentence + 1] ?? 0) - start);
      store.copyTokens(start, ids.length, ids, 0);
      return Array.from(ids, (id) => vocab[id]).join(' ');
    }),
  );
}
