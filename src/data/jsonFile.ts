/** JSON files that runs write: an absent one is no error, a broken one names itself. */
import { readFile } from 'node:fs/promises';
import { DataError } from './errors.js';

export type JsonObject = Readonly<Record<string, unknown>>;

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The object in a file; undefined where the file is not there or cannot be read.
 * @param hint what to do about a file that holds something else, in the DataError
 */
export async function readJsonObject(file: string, hint: string): Promise<JsonObject | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // Falls through to the error below: what matters to the reader is which file is broken.
  }
  throw new DataError('not a JSON object', { location: { file }, hint });
}
