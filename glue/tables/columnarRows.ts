/** Rows of the columnar formats as texts. */
import { DataError } from '../../src/data/errors.js';
import type { TableRow } from './table.js';

/**
 * A number as it was written before it was stored: readers widen 32-bit columns (the Hub's scores of STS-B), so that 2.6 comes as 2.5999999046325684.
 * A 64-bit number is its own shortest text, and only by chance one of 32 bits as well.
 */
export function numberText(value: number): string {
  if (Number.isInteger(value) || Math.fround(value) !== value) return String(value);
  const short = [6, 7, 8, 9].map((digits) => Number(value.toPrecision(digits))).find((candidate) => Math.fround(candidate) === value);
  return String(short ?? value);
}

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
      cells.set(column, typeof value === 'number' ? numberText(value) : String(value));
    }
    return { line: i + 1, cells };
  });
}
