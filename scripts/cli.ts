#!/usr/bin/env node
/** The command line: picks the command, reads its flags, runs it and turns errors into exit codes. */
import { exitCodes } from '../src/data/errors.js';
import { printError } from './cli/printError.js';
import { runCommandLine } from './cli/runCommandLine.js';

// A reader that has seen enough (`| head`) is no failure; a full disk behind stdout is one. Progress that nobody reads is dropped.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? exitCodes.ok : printError(error)));
process.stderr.on('error', () => undefined);

runCommandLine(process.argv.slice(2)).then(
  () => {
    process.exitCode ??= exitCodes.ok;
  },
  (error: unknown) => {
    process.exitCode = printError(error);
  },
);
