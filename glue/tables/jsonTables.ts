/** Tables in JSON lines (an object a line) and JSON (a list of objects). */
import { DataError } from '../../src/data/errors.js';
import type { Table, TableRow } from './table.js';

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

/** Rows as a table; its columns are all that occur, in the order of their first row. */
export function fromObjects(file: string, rows: readonly TableRow[]): Table {
  const columns = new Set<string>();
  for (const row of rows) for (const name of row.cells.keys()) columns.add(name);
  return { file, columns: [...columns], rows };
}

/** A table of JSON lines; blank ones are left out. Throws a DataError with the line for one that is no object of plain values. */
export function fromJsonLines(file: string, text: string): Table {
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

/** A table of a list of objects. Throws a DataError where the text is none, with the number of the entry for one that does not fit. */
export function fromJsonList(file: string, text: string): Table {
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
