/** The zip of a GLUE submission (https://gluebenchmark.com/faq): flat, one table a file, the same bytes for the same predictions. */
import { strToU8, unzipSync, type Zippable, zipSync } from 'fflate';
import { DataError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';
import { decodeUtf8 } from './readTsv.js';
import { submissionFiles, tableFaults } from './submissionTable.js';

/** The first time that a zip can name: a zip made tomorrow is the same. */
const zipTime = new Date(1980, 0, 1);

/** A table of a zip may not be larger, packed or not: QQP's, the largest, has 4 MB. */
const mostBytes = 64 * 2 ** 20;

/** The bytes of the zip, files in the order of `submissionFiles`. */
export function zipSubmission(tables: ReadonlyMap<string, string>): Uint8Array {
  const files: Zippable = {};
  for (const { name } of submissionFiles) {
    const table = tables.get(name);
    if (table !== undefined) files[name] = [strToU8(table), { mtime: zipTime, level: 9 }];
  }
  return zipSync(files);
}

/**
 * All faults of a submission zip, one line each; none where the leaderboard takes it.
 * @param file named in errors
 * @throws DataError where the bytes are no zip
 */
export function submissionFaults(zip: Uint8Array, file: string): string[] {
  const names = submissionFiles.map(({ name }) => name);
  const faults: string[] = [];
  const seen = new Set<string>();
  let entries: ReturnType<typeof unzipSync>;
  try {
    entries = unzipSync(zip, {
      filter: ({ name, size, originalSize }) => {
        const shown = JSON.stringify(name.slice(0, 100));
        if (seen.has(name)) faults.push(`${shown} is in the zip twice`);
        else if (!names.includes(name)) faults.push(/[\\/]/.test(name) ? `${shown} lies in a folder: the zip must be flat` : `${shown} is no file of a submission.${didYouMean(name, names)}`);
        else if (Math.max(size, originalSize) > mostBytes) faults.push(`${shown} has ${Math.max(size, originalSize)} bytes, expected at most ${mostBytes}`);
        else {
          seen.add(name);
          return true;
        }
        seen.add(name);
        return false;
      },
    });
  } catch (cause) {
    throw new DataError(`not a zip that can be read: ${cause instanceof Error ? cause.message : String(cause)}`, { location: { file }, cause });
  }
  for (const table of submissionFiles) {
    const bytes = entries[table.name];
    if (bytes === undefined) {
      if (!seen.has(table.name)) faults.push(`${table.name} is missing`);
      continue;
    }
    try {
      faults.push(...tableFaults(table, decodeUtf8(bytes, table.name)));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      faults.push(error.message);
    }
  }
  return faults;
}
