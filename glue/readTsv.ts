/**
 * Reads one GLUE TSV file: UTF-8, tab separated, quoting off (a `"` is an ordinary character), LF or CRLF, optional BOM.
 * Which column means what is the task table's business.
 */
import { readFile } from 'node:fs/promises';
import { DataError, IoError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';

/** One data row; `line` counts from 1 in the file, the header included. */
export interface TsvRow {
  readonly line: number;
  readonly fields: readonly string[];
}

export interface TsvFile {
  readonly file: string;
  /** Column names, or undefined for a file without a header. */
  readonly header: readonly string[] | undefined;
  readonly rows: readonly TsvRow[];
}

/**
 * Decodes UTF-8 strictly. Throws a DataError that names line and column (in characters, from 1) of the first bad byte.
 */
export function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const lossy = new TextDecoder('utf-8').decode(bytes);
    let line = 1;
    for (const text of lossy.split('\n')) {
      const column = text.indexOf('\ufffd');
      if (column >= 0 && !Buffer.from(bytes).includes(Buffer.from(text))) {
        throw new DataError('the bytes here are not UTF-8', {
          location: { file, line, column: column + 1 },
          hint: 'convert the file first, for example with `iconv -f latin1 -t utf-8`',
        });
      }
      line += 1;
    }
    throw new DataError('the file is not UTF-8', { location: { file } });
  }
}

/** The bytes of a file. Throws an IoError where it cannot be read. */
export async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new IoError(`cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** The text of a file; see `decodeUtf8`. Throws an IoError where it cannot be read. */
export async function readUtf8(file: string): Promise<string> {
  return decodeUtf8(await readBytes(file), file);
}

/** Reads and splits a file; an empty file, or one without its header, is a DataError. */
export async function readTsv(file: string, options: { header: boolean }): Promise<TsvFile> {
  const lines = (await readUtf8(file)).split('\n');
  if (lines.at(-1) === '') lines.pop();
  const rows = lines.map((line, i) => ({ line: i + 1, fields: (line.endsWith('\r') ? line.slice(0, -1) : line).split('\t') }));
  if (rows.length === 0) throw new DataError('the file is empty; expected tab-separated rows', { location: { file } });
  if (!options.header) return { file, header: undefined, rows };
  return { file, header: rows[0]?.fields ?? [], rows: rows.slice(1) };
}

/**
 * The position, from 0, of a column given by name or number.
 * A name that the header lacks is a DataError that lists the header and the near match.
 */
export function columnIndex(tsv: TsvFile, column: string | number): number {
  if (typeof column === 'number') return column;
  const index = tsv.header?.indexOf(column) ?? -1;
  if (index >= 0) return index;
  const header = tsv.header ?? [];
  throw new DataError(`no column "${column}" in the header.${didYouMean(column, header)}`, {
    location: { file: tsv.file, line: 1 },
    hint: `the header has: ${header.join(', ')}`,
  });
}
