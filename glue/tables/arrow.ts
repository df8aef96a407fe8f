/** Tables in Arrow IPC, stream or file, as the datasets library keeps them. */
import { tableFromIPC } from 'apache-arrow';
import { DataError } from '../../src/data/errors.js';
import { readBytes } from '../readTsv.js';
import { rowsOf } from './columnarRows.js';
import type { Table } from './table.js';

/** Reads a whole file. Throws a DataError where it is no Arrow table or is damaged. */
export async function readArrow(file: string): Promise<Table> {
  const bytes = await readBytes(file);
  try {
    const table = tableFromIPC(bytes);
    const columns = table.schema.fields.map(({ name }) => name);
    return { file, columns, rows: rowsOf(file, columns, table.toArray() as readonly Readonly<Record<string, unknown>>[]) };
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`not an Arrow table that can be read: ${cause instanceof Error ? cause.message : String(cause)}`, { location: { file }, cause });
  }
}
