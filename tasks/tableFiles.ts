/**
 * Rows of a user's own table: .csv (RFC 4180), .tsv (no quoting), .jsonl (an object a line), .json (a list of objects).
 * Every row knows its line, so that later errors can name it.
 */
import path from 'node:path';
import { readUtf8 } from '../glue/readTsv.js';
import { DataError, UsageError } from '../src/data/errors.js';
import { inputFileSize } from '../src/data/textLines.js';

export interface TableRow {
  /** Line of the file, from 1, where the row starts (.json: number of the element). */
  readonly line: number;
  /** Cell texts by column; a JSON null and a missing key are absent. */
  readonly cells: ReadonlyMap<string, string>;
}

export interface Table {
  readonly file: string;
  /** In the file's order. */
  readonly columns: readonly string[];
  readonly rows: readonly TableRow[];
}

const formats = ['.csv', '.tsv', '.json', '.jsonl'];

/** Reads a table by its extension. Throws UsageError (unknown extension; absent, with the near match), IoError (unreadable), DataError (malformed, with file:line). */
export async function readTable(file: string): Promise<Table> {
  const extension = path.extname(file).toLowerCase();
  if (!formats.includes(extension)) throw new UsageError(`${file}: unknown kind of table "${extension}"`, { hint: `known: ${formats.join(', ')}` });
  await inputFileSize(file);
  const text = await readUtf8(file);
  const table = extension === '.csv' ? fromRecords(file, parseCsv(text, file)) : extension === '.tsv' ? fromRecords(file, parseTsv(text)) : extension === '.jsonl' ? fromJsonLines(file, text) : fromJsonList(file, text);
  if (table.rows.length === 0) throw new DataError('no rows', { location: { file } });
  return table;
}

interface Record {
  readonly line: number;
  readonly fields: readonly string[];
}

function fromRecords(file: string, records: readonly Record[]): Table {
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

/** Lines without their CR, the last empty one left out. */
function parseTsv(text: string): Record[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, i) => ({ line: i + 1, fields: (line.endsWith('\r') ? line.slice(0, -1) : line).split('\t') }));
}

/**
 * Records of a CSV text (RFC 4180): fields in double quotes may hold commas, line ends and doubled quotes; LF or CRLF.
 * A quote that is never closed, or text after a closing quote, is a DataError with its line.
 */
export function parseCsv(text: string, file: string): Record[] {
  const records: Record[] = [];
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const record: { line: number; fields: string[] } = { line, fields: [] };
    let more = true;
    while (more) {
      if (text[at] === '"') {
        const opened = line;
        let field = '';
        at += 1;
        for (;;) {
          const quote = text.indexOf('"', at);
          if (quote < 0) throw new DataError('a quoted field is never closed', { location: { file, line: opened } });
          field += text.slice(at, quote);
          at = quote + 1;
          if (text[at] !== '"') break;
          field += '"';
          at += 1;
        }
        for (const char of field) if (char === '\n') line += 1;
        if (at < text.length && text[at] !== ',' && text[at] !== '\n' && !text.startsWith('\r\n', at)) {
          throw new DataError(`"${text[at]}" after a closing quote, expected a comma or the end of the line`, { location: { file, line } });
        }
        record.fields.push(field);
      } else {
        let end = at;
        while (end < text.length && text[end] !== ',' && text[end] !== '\n') end += 1;
        record.fields.push(text.slice(at, text[end] !== ',' && text[end - 1] === '\r' && end > at ? end - 1 : end));
        at = end;
      }
      if (text[at] === '\r') at += 1;
      more = text[at] === ',';
      at += 1;
    }
    line += 1;
    // A blank line holds no record.
    if (record.fields.length > 1 || record.fields[0] !== '') records.push(record);
  }
  return records;
}

function cellsOf(value: unknown, location: { file: string; line: number }): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DataError(`found ${JSON.stringify(value)?.slice(0, 60)}, expected an object with a value for each column`, { location });
  }
  const cells = new Map<string, string>();
  for (const [key, cell] of Object.entries(value as { [key: string]: unknown })) {
    if (cell === null) continue;
    if (typeof cell === 'object') throw new DataError(`"${key}" is a list or an object, expected a text, a number or true/false`, { location });
    cells.set(key, String(cell));
  }
  return cells;
}

function fromObjects(file: string, rows: readonly TableRow[]): Table {
  const columns = new Set<string>();
  for (const row of rows) for (const name of row.cells.keys()) columns.add(name);
  return { file, columns: [...columns], rows };
}

function fromJsonLines(file: string, text: string): Table {
  const rows = text.split('\n').flatMap((source, i) => {
    if (source.trim() === '') return [];
    const location = { file, line: i + 1 };
    let value: unknown;
    try {
      value = JSON.parse(source);
    } catch (cause) {
      throw new DataError(`not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { location, cause });
    }
    return [{ line: i + 1, cells: cellsOf(value, location) }];
  });
  return fromObjects(file, rows);
}

function fromJsonList(file: string, text: string): Table {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // An object a line is common under .json, too.
    if (text.trimStart().startsWith('{')) return fromJsonLines(file, text);
    throw new DataError(`not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { location: { file }, cause });
  }
  const list: unknown = Array.isArray(value) ? value : typeof value === 'object' && value !== null && 'data' in value ? value.data : [value];
  if (!Array.isArray(list)) throw new DataError('expected a list of objects, or an object whose "data" is one', { location: { file } });
  return fromObjects(file, list.map((item: unknown, i) => ({ line: i + 1, cells: cellsOf(item, { file, line: i + 1 }) })));
}
