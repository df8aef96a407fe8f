/** How an error reaches the user, and which exit code it leads to. */
import { BertwrightError, exitCodes } from '../../src/data/errors.js';
import { terminalText } from './terminalText.js';

const systemErrors = new Set(['ENOSPC', 'EIO', 'EACCES', 'EROFS', 'EMFILE', 'EDQUOT', 'EPERM', 'ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST', 'EFBIG']);

/** Prints an error to stderr and returns the exit code. What is not one of our error classes is our own bug: it shows its stack. */
export function printError(error: unknown): number {
  if (error instanceof BertwrightError) {
    console.error(`bertwright: ${terminalText(error.message)}`);
    if (error.hint !== undefined) console.error(`  ${terminalText(error.hint)}`);
    return error.exitCode;
  }
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && systemErrors.has(error.code)) {
    console.error(`bertwright: ${terminalText(error.message)}`);
    return exitCodes.io;
  }
  console.error('bertwright: an internal error; please report it with this trace and the command line');
  console.error(error instanceof Error ? terminalText(error.stack ?? error.message) : terminalText(String(error)));
  return exitCodes.internal;
}
