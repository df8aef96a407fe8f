/** Which files of a task's folder hold a split: the release's TSV, or tables as the Hugging Face Hub and the datasets library lay them out. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';
import { didYouMeanPath } from '../src/data/nearPath.js';
import { foldName, type GlueSplit, type GlueTask } from './tasks.js';

/** In the order of preference where a folder has several. */
const endings = ['parquet', 'arrow', 'jsonl', 'json', 'csv'] as const;

/** The files of one split. */
export interface SplitFiles {
  /** The release's TSV with its own columns, or tables with the Hub's. */
  readonly layout: 'release' | 'tables';
  /** In the order of their rows. */
  readonly files: readonly string[];
}

/** The task's folder inside `dir`, in any case, with or without the hyphen. Throws a UsageError with the near match where it is absent. */
export async function taskFolder(dir: string, task: GlueTask): Promise<string> {
  let names: string[];
  try {
    names = await readdir(dir);
  } catch {
    throw new UsageError(`no GLUE data folder at ${dir}.${await didYouMeanPath(dir)}`, { hint: 'give the folder that holds CoLA, SST-2, … with --data, or set GLUE_DIR' });
  }
  const meant = [task.title, ...(task.folderAlias === undefined ? [] : [task.folderAlias])].map(foldName);
  const found = names.find((name) => name === task.title) ?? names.find((name) => meant.includes(foldName(name)));
  if (found !== undefined) return path.join(dir, found);
  throw new UsageError(`no folder "${task.title}" in ${dir}.${didYouMean(task.title, names)}`, { hint: `${dir} has: ${names.sort().join(', ') || 'nothing'}` });
}

/** Names that a split's table files start with, best first. */
function stems(task: GlueTask, split: GlueSplit): readonly string[] {
  const matched = task.splits.dev_mismatched === undefined ? '' : '_matched';
  if (split === 'train') return ['train'];
  if (split === 'test' && task.predictedBy !== undefined) return ['test', 'diagnostic'];
  if (split === 'dev' || split === 'test') return split === 'dev' ? [`validation${matched}`, `dev${matched}`] : [`test${matched}`];
  return split === 'dev_mismatched' ? ['validation_mismatched', 'dev_mismatched'] : ['test_mismatched'];
}

/**
 * The files of a split.
 * @throws UsageError for a folder without them, listing what it has; DataError where one of several shards is absent
 */
export async function splitFiles(folder: string, task: GlueTask, split: GlueSplit): Promise<SplitFiles> {
  const release = task.splits[split]?.file ?? '';
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.map(({ name }) => name);
  if (names.includes(release)) return { layout: 'release', files: [path.join(folder, release)] };
  for (const stem of stems(task, split)) {
    const files = (await tableFiles(folder, entries, stem)) ?? [];
    if (files.length > 0) return { layout: 'tables', files };
  }
  throw new UsageError(`no file ${release} in ${folder}, nor ${stems(task, split)[0] ?? ''} as .${endings.join(', .')}.${didYouMean(release, names)}`, { hint: `${folder} has: ${names.sort().join(', ') || 'nothing'}` });
}

/** `stem.parquet`, `stem-00000-of-00002.parquet`, `glue-stem.arrow`, or numbered ones in a folder `stem`. */
async function tableFiles(folder: string, entries: readonly Dirent[], stem: string): Promise<string[] | undefined> {
  const inside = entries.some((entry) => entry.name === stem && !entry.isFile()) ? await readdir(path.join(folder, stem)).catch(() => []) : [];
  for (const ending of endings) {
    const beside = shards(folder, entries.map(({ name }) => name), new RegExp(`^(?:glue-)?${stem}(?:-(\\d+)-of-(\\d+))?\\.${ending}$`));
    if (beside.length > 0) return beside;
    const within = shards(path.join(folder, stem), inside, new RegExp(`^(?:[a-z_]+-)?(\\d+)(?:-of-(\\d+))?\\.${ending}$`));
    if (within.length > 0) return within;
  }
  return undefined;
}

/** Matching names by their number; a gap, or fewer than the names say, is a DataError. */
function shards(folder: string, names: readonly string[], pattern: RegExp): string[] {
  const found = names
    .flatMap((name) => {
      const match = pattern.exec(name);
      return match === null ? [] : [{ name, number: Number(match[1] ?? 0), of: match[2] === undefined ? undefined : Number(match[2]) }];
    })
    .sort((a, b) => a.number - b.number);
  const expected = found[0]?.of ?? found.length;
  const absent = found.length === 0 ? -1 : Array.from({ length: expected }, (_, i) => i).findIndex((i) => found[i]?.number !== i);
  if (absent >= 0 || found.length > expected) {
    throw new DataError(`shards ${found.map(({ name }) => name).join(', ')}: expected ${expected}, numbered from 0`, { location: { file: folder }, hint: 'fetch the missing one, or remove those of another version' });
  }
  return found.map(({ name }) => path.join(folder, name));
}
