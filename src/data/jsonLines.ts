/** The text of a record in a file of JSON lines. */
import { DataError } from './errors.js';
import { didYouMean } from './nearMatch.js';

export interface RecordPlace {
  readonly file: string;
  readonly line: number;
  /** False where the record is too long to be read. */
  readonly whole: boolean;
}

/** Bytes of the longest record. */
export const maxRecordBytes = 1 << 25;

/** The key of the text unless another is named. */
export const defaultTextKey = 'text';

/** Whether a file is of JSON lines, packed or not, by its name. */
export function isJsonLines(file: string): boolean {
  return /\.(?:jsonl|ndjson)(?:\.(?:gz|zst))?$/i.test(file);
}

/** The text under `key` of one record. Throws a DataError that names the line and what is there instead. */
export function recordText(line: string, key: string, place: RecordPlace): string {
  const location = { file: place.file, line: place.line };
  if (!place.whole) throw new DataError(`a record of more than ${maxRecordBytes} bytes`, { location, hint: 'Expected one JSON object a line; split this one, or give the text as plain text.' });
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const position = /position (\d+)/.exec(message)?.[1];
    throw new DataError(`not JSON (${message})`, { location: position === undefined ? location : { ...location, column: Number(position) + 1 }, hint: 'Expected one JSON object a line.', cause });
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new DataError(`found ${Array.isArray(record) ? 'a list' : JSON.stringify(record).slice(0, 40)}; expected a JSON object`, { location });
  if (!Object.hasOwn(record, key)) {
    const keys = Object.keys(record);
    throw new DataError(`the record has no "${key}"; it has ${keys.length === 0 ? 'no keys' : keys.slice(0, 10).join(', ')}.${didYouMean(key, keys)}`, { location, hint: 'Name the key that holds the text with --text-key.' });
  }
  const text = (record as Record<string, unknown>)[key];
  if (typeof text !== 'string') throw new DataError(`"${key}" is ${JSON.stringify(text).slice(0, 40)}; expected a text`, { location, hint: 'Name the key that holds the text with --text-key.' });
  return text;
}
