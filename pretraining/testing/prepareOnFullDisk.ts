/**
 * Prepares corpora on a small disk until it is full, then on a larger one, and prints what happened as JSON. For a namespace of its own:
 *   unshare --map-root-user --mount node prepareOnFullDisk.js MOUNT_POINT SMALL_CORPUS LARGE_CORPUS
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { BertwrightError } from '../../src/data/errors.js';
import { type PrepareOptions, prepare } from '../prepare.js';
import { testTokenizer } from './inventedText.js';
import { filesOf } from './preparedFolders.js';

const [mountPoint = '', small = '', large = ''] = process.argv.slice(2);
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mountPoint]);
const output = path.join(mountPoint, 'out');

async function attempt(corpus: string, changes: Partial<PrepareOptions> = {}): Promise<object> {
  const notes: string[] = [];
  const note = (text: string): number => notes.push(text);
  try {
    await prepare({ corpus: [corpus], tokenizer: testTokenizer(), output, shardTokens: 50_000, note, ...changes });
    return { notes, files: filesOf(output) };
  } catch (error) {
    if (!(error instanceof BertwrightError)) throw error;
    return { exitCode: error.exitCode, message: error.message, hint: error.hint, notes, files: filesOf(output) };
  }
}

const first = await attempt(small);
const full = await attempt(large, { overwrite: true });
execFileSync('mount', ['-o', 'remount,size=64m', mountPoint]);
const after = await attempt(large, { overwrite: true });
console.log(JSON.stringify({ first, full, after }));
