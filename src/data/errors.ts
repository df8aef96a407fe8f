/**
 * Every error that a user may cause or has to act on, with the process exit code it leads to.
 * What is thrown without one of these classes is our own bug (exit code 70).
 */

/** Exit codes of the command line; 130 and 143 follow SIGINT and SIGTERM. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  data: 65,
  internal: 70,
  busy: 73,
  io: 74,
  nonFinite: 76,
} as const;

/** Base class: `message` says who, found and expected; `hint` says what to do. */
export class BertwrightError extends Error {
  override readonly name: string = 'BertwrightError';
  readonly exitCode: number = exitCodes.failure;
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint;
  }
}

/** A wrong flag, setting, configuration key or combination of them. */
export class UsageError extends BertwrightError {
  override readonly name = 'UsageError';
  override readonly exitCode = exitCodes.usage;
}

/** Where in a file bad input was found; lines and columns count from 1. */
export interface InputLocation {
  readonly file: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** `file:line:column`, as far as known. */
export function formatLocation(location: InputLocation): string {
  const { file, line, column } = location;
  if (line === undefined) return file;
  return column === undefined ? `${file}:${line}` : `${file}:${line}:${column}`;
}

/** Input data that cannot be used. The message starts with the location where one is given. */
export class DataError extends BertwrightError {
  override readonly name = 'DataError';
  override readonly exitCode = exitCodes.data;
  readonly location: InputLocation | undefined;

  constructor(message: string, options: { location?: InputLocation | undefined; hint?: string | undefined; cause?: unknown } = {}) {
    super(options.location === undefined ? message : `${formatLocation(options.location)}: ${message}`, options);
    this.location = options.location;
  }
}

/** An output directory that another living run holds. */
export class BusyError extends BertwrightError {
  override readonly name = 'BusyError';
  override readonly exitCode = exitCodes.busy;
}

/** Reading or writing failed: no such file, no space, no permission, a device error. */
export class IoError extends BertwrightError {
  override readonly name = 'IoError';
  override readonly exitCode = exitCodes.io;
}

/** A NaN or an infinity in a loss or a gradient; raised before the update is applied. */
export class NonFiniteError extends BertwrightError {
  override readonly name = 'NonFiniteError';
  override readonly exitCode = exitCodes.nonFinite;
}

/** A run was stopped by a signal or an AbortSignal after it saved its state. */
export class InterruptedError extends BertwrightError {
  override readonly name = 'InterruptedError';
  override readonly exitCode: number;

  constructor(message: string, signal: 'SIGINT' | 'SIGTERM' | undefined) {
    super(message);
    this.exitCode = signal === 'SIGTERM' ? 143 : signal === 'SIGINT' ? 130 : exitCodes.failure;
  }

  /** With the exit code of the signal that stands as the reason of an abort. */
  static from(signal: AbortSignal, message: string): InterruptedError {
    const reason: unknown = signal.reason;
    return new InterruptedError(message, reason === 'SIGINT' || reason === 'SIGTERM' ? reason : undefined);
  }
}
