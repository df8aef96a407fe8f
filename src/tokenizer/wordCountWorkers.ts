/** Threads that count the stretches of text portions beside the caller's own; each is started when there is work for it. */
import { Worker } from 'node:worker_threads';
import { BertwrightError } from '../data/errors.js';
import type { NormalizerOptions } from './normalizer.js';
import type { CountedStretches } from './wordCounts.js';

/** Portions that a thread may have: one in work, one to go on with. */
const maxPending = 2;

/** A portion that was handed to a thread. */
export interface CountingTask {
  /** Set once it is counted. */
  readonly counted: CountedStretches | undefined;
  /** @throws (rejects with) what ended the thread */
  result(): Promise<CountedStretches>;
}

export class CountingWorkers {
  readonly #limit: number;
  readonly #normalizerOptions: NormalizerOptions;
  readonly #script: URL;
  readonly #threads: CountingThread[] = [];

  /**
   * @param limit most threads to start; 0 for none
   * @param script what a thread runs; tests put others here
   */
  constructor(limit: number, normalizerOptions: NormalizerOptions, script: URL = new URL('./wordCountWorker.js', import.meta.url)) {
    this.#limit = limit;
    this.#normalizerOptions = normalizerOptions;
    this.#script = script;
  }

  /** Threads that were started. */
  get started(): number {
    return this.#threads.length;
  }

  /** Hands a portion to the thread that has least to do; undefined where all have enough. */
  count(text: string): CountingTask | undefined {
    let chosen: CountingThread | undefined;
    for (const thread of this.#threads) if (thread.pending < (chosen?.pending ?? maxPending)) chosen = thread;
    if ((chosen === undefined || chosen.pending > 0) && this.#threads.length < this.#limit) {
      chosen = new CountingThread(this.#script, this.#normalizerOptions);
      this.#threads.push(chosen);
    }
    return chosen?.count(text);
  }

  /** Stops all threads, whatever they are at. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }
}

interface Waiting {
  resolve(counted: CountedStretches): void;
  reject(error: Error): void;
}

class CountingThread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;

  constructor(script: URL, options: NormalizerOptions) {
    // Flags of the process such as --input-type are not for a thread with a script of its own.
    this.#worker = new Worker(script, { workerData: options, execArgv: [], name: 'bertwright word counts' });
    this.#worker.on('message', (counted: CountedStretches) => this.#waiting.shift()?.resolve(counted));
    this.#worker.on('error', (error: Error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`a thread that counts words ended with exit code ${code}`)));
  }

  /** Portions handed over and not yet counted; a thread that is gone takes none. */
  get pending(): number {
    return this.#failure === undefined ? this.#waiting.length : maxPending;
  }

  count(text: string): CountingTask {
    let counted: CountedStretches | undefined;
    const promise = new Promise<CountedStretches>((resolve, reject) => {
      this.#waiting.push({
        resolve(value) {
          counted = value;
          resolve(value);
        },
        reject,
      });
    });
    // Whoever waits for the result learns of the failure; until then it must not count as unhandled.
    promise.catch(() => undefined);
    this.#worker.postMessage(text);
    return {
      get counted() {
        return counted;
      },
      result: () => promise,
    };
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    const outOfMemory = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    this.#failure ??= outOfMemory
      ? new BertwrightError(`a thread that counts words ran out of memory (${error.message})`, { hint: 'Take fewer threads with --threads, or give Node more memory with NODE_OPTIONS=--max-old-space-size.', cause: error })
      : error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
  }
}
