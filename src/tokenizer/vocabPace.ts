/** Progress reports and stops of the vocabulary trainer: work in slices, between which signals and timers are served. */
import { InterruptedError } from '../data/errors.js';

/** Where the training stands: bytes read in the first stage (lines where there are no files), entries in the second. */
export interface VocabularyProgress {
  readonly stage: string;
  readonly done: number;
  readonly total?: number | undefined;
}

export interface PaceOptions {
  readonly onProgress?: ((progress: VocabularyProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Synchronous work between two looks at the event loop, in milliseconds. */
const sliceMilliseconds = 50;

export class Pace {
  readonly #options: PaceOptions;
  #sliceStart = performance.now();

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Reports and breathes where a slice of time is over. @throws InterruptedError where the signal has aborted */
  async pause(stage: string, done: number, total?: number): Promise<void> {
    if (performance.now() - this.#sliceStart < sliceMilliseconds) return;
    this.#options.onProgress?.({ stage, done, total });
    await this.breathe();
  }

  /** Lets signals and timers through. @throws InterruptedError where the signal has aborted */
  async breathe(): Promise<void> {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    const { signal } = this.#options;
    if (signal?.aborted === true) throw InterruptedError.from(signal, 'the training of the vocabulary was stopped');
    this.#sliceStart = performance.now();
  }
}
