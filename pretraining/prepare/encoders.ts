/** Encodes blocks in this thread or in several worker threads. Results are the same; who asks keeps their order. */
import { Worker } from 'node:worker_threads';
import { DataError, type InputLocation } from '../../src/data/errors.js';
import { BlockEncoder, type BlockInput, type CorpusTokenizer, type EncodedBlock, type EncodeSettings } from './encodeBlock.js';

export interface Encoder {
  /** Blocks to have under way, so that none of the threads waits. */
  readonly depth: number;
  /** The caller's block is gone afterwards: its buffer moves to another thread. */
  encode(input: BlockInput): Promise<EncodedBlock>;
  close(): Promise<void>;
}

/** What a worker thread is started with. */
export interface WorkerStart {
  readonly tokenizerFolder: string;
  readonly settings: EncodeSettings;
}

/** What a worker thread answers to a block. */
export type WorkerAnswer =
  | { readonly encoded: EncodedBlock }
  | { readonly dataError: { readonly message: string; readonly location: InputLocation | undefined; readonly hint: string | undefined; } }
  | { readonly error: unknown };

/** Encodes in this thread. */
export function localEncoder(tokenizer: CorpusTokenizer, settings: EncodeSettings): Encoder {
  const encoder = new BlockEncoder(tokenizer, settings);
  return {
    depth: 1,
    encode: async (input) => encoder.encode(input),
    close: async () => undefined,
  };
}

/** Encodes in `count` threads, each with the tokenizer of `start.tokenizerFolder`. */
export function threadedEncoder(count: number, start: WorkerStart): Encoder {
  const threads = Array.from({ length: count }, () => new EncoderThread(start));
  let next = 0;
  return {
    depth: 2 * count,
    encode: (input) => (threads[next++ % count] as EncoderThread).encode(input),
    close: async () => {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

interface Waiting {
  readonly resolve: (encoded: EncodedBlock) => void;
  readonly reject: (error: unknown) => void;
}

class EncoderThread {
  readonly #worker: Worker;
  /** Answers come in the order of the questions. */
  readonly #waiting: Waiting[] = [];
  #failure: unknown;

  constructor(start: WorkerStart) {
    this.#worker = new Worker(new URL('./encodeThread.js', import.meta.url), {
      workerData: start,
      // The process may have been started with flags that no thread may have.
      execArgv: [],
      // V8 would let the young generation of each thread grow to 48 MiB; the strings of a block need little.
      resourceLimits: { maxYoungGenerationSizeMb: 16 },
    });
    this.#worker.on('message', (answer: WorkerAnswer) => {
      const waiting = this.#waiting.shift();
      if ('encoded' in answer) waiting?.resolve(answer.encoded);
      else if ('dataError' in answer) waiting?.reject(new DataError(answer.dataError.message, answer.dataError));
      else waiting?.reject(answer.error);
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`a thread that encodes text ended with code ${code}`)));
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }

  encode(input: BlockInput): Promise<EncodedBlock> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(input, [input.block.bytes.buffer]);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
