/** Suggestions for paths that are not there. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { didYouMean } from './nearMatch.js';

/** ` Did you mean "x"?` where the folder of an absent path holds a like name, else the empty string. */
export async function didYouMeanPath(absent: string): Promise<string> {
  const neighbours = await readdir(path.dirname(path.resolve(absent))).catch((): string[] => []);
  return didYouMean(path.basename(absent), neighbours);
}
