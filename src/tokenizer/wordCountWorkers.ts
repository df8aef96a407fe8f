/** Threads that count the stretches of text portions beside the caller's own; each is started when there is work for it. */
import { AnsweringThread } from '../data/answeringThread.js';
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
  readonly #threads: AnsweringThread<string, CountedStretches>[] = [];

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
    let chosen: AnsweringThread<string, CountedStretches> | undefined;
    for (const thread of this.#threads) if (!thread.ended && thread.pending < (chosen?.pending ?? maxPending)) chosen = thread;
    if ((chosen === undefined || chosen.pending > 0) && this.#threads.length < this.#limit) {
      chosen = new AnsweringThread(this.#script, {
        workerData: this.#normalizerOptions,
        purpose: 'counts words',
        outOfMemoryHint: 'Take fewer threads with --threads, or give Node more memory with NODE_OPTIONS=--max-old-space-size.',
      });
      this.#threads.push(chosen);
    }
    return chosen === undefined ? undefined : countingTask(chosen.ask(text));
  }

  /** Stops all threads, whatever they are at. */
  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

function countingTask(result: Promise<CountedStretches>): CountingTask {
  let counted: CountedStretches | undefined;
  // Whoever waits for the result learns of a failure.
  result.then((value) => { counted = value; }, () => undefined);
  return {
    get counted() {
      return counted;
    },
    result: () => result,
  };
}
