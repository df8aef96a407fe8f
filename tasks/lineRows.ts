/** Rows of plain lines, read as they come: one text a line, a tab between the two of a pair. And the stretches in which rows are classified. */
import { DataError } from '../src/data/errors.js';
import { decodeBlock } from '../src/data/textLines.js';
import type { TextRow } from './options.js';
import type { TextPair } from './taskSpec.js';

const newline = 0x0a;

/**
 * A row a line, an empty line too, so that the n-th row is that of the n-th line; the last line needs no end. Only what has not been handed on is
 * held. Throws a DataError with `file`, line and column for bytes that are not UTF-8 and for a second tab, and where there is no line at all.
 */
export async function* lineRows(chunks: AsyncIterable<Uint8Array>, file: string): AsyncGenerator<TextRow[]> {
  let firstLine = 1;
  /** The line that is not whole yet. */
  let pieces: Buffer[] = [];
  const handOn = (end: Uint8Array): TextRow[] => {
    const whole = Buffer.concat([...pieces, end]);
    const marked = firstLine === 1 && whole[0] === 0xef && whole[1] === 0xbb && whole[2] === 0xbf;
    const bytes = new Uint8Array(marked ? whole.subarray(3) : whole);
    const lines = decodeBlock(file, { bytes, firstLine, offset: 0, partial: false, endsLine: true });
    const rows = lines.map((line, i) => rowOf(line, file, firstLine + i));
    firstLine += lines.length;
    return rows;
  };
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(newline);
    if (end >= 0) {
      yield handOn(chunk.subarray(0, end));
      pieces = [];
    }
    // A copy: whoever gives the chunks may use their memory again.
    if (end + 1 < chunk.length) pieces.push(Buffer.from(chunk.subarray(end + 1)));
  }
  if (pieces.length > 0) yield handOn(new Uint8Array());
  else if (firstLine === 1) throw new DataError('no lines', { location: { file }, hint: 'one text a line; a tab separates the two texts of a pair' });
}

function rowOf(line: string, file: string, number: number): TextRow {
  const [textA = '', textB, ...more] = line.split('\t');
  if (more.length > 0) {
    const column = [...textA, ...(textB ?? '')].length + 2;
    throw new DataError(`${more.length + 2} tab-separated texts, expected one or two`, { location: { file, line: number, column } });
  }
  return { textA, textB };
}

/** How much is held at a time: enough rows for batches of like length, and no more characters than some tens of megabytes. */
const usualWindow = { rows: 4096, characters: 1 << 23 } as const;

/** The rows in stretches of at most `rows` rows, each cut after the row that reaches `characters`; numbered from 0 where they have no number. */
export async function* rowWindows(stretches: AsyncIterable<readonly TextPair[]> | Iterable<readonly TextPair[]>, limit: number, { rows, characters }: { readonly rows: number; readonly characters: number } = usualWindow): AsyncGenerator<TextPair[]> {
  let window: TextPair[] = [];
  let held = 0;
  let count = 0;
  for await (const stretch of stretches) {
    for (const row of stretch) {
      if (count === limit) break;
      window.push({ ...row, index: row.index ?? count });
      count += 1;
      held += row.textA.length + (row.textB?.length ?? 0);
      if (window.length < rows && held < characters) continue;
      yield window;
      window = [];
      held = 0;
    }
    if (count === limit) break;
  }
  if (window.length > 0) yield window;
}
