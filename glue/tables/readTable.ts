/**
 * Rows of a table file: .csv (RFC 4180), .tsv (no quoting), .jsonl (an object a line), .json (a list of objects), .parquet and .arrow.
 * Every row knows its line, so that later errors can name it.
 */
import path from 'node:path';
import { DataError, UsageError } from '../../src/data/errors.js';
import { inputFileSize } from '../../src/data/fileBytes.js';
import { readUtf8 } from '../readTsv.js';
import { readArrow } from './arrow.js';
import { parseCsv, parseTsv, type TextRecord } from './csv.js';
import { fromJsonLines, fromJsonList } from './jsonTables.js';
import { readParquet } from './parquet.js';
import type { Table } from './table.js';

const readers: Readonly<Record<string, (file: string) => Promise<Table>>> = {
  '.csv': async (file) => fromRecords(file, parseCsv(await readUtf8(file), file)),
  '.tsv': async (file) => fromRecords(file, parseTsv(await readUtf8(file))),
  '.json': async (file) => fromJsonList(file, await readUtf8(file)),
  '.jsonl': async (file) => fromJsonLines(file, await readUtf8(file)),
  '.parquet': readParquet,
  '.arrow': readArrow,
};

/** What `readTable` reads, by the ending of a file's name. */
export const tableEndings: readonly string[] = Object.keys(readers);

/** Reads a table by its ending. Throws UsageError (unknown ending; absent, with the near match), IoError (unreadable), DataError (malformed, with file:line). */
export async function readTable(file: string): Promise<Table> {
  const extension = path.extname(file).toLowerCase();
  const reader = Object.hasOwn(readers, extension) ? readers[extension] : undefined;
  if (reader === undefined) throw new UsageError(`${file}: unknown kind of table "${extension}"`, { hint: `known: ${tableEndings.join(', ')}` });
  await inputFileSize(file);
  const table = await reader(file);
  if (table.rows.length === 0) throw new DataError('no rows', { location: { file } });
  return table;
}

function fromRecords(file: string, records: readonly TextRecord[]): Table {
  const [header, ...body] = records;
  if (header === undefined) throw new DataError('the file is empty; expected a header line', { location: { file } });
  const columns = header.fields;
  const repeated = columns.find((name, i) => columns.indexOf(name) !== i);
  if (repeated !== undefined) throw new DataError(`the header has the column "${repeated}" twice`, { location: { file, line: header.line } });
  const rows = body.map(({ line, fields }) => {
    if (fields.length !== columns.length) {
      throw new DataError(`${fields.length} fields, expected ${columns.length} as in the header`, {
        location: { file, line },
        hint: file.toLowerCase().endsWith('.csv') ? 'a comma or line end inside a field needs quotes around the field' : 'a .tsv has no quoting and no tabs inside a field',
      });
    }
    return { line, cells: new Map(columns.map((name, i) => [name, fields[i] ?? ''])) };
  });
  return { file, columns, rows };
}
