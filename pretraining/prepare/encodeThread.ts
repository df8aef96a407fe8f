/** The worker thread of encoders.ts: blocks come as messages, and each is answered. */
import { parentPort, workerData } from 'node:worker_threads';
import { answerEach } from '../../src/data/answeringThread.js';
import { AutoTokenizer } from '../../src/tokenizer/index.js';
import { BlockEncoder, type BlockInput, buffersOf } from './encodeBlock.js';
import type { WorkerStart } from './encoders.js';

const { tokenizerFolder, settings } = workerData as WorkerStart;
const encoder = new BlockEncoder(await AutoTokenizer.fromPretrained(tokenizerFolder), settings);

if (parentPort !== null) answerEach(parentPort, (input: BlockInput) => encoder.encode(input), buffersOf);
