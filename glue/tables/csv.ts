/** Records of CSV (RFC 4180) and of plain TSV texts. */
import { DataError } from '../../src/data/errors.js';

/** One line, or in CSV the lines that quotes hold together. */
export interface TextRecord {
  /** Where it starts, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/** Lines without their CR, the last empty one left out; no quoting. */
export function parseTsv(text: string): TextRecord[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line, i) => ({ line: i + 1, fields: (line.endsWith('\r') ? line.slice(0, -1) : line).split('\t') }));
}

/**
 * Records of a CSV text (RFC 4180): fields in double quotes may hold commas, line ends and doubled quotes; LF or CRLF.
 * A quote that is never closed, or text after a closing quote, is a DataError with its line.
 */
export function parseCsv(text: string, file: string): TextRecord[] {
  const records: TextRecord[] = [];
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
