/** Batches made ahead of time in a worker thread, from the same token store in shared memory: the same ones that this thread would make. */
import { Worker } from 'node:worker_threads';
import { BertwrightError, DataError, UsageError } from '../src/data/errors.js';
import type { DocumentIndex, TokenShard } from '../src/data/tokenStore.js';
import type { ExampleBatch } from './batches.js';
import type { BatchAnswer, BatchWorkerData, ErrorMessage, SharedBatchOptions } from './batchWorker.js';
import type { BatchMaker } from './runBatches.js';
import type { StagePlace } from './stages.js';

/** Steps and tokens of batches that wait to be trained on at most: enough to bridge the start of an epoch, and a few MiB. */
const mostSteps = 16;
const mostTokens = 2 ** 20;

/** How many steps are made ahead. */
export function stepsAhead(tokensPerStep: number): number {
  return Math.max(2, Math.min(mostSteps, Math.floor(mostTokens / tokensPerStep)));
}

type Array32 = Int32Array | BigUint64Array;

/** The same numbers in memory that threads share: where they are already, nothing is copied. */
function shared<T extends Array32>(array: T): T {
  if (array.buffer instanceof SharedArrayBuffer) return array;
  const Kind = array.constructor as new (buffer: SharedArrayBuffer) => T;
  const copy = new Kind(new SharedArrayBuffer(array.byteLength));
  copy.set(array as Int32Array & BigUint64Array);
  return copy;
}

interface Wanted {
  readonly batches: Promise<readonly ExampleBatch[]>;
  readonly resolve: (batches: readonly ExampleBatch[]) => void;
  readonly reject: (error: Error) => void;
}

function wanted(): Wanted {
  let settle: Omit<Wanted, 'batches'> | undefined;
  const batches = new Promise<readonly ExampleBatch[]>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Whoever asks gets the error; what nobody asks for any more must not end the process.
  batches.catch(() => undefined);
  return { batches, ...(settle as Omit<Wanted, 'batches'>) };
}

function keyOf({ stage, step }: StagePlace): string {
  return `${stage}:${step}`;
}

/** An error of the worker with its class and hint; its stack is kept as the cause. */
function rebuilt({ name, message, hint, stack }: ErrorMessage): Error {
  const options = { hint, cause: stack };
  if (name === 'DataError') return new DataError(message, options);
  if (name === 'UsageError') return new UsageError(message, options);
  return hint === undefined ? Object.assign(new Error(message, { cause: stack }), { name }) : new BertwrightError(message, options);
}

export class PrefetchedBatches implements BatchMaker {
  readonly #worker: Worker;
  /** What was asked of the worker and is still of use, by place. */
  readonly #wanted = new Map<string, Wanted>();
  #failure: Error | undefined;

  /** Starts the worker. `close` ends it; until then it keeps the process alive. */
  constructor(store: { readonly shards: readonly TokenShard[]; readonly documents: DocumentIndex }, documents: Int32Array, stages: readonly SharedBatchOptions[]) {
    const workerData: BatchWorkerData = {
      shards: store.shards.map(({ values, offsets }) => ({ values: shared(values), offsets: shared(offsets) })),
      index: { sentences: shared(store.documents.sentences), hashes: shared(store.documents.hashes) },
      documents: shared(documents),
      stages,
    };
    // Flags of this process may be such that only its own program can have (--input-type, --test).
    this.#worker = new Worker(new URL('./batchWorker.js', import.meta.url), { workerData, execArgv: [] });
    this.#worker.on('message', (answer: BatchAnswer) => this.#take(answer));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`the thread that makes batches ended (exit code ${code})`)));
  }

  #take(answer: BatchAnswer): void {
    const found = this.#wanted.get(keyOf(answer));
    if ('error' in answer) found?.reject(rebuilt(answer.error));
    else found?.resolve(answer.batches);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#wanted.values()) reject(this.#failure);
  }

  microBatches(place: StagePlace, upcoming: readonly StagePlace[]): Promise<readonly ExampleBatch[]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const places = new Map([place, ...upcoming].map((each) => [keyOf(each), each]));
    for (const key of this.#wanted.keys()) if (!places.has(key)) this.#wanted.delete(key);
    for (const [key, each] of places) {
      if (this.#wanted.has(key)) continue;
      this.#wanted.set(key, wanted());
      this.#worker.postMessage(each);
    }
    return (this.#wanted.get(keyOf(place)) as Wanted).batches;
  }

  async close(): Promise<void> {
    this.#failure ??= new Error('the thread that makes batches was closed');
    await this.#worker.terminate();
  }
}
