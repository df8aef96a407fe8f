/** A worker thread that counts the stretches of each text it is sent. Started by wordCountWorkers.ts with the normalizer's options. */
import { parentPort, workerData } from 'node:worker_threads';
import { BertNormalizer, type NormalizerOptions } from './normalizer.js';
import { StretchCounter } from './wordCounts.js';

const counter = new StretchCounter(new BertNormalizer(workerData as NormalizerOptions).scanClasses);
parentPort?.on('message', (text: string) => {
  const counted = counter.count(text);
  parentPort?.postMessage(counted, [counted.counts.buffer]);
});
