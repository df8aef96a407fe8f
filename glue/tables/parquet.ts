/** Tables in Parquet, as the Hugging Face Hub keeps them: any of its compressions; integers of 64 bits come as texts. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { DataError } from '../../src/data/errors.js';
import { rowsOf } from './columnarRows.js';
import type { Table } from './table.js';

/** Bytes that a file may unpack to, for each of its own: real tables stay far below, one that lies about its sizes is refused before it is read. */
const mostExpansion = 1000;

/** Reads a whole file. Throws a DataError where it is no Parquet, is damaged, or claims to be larger than it can be. */
export async function readParquet(file: string): Promise<Table> {
  try {
    const buffer = await asyncBufferFromFile(file);
    const metadata = await parquetMetadataAsync(buffer);
    const unpacked = metadata.row_groups.reduce((sum, group) => sum + Number(group.total_byte_size), 0);
    const rows = Number(metadata.num_rows);
    if (!(unpacked >= 0 && unpacked <= mostExpansion * buffer.byteLength && rows >= 0 && rows <= mostExpansion * buffer.byteLength)) {
      throw new DataError(`the file has ${buffer.byteLength} bytes, but says that it holds ${rows} rows in ${unpacked}`, { location: { file }, hint: 'it is damaged; fetch it again' });
    }
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
    const records = Array.from({ length: rows }, (): Record<string, unknown> => Object.create(null) as Record<string, unknown>);
    // A column of a group at a time: several at once would leave the rejections of the others unhandled where one is damaged.
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      for (const column of columns) {
        const values = await parquetReadObjects({ file: buffer, metadata, compressors, columns: [column], rowStart, rowEnd });
        values.forEach((value, i) => {
          const record = records[rowStart + i];
          if (record !== undefined) record[column] = value[column];
        });
      }
      rowStart = rowEnd;
    }
    if (rowStart !== rows) throw new DataError(`${rowStart} rows in its groups, but its metadata says ${rows}`, { location: { file }, hint: 'it is damaged; fetch it again' });
    return { file, columns, rows: rowsOf(file, columns, records) };
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`not a Parquet file that can be read: ${cause instanceof Error ? cause.message : String(cause)}`, { location: { file }, cause });
  }
}
