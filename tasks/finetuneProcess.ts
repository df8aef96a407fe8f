/** Fine-tuning in a process of its own: what goes wrong in it, memory included, stays in it, and several can run beside each other. */
import { fork } from 'node:child_process';
import { BertwrightError, exitCodes, InterruptedError, NonFiniteError } from '../src/data/errors.js';
import type { EngineName } from '../src/engine/index.js';
import type { ProgressEvent } from '../src/train/types.js';
import type { FinetuneEstimate } from './estimateFinetune.js';
import type { FinetuneOptions, FinetuneResult } from './options.js';

/** What the process is told first. */
export interface ProcessStart {
  readonly engine: EngineName;
  readonly threads: number;
  /** A whole fine-tune, one point of a search, the predictions of the test files with what is in `output`, or only what a fine-tune would take. */
  readonly job: 'finetune' | 'point' | 'predict' | 'estimate';
  readonly options: Omit<FinetuneOptions, 'signal' | 'progress'>;
}

/** What it is told later: to save and end. */
export interface ProcessStop {
  readonly stop: 'SIGINT' | 'SIGTERM' | undefined;
}

/** What it says. */
export type ProcessMessage =
  | { readonly event: ProgressEvent }
  | { readonly result: FinetuneResult | FinetuneEstimate | undefined }
  | { readonly error: { readonly message: string; readonly hint: string | undefined; readonly exitCode: number; readonly stack: string | undefined } };

/** The process ended without a word: killed, or out of memory. */
export class ProcessDiedError extends BertwrightError {}

/** What a process is started with, whatever it does. */
type Start = Omit<ProcessStart, 'job'>;

/** Runs `finetune`, or `finetunePoint`, in a child process, see `runProcess`. */
export function finetuneInProcess(job: 'finetune' | 'point', start: Start, signal: AbortSignal | undefined, progress: (event: ProgressEvent) => void): Promise<FinetuneResult> {
  return runProcess({ ...start, job }, signal, progress) as Promise<FinetuneResult>;
}

/** Runs `estimateFinetune` in a child process, so that the memory it tells is that of one run. */
export function estimateInProcess(start: Start, signal: AbortSignal | undefined): Promise<FinetuneEstimate> {
  return runProcess({ ...start, job: 'estimate' }, signal, () => undefined) as Promise<FinetuneEstimate>;
}

/** Runs `predictTests` in a child process. */
export async function predictInProcess(start: Start, signal: AbortSignal | undefined): Promise<void> {
  await runProcess({ ...start, job: 'predict' }, signal, () => undefined);
}

/**
 * Hands on the progress of the child process.
 * @param signal aborted, the run saves and ends; so it does where this process dies
 * @throws InterruptedError after an abort; ProcessDiedError where the process ended without an answer; NonFiniteError, or a BertwrightError, with the run's own message and hint
 */
function runProcess(start: ProcessStart, signal: AbortSignal | undefined, progress: (event: ProgressEvent) => void): Promise<FinetuneResult | FinetuneEstimate | undefined> {
  return new Promise((resolve, reject) => {
    // Flags of this process, such as --test, are not for one with a script of its own.
    const child = fork(new URL('./finetuneChild.js', import.meta.url), [], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' });
    let answered = false;
    let lastWords = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-2000);
    });
    const stop = (): void => {
      const reason: unknown = signal?.reason;
      const name = reason instanceof InterruptedError ? (reason.exitCode === 130 ? 'SIGINT' : reason.exitCode === 143 ? 'SIGTERM' : undefined) : reason === 'SIGINT' || reason === 'SIGTERM' ? reason : undefined;
      if (child.connected) child.send({ stop: name } satisfies ProcessStop);
    };
    signal?.addEventListener('abort', stop);
    const settle = (done: () => void): void => {
      answered = true;
      signal?.removeEventListener('abort', stop);
      done();
    };
    child.on('message', (message: ProcessMessage) => {
      if ('event' in message) progress(message.event);
      else if ('result' in message) settle(() => resolve(message.result));
      else settle(() => reject(rebuilt(message.error)));
    });
    child.on('error', (cause) => settle(() => reject(new BertwrightError(`cannot start a process: ${cause.message}`, { cause }))));
    child.on('exit', (code, killedBy) => {
      if (answered) return;
      const how = killedBy === null ? `ended with exit code ${code ?? 'unknown'}` : `was killed by ${killedBy}`;
      settle(() => reject(new ProcessDiedError(`the process of the run ${how}${lastWords.trim() === '' ? '' : `: ${lastWords.trim().split('\n').at(-1) ?? ''}`}`, { hint: 'a process that the system kills has mostly taken too much memory: lower --concurrency or --per-device-train-batch-size', cause: lastWords })));
    });
    child.send(start);
    if (signal?.aborted === true) stop();
  });
}

function rebuilt({ message, hint, exitCode, stack }: Extract<ProcessMessage, { error: unknown }>['error']): BertwrightError {
  if (exitCode === 130 || exitCode === 143) return new InterruptedError(message, exitCode === 130 ? 'SIGINT' : 'SIGTERM');
  return exitCode === exitCodes.nonFinite ? new NonFiniteError(message, { hint, cause: stack }) : new BertwrightError(message, { hint, cause: stack });
}
