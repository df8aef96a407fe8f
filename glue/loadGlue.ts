/** Loads the examples of one split of one GLUE task. */
import { DataError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';
import { columnIndex, readTsv, type TsvFile, type TsvRow } from './readTsv.js';
import { splitFiles, taskFolder } from './splitFiles.js';
import { readTable } from './tables/readTable.js';
import { fileLabels, type GlueSplit, type GlueTask, glueSplit, glueTask, type SplitFile } from './tasks.js';

export interface GlueExample {
  /** Row number in the file from 0: the index of the submission file. */
  readonly index: number;
  readonly textA: string;
  readonly textB: string | undefined;
  /** Class index in the table's label order, or the score of a regression task; undefined where the row has no gold label. */
  readonly label: number | undefined;
  /** Line in its file (of columnar formats: row), from 1. */
  readonly line: number;
}

export interface GlueData {
  readonly task: GlueTask;
  readonly split: GlueSplit;
  /** In the order of the rows. */
  readonly files: readonly string[];
  readonly examples: readonly GlueExample[];
  /** Malformed rows left out (QQP's train file only). */
  readonly skipped: number;
  /** Rows of the official release; a difference belongs into the report. */
  readonly officialRows: number;
}

/**
 * Reads one split, from whatever lies in the task's folder: the release's TSV, or .parquet, .arrow, .jsonl, .json or .csv with the Hub's columns.
 * @param dir the folder that holds the task folders (`CoLA/train.tsv`, `cola/train-00000-of-00001.parquet`, …)
 * @param taskName any spelling of the task's name
 * @param splitName train, dev, test (MNLI also dev_mismatched, test_mismatched; `validation…` means dev)
 * Malformed rows are a DataError with file, line and column, but for the TSV of QQP's training set, where they are skipped and counted.
 */
export async function loadGlue(dir: string, taskName: string, splitName: string): Promise<GlueData> {
  const task = glueTask(taskName);
  const split = glueSplit(task, splitName);
  const layout = task.splits[split] as SplitFile;
  const { layout: kind, files } = await splitFiles(await taskFolder(dir, task), task, split);
  const { examples, skipped } = kind === 'release' ? await readRelease(files[0] as string, task, layout) : { examples: await readTables(files, task, layout), skipped: 0 };
  if (examples.length === 0) throw new DataError('the file has a header but no rows', { location: { file: files[0] as string } });
  return { task, split, files, examples, skipped, officialRows: layout.officialRows };
}

async function readRelease(file: string, task: GlueTask, layout: SplitFile): Promise<{ readonly examples: readonly GlueExample[]; readonly skipped: number }> {
  const tsv = await readTsv(file, { header: layout.header });
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
  return { examples, skipped };
}

/** The labels of tables are class numbers or names; the test sets' -1 is not looked at. */
async function readTables(files: readonly string[], task: GlueTask, layout: SplitFile): Promise<GlueExample[]> {
  const examples: GlueExample[] = [];
  for (const file of files) {
    const table = await readTable(file);
    const [columnA = '', columnB] = task.hubColumns;
    for (const column of [...task.hubColumns, ...(layout.label === undefined ? [] : ['label'])]) {
      if (!table.columns.includes(column)) {
        throw new DataError(`no column "${column}".${didYouMean(column, table.columns)}`, { location: { file }, hint: `it has: ${table.columns.join(', ')}; ${task.title} has ${task.hubColumns.join(', ')} and label` });
      }
    }
    for (const { line, cells } of table.rows) {
      const cell = (column: string): string => {
        const text = cells.get(column);
        if (text === undefined) throw new DataError(`no value for "${column}"`, { location: { file, line } });
        return text;
      };
      const label = layout.label === undefined ? undefined : parseLabel(task, [...task.labels, ...task.labels.map((_, i) => String(i))], cell('label'), { file, line, column: table.columns.indexOf('label') + 1 });
      const textB = columnB === undefined ? undefined : cell(columnB);
      examples.push({ index: examples.length, textA: cell(columnA), textB, label: label === undefined || task.kind === 'regression' ? label : label % task.labels.length, line });
    }
  }
  return examples;
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
