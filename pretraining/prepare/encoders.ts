/** Encodes blocks in this thread or in several worker threads. Results are the same; who asks keeps their order. */
import { AnsweringThread } from '../../src/data/answeringThread.js';
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
  const options = {
    workerData: start,
    purpose: 'encodes text',
    outOfMemoryHint: 'Take fewer threads with --workers.',
    // V8 would let the young generation of each thread grow to 48 MiB; the strings of a block need little.
    resourceLimits: { maxYoungGenerationSizeMb: 16 },
  };
  const threads = Array.from({ length: count }, () => new AnsweringThread<BlockInput, EncodedBlock>(new URL('./encodeThread.js', import.meta.url), options));
  let next = 0;
  return {
    depth: 2 * count,
    encode: (input) => (threads[next++ % count] as AnsweringThread<BlockInput, EncodedBlock>).ask(input, [input.block.bytes.buffer]),
    close: async () => {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}
