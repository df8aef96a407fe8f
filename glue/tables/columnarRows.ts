/** Rows of the columnar formats as texts. */
import { DataError } from '../../src/data/errors.js';
import type { TableRow } from './table.js';

/**
 * The cells of each record by column; numbers of any size become texts, nulls are absent.
 * @throws DataError naming row and column for a list, a structure or bytes
 */
export function rowsOf(file: string, columns: readonly string[], records: readonly Readonly<Record<string, unknown>>[]): TableRow[] {
  return records.map((record, i) => {
    const cells = new Map<string, string>();
    for (const column of columns) {
      const value = record[column];
      if (value === null || value === undefined) continue;
      if (typeof value === 'object') throw new DataError(`"${column}" is a list or a structure, expected a text, a number or true/false`, { location: { file, line: i + 1 } });
      cells.set(column, String(value));
    }
    return { line: i + 1, cells };
  });
}
