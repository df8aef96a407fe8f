/** The files of a corpus: patterns in place of names, how each is read, and what tells that one has changed. */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../../src/data/errors.js';
import { inputFileSize } from '../../src/data/textLines.js';
import { isJsonLines } from '../../src/data/jsonLines.js';
import type { InputFormat } from './encodeBlock.js';
import type { InputStamp } from './resume.js';

export interface InputFile extends InputStamp {
  readonly format: InputFormat;
}

/**
 * The files that `corpus` names, in its order; those of a pattern (`*`, `?`, `**` for folders) sorted. Errors: UsageError for a name that is
 * absent, with the near match, for a folder, and for a pattern that fits no file.
 */
export async function findInputFiles(corpus: readonly string[]): Promise<InputFile[]> {
  if (corpus.length === 0) throw new UsageError('no corpus was given', { hint: 'Name one or more text files with --corpus.' });
  const files: InputFile[] = [];
  for (const name of corpus) {
    for (const file of await expandPattern(name)) files.push({ file, bytes: await inputFileSize(file), modified: (await stat(file)).mtimeMs, format: isJsonLines(file) ? 'json-lines' : 'text' });
  }
  return files;
}

const wildcard = /[*?]/;

async function expandPattern(name: string): Promise<string[]> {
  if (!wildcard.test(name) || existsSync(name)) return [name];
  const { root } = path.parse(name);
  const parts = name.slice(root.length).split(path.sep);
  const found = (await matches(root, parts)).sort();
  if (found.length === 0) throw new UsageError(`${name}: no file fits this pattern`, { hint: 'Signs: * for any characters, ? for one, ** for any folders.' });
  return found;
}

/** Files below `folder` that fit the rest of a pattern. */
async function matches(folder: string, parts: readonly string[]): Promise<string[]> {
  const [part = '', ...rest] = parts;
  const last = rest.length === 0;
  if (!wildcard.test(part)) {
    const next = path.join(folder, part);
    if (!last) return matches(next, rest);
    return existsSync(next) ? [next] : [];
  }
  const entries = await readdir(folder === '' ? '.' : folder, { withFileTypes: true }).catch(() => []);
  if (part === '**') {
    const below = await Promise.all(entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => matches(path.join(folder, entry.name), parts)));
    return [...(last ? matchesIn(folder, '*', entries.filter((entry) => !entry.isDirectory())) : await matches(folder, rest)), ...below.flat()];
  }
  const names = matchesIn(folder, part, last ? entries.filter((entry) => !entry.isDirectory()) : entries);
  return last ? names : (await Promise.all(names.map((name) => matches(name, rest)))).flat();
}

function matchesIn(folder: string, part: string, entries: readonly { readonly name: string }[]): string[] {
  const pattern = new RegExp(`^${part.replaceAll(/[\\^$.+()[\]{}|]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
  return entries.filter(({ name }) => pattern.test(name) && (part.startsWith('.') || !name.startsWith('.'))).map(({ name }) => path.join(folder, name));
}
