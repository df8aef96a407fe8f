/** How many ids a tokenizer can give, read from its files alone. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

export interface TokenizerEntries {
  /** The largest id and one: as many rows the embeddings need. */
  readonly entries: number;
  /** The file that says so. */
  readonly file: string;
}

/**
 * The entries of a directory's tokenizer: of tokenizer.json with its added tokens, else the lines of vocab.txt. Undefined where
 * there is neither, or where they are malformed: that is for those who load the tokenizer to say.
 */
export async function tokenizerEntries(directory: string): Promise<TokenizerEntries | undefined> {
  const json = path.join(directory, 'tokenizer.json');
  const text = await readFile(json, 'utf8').catch(() => undefined);
  if (text !== undefined) {
    const entries = entriesOfJson(text);
    return entries === undefined ? undefined : { entries, file: json };
  }
  const file = path.join(directory, 'vocab.txt');
  const lines = (await readFile(file, 'utf8').catch(() => undefined))?.split('\n');
  if (lines === undefined) return undefined;
  return { entries: lines.at(-1) === '' ? lines.length - 1 : lines.length, file };
}

function entriesOfJson(text: string): number | undefined {
  try {
    const json = JSON.parse(text) as { model?: { vocab?: unknown }; added_tokens?: { id?: unknown }[] };
    const vocab = json.model?.vocab;
    // A word piece model maps tokens to ids; a unigram model lists tokens in the order of their ids.
    const ids: unknown[] = Array.isArray(vocab) ? [vocab.length - 1] : Object.values(vocab ?? {});
    const largest = [...ids, ...(json.added_tokens ?? []).map(({ id }) => id)].reduce<number>((most, id) => (typeof id === 'number' && id > most ? id : most), -1);
    return largest < 0 ? undefined : largest + 1;
  } catch {
    return undefined;
  }
}
