/** The worker thread of encoders.ts: blocks come as messages, and each is answered, in order. */
import { parentPort, workerData } from 'node:worker_threads';
import { DataError, formatLocation } from '../../src/data/errors.js';
import { AutoTokenizer } from '../../src/tokenizer/index.js';
import { BlockEncoder, type BlockInput, buffersOf } from './encodeBlock.js';
import type { WorkerAnswer, WorkerStart } from './encoders.js';

const { tokenizerFolder, settings } = workerData as WorkerStart;
const encoder = new BlockEncoder(await AutoTokenizer.fromPretrained(tokenizerFolder), settings);

parentPort?.on('message', (input: BlockInput) => {
  const answer = answerTo(input);
  parentPort?.postMessage(answer, 'encoded' in answer ? buffersOf(answer.encoded) : []);
});

function answerTo(input: BlockInput): WorkerAnswer {
  try {
    return { encoded: encoder.encode(input) };
  } catch (error) {
    if (!(error instanceof DataError)) return { error };
    // The class does not survive the way to the other thread, and its message starts with the location.
    const { location, hint, message } = error;
    return { dataError: { message: location === undefined ? message : message.slice(formatLocation(location).length + 2), location, hint } };
  }
}
