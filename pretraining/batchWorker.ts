/** The thread that makes batches ahead of time: answers each wanted place with its micro-batches; see prefetch.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { answerEach } from '../src/data/answeringThread.js';
import { type DocumentIndex, type TokenShard, TokenStore } from '../src/data/tokenStore.js';
import { type ExampleBatch, PretrainingBatches, type PretrainingBatchOptions } from './batches.js';
import type { StagePlace } from './stages.js';

export type SharedBatchOptions = Omit<PretrainingBatchOptions, 'store' | 'documents'>;

/** What the thread starts with: memory of the store that is shared with it, and the settings of each stage. */
export interface BatchWorkerData {
  readonly shards: readonly TokenShard[];
  readonly index: DocumentIndex;
  readonly documents: Int32Array;
  readonly stages: readonly SharedBatchOptions[];
}

/** The memory of a batch, to be handed over instead of copied. */
function buffersOf(batches: readonly ExampleBatch[]): ArrayBuffer[] {
  return batches.flatMap((batch) => Object.values(batch).flatMap((array: Int32Array | Uint32Array | undefined) => (array === undefined ? [] : [array.buffer as ArrayBuffer])));
}

/** Sources of the stages as they are first asked for: an error in making one is the answer to that. */
function serve(port: NonNullable<typeof parentPort>, { shards, index, documents, stages }: BatchWorkerData): void {
  const store = new TokenStore(shards, index);
  const sources = new Map<number, PretrainingBatches>();
  const sourceOf = (stage: number): PretrainingBatches => {
    const found = sources.get(stage) ?? new PretrainingBatches({ ...(stages[stage] as SharedBatchOptions), store, documents });
    sources.set(stage, found);
    return found;
  };
  answerEach(port, (place: StagePlace) => sourceOf(place.stage).microBatches(place.step), buffersOf);
}

if (parentPort !== null) serve(parentPort, workerData as BatchWorkerData);
