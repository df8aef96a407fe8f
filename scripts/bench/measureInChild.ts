/** Runs a measurement in a fresh process, so that its peak of memory and its warmth are its own. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BertwrightError, DataError, exitCodes, IoError, NonFiniteError, UsageError } from '../../src/data/errors.js';
import type { ChildMessage } from './child.js';
import type { MeasurementRequest, MeasurementResults, Profiled } from './measurements.js';

const child = fileURLToPath(new URL('child.js', import.meta.url));

/** @param isa the instruction set to force. Errors are those of the measurement; a process that dies is a BertwrightError. */
export async function measureInChild<Request extends MeasurementRequest>(request: Request, isa: string | undefined): Promise<Profiled<MeasurementResults[Request['measure']]>> {
  const environment = isa === undefined ? process.env : { ...process.env, BERTWRIGHT_ISA: isa };
  const process_ = fork(child, [JSON.stringify(request)], { env: environment, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const message = await new Promise<ChildMessage>((resolve, reject) => {
    process_.on('message', resolve);
    process_.on('error', reject);
    process_.on('exit', (code, signal) => {
      reject(new BertwrightError(`the measuring process ended ${signal === null ? `with code ${code}` : `by ${signal}`} before it had a result`, { hint: signal === 'SIGKILL' ? 'the system may have run out of memory' : undefined }));
    });
  });
  if ('error' in message) throw errorOf(message.error);
  return message.result as Profiled<MeasurementResults[Request['measure']]>;
}

/** The error of the other process, as this one's with the same exit code. */
function errorOf({ message, hint, exitCode, stack }: Extract<ChildMessage, { error: unknown }>['error']): Error {
  switch (exitCode) {
    case undefined: {
      const error = new Error(message);
      if (stack !== undefined) error.stack = stack;
      return error;
    }
    case exitCodes.usage:
      return new UsageError(message, { hint });
    case exitCodes.data:
      return new DataError(message, { hint });
    case exitCodes.io:
      return new IoError(message, { hint });
    case exitCodes.nonFinite:
      return new NonFiniteError(message, { hint });
    default:
      return new BertwrightError(message, { hint });
  }
}
