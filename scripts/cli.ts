#!/usr/bin/env node
/** The command line: picks the command, reads its flags, runs it and turns errors into exit codes. */
import { exitCodes } from '../src/data/errors.js';
import { printError } from './cli/printError.js';
import { runCommandLine } from './cli/runCommandLine.js';

runCommandLine(process.argv.slice(2)).then(
  () => {
    process.exitCode ??= exitCodes.ok;
  },
  (error: unknown) => {
    process.exitCode = printError(error);
  },
);
