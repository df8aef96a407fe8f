/** Loads the examples of one split of one GLUE task from a folder of the release's TSV files. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';
import { didYouMeanPath } from '../src/data/nearPath.js';
import { columnIndex, readTsv, type TsvFile, type TsvRow } from './readTsv.js';
import { fileLabels, foldName, type GlueSplit, type GlueTask, glueSplit, glueTask, type SplitFile } from './tasks.js';

export interface GlueExample {
  /** Row number in the file from 0: the index of the submission file. */
  readonly index: number;
  readonly textA: string;
  readonly textB: string | undefined;
  /** Class index in the table's label order, or the score of a regression task; undefined where the row has no gold label. */
  readonly label: number | undefined;
  /** Line in the file, from 1. */
  readonly line: number;
}

export interface GlueData {
  readonly task: GlueTask;
  readonly split: GlueSplit;
  readonly file: string;
  readonly examples: readonly GlueExample[];
  /** Malformed rows left out (QQP's train file only). */
  readonly skipped: number;
  /** Rows of the official release; a difference belongs into the report. */
  readonly officialRows: number;
}

/** The task's folder inside `dir`, in any case, with or without the hyphen. Throws a UsageError with the near match where it is absent. */
export async function taskFolder(dir: string, task: GlueTask): Promise<string> {
  let names: string[];
  try {
    names = await readdir(dir);
  } catch {
    throw new UsageError(`no GLUE data folder at ${dir}.${await didYouMeanPath(dir)}`, { hint: 'give the folder that holds CoLA, SST-2, … with --data, or set GLUE_DIR' });
  }
  const found = names.find((name) => name === task.title) ?? names.find((name) => foldName(name) === foldName(task.title));
  if (found !== undefined) return path.join(dir, found);
  throw new UsageError(`no folder "${task.title}" in ${dir}.${didYouMean(task.title, names)}`, { hint: `${dir} has: ${names.sort().join(', ') || 'nothing'}` });
}

/**
 * Reads one split.
 * @param dir the folder that holds the task folders (`CoLA/train.tsv`, …)
 * @param taskName any spelling of the task's name
 * @param splitName train, dev, test (MNLI also dev_mismatched, test_mismatched; `validation…` means dev)
 * Malformed rows are a DataError with file, line and column, but for QQP's train file, where they are skipped and counted.
 */
export async function loadGlue(dir: string, taskName: string, splitName: string): Promise<GlueData> {
  const task = glueTask(taskName);
  const split = glueSplit(task, splitName);
  const layout = task.splits[split] as SplitFile;
  const folder = await taskFolder(dir, task);
  const names = await readdir(folder);
  if (!names.includes(layout.file)) {
    throw new UsageError(`no file ${layout.file} in ${folder}.${didYouMean(layout.file, names)}`, { hint: `${folder} has: ${names.sort().join(', ') || 'nothing'}` });
  }
  const tsv = await readTsv(path.join(folder, layout.file), { header: layout.header });
  const reader = rowReader(task, layout, tsv);
  const examples: GlueExample[] = [];
  let skipped = 0;
  for (const [index, row] of tsv.rows.entries()) {
    try {
      examples.push(reader(row, index));
    } catch (error) {
      if (layout.skipMalformed !== true || !(error instanceof DataError)) throw error;
      skipped += 1;
    }
  }
  if (examples.length === 0) throw new DataError('the file has a header but no rows', { location: { file: tsv.file } });
  return { task, split, file: tsv.file, examples, skipped, officialRows: layout.officialRows };
}

function rowReader(task: GlueTask, layout: SplitFile, tsv: TsvFile): (row: TsvRow, index: number) => GlueExample {
  const columnA = columnIndex(tsv, layout.textA);
  const columnB = layout.textB === undefined ? undefined : columnIndex(tsv, layout.textB);
  const columnLabel = layout.label === undefined ? undefined : columnIndex(tsv, layout.label);
  const needed = 1 + Math.max(columnA, columnB ?? 0, columnLabel ?? 0);
  const width = tsv.header?.length;
  const labels = fileLabels(task);
  return (row, index) => {
    const found = row.fields.length;
    if (found < needed || (width !== undefined && found !== width)) {
      throw new DataError(`${found} tab-separated fields, expected ${width ?? needed}`, {
        location: { file: tsv.file, line: row.line, column: found },
        hint: 'GLUE files have no quoting and no tabs inside a field; take the original file',
      });
    }
    const text = row.fields[columnA] ?? '';
    const label = columnLabel === undefined ? undefined : parseLabel(task, labels, row.fields[columnLabel] ?? '', { file: tsv.file, line: row.line, column: columnLabel + 1 });
    return { index, textA: text, textB: columnB === undefined ? undefined : row.fields[columnB], label, line: row.line };
  };
}

function parseLabel(task: GlueTask, labels: readonly string[], text: string, location: { file: string; line: number; column: number }): number {
  if (task.kind === 'regression') {
    const [low, high] = task.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const score = text.trim() === '' ? Number.NaN : Number(text);
    if (score >= low && score <= high) return score;
    throw new DataError(`score "${text}", expected a number from ${low} to ${high}`, { location });
  }
  const index = labels.indexOf(text);
  if (index >= 0) return index;
  throw new DataError(`label "${text}", expected one of ${labels.join(', ')}`, { location, hint: `is this ${task.title}'s file, with its columns in their order?` });
}
