/** Batches made ahead of time in a worker thread, from the same token store in shared memory: the same ones that this thread would make. */
import { AnsweringThread } from '../src/data/answeringThread.js';
import type { DocumentIndex, TokenShard } from '../src/data/tokenStore.js';
import type { ExampleBatch } from './batches.js';
import type { BatchWorkerData, SharedBatchOptions } from './batchWorker.js';
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

function keyOf({ stage, step }: StagePlace): string {
  return `${stage}:${step}`;
}

/** Batches that a thread of their own makes ahead of the steps that want them; the same as without it. */
export class PrefetchedBatches implements BatchMaker {
  readonly #thread: AnsweringThread<StagePlace, readonly ExampleBatch[]>;
  /** What was asked of the thread and is still of use, by place. */
  readonly #wanted = new Map<string, Promise<readonly ExampleBatch[]>>();

  /** Starts the thread. `close` ends it; until then it keeps the process alive. */
  constructor(store: { readonly shards: readonly TokenShard[]; readonly documents: DocumentIndex }, documents: Int32Array, stages: readonly SharedBatchOptions[]) {
    const workerData: BatchWorkerData = {
      shards: store.shards.map(({ values, offsets }) => ({ values: shared(values), offsets: shared(offsets) })),
      index: { sentences: shared(store.documents.sentences), hashes: shared(store.documents.hashes) },
      documents: shared(documents),
      stages,
    };
    this.#thread = new AnsweringThread(new URL('./batchWorker.js', import.meta.url), { workerData, purpose: 'makes batches', outOfMemoryHint: 'Make them in the main thread with --no-prefetch.' });
  }

  microBatches(place: StagePlace, upcoming: readonly StagePlace[]): Promise<readonly ExampleBatch[]> {
    const places = new Map([place, ...upcoming].map((each) => [keyOf(each), each]));
    for (const key of this.#wanted.keys()) if (!places.has(key)) this.#wanted.delete(key);
    for (const [key, each] of places) if (!this.#wanted.has(key)) this.#wanted.set(key, this.#thread.ask(each));
    return this.#wanted.get(keyOf(place)) as Promise<readonly ExampleBatch[]>;
  }

  async close(): Promise<void> {
    await this.#thread.close();
  }
}
