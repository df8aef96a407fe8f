/** all_results.json of a finished run. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from '../data/errors.js';
import type { JsonValue } from './trainingState.js';

/** Numbers and names of a result file. */
export type Results = { readonly [key: string]: JsonValue };

/** The results in the directory of a run that is complete; a DataError where they cannot be read. */
export async function readResults(directory: string): Promise<Results> {
  const file = path.join(directory, 'all_results.json');
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Results;
  } catch (cause) {
    throw new DataError(`run.json says that the run is complete, but its results cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { location: { file }, hint: 'start anew with --overwrite', cause });
  }
}
