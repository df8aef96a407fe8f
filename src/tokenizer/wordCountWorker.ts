/** A worker thread that counts the stretches of each text it is sent. Started by wordCountWorkers.ts with the normalizer's options. */
import { parentPort, workerData } from 'node:worker_threads';
import { answerEach } from '../data/answeringThread.js';
import { BertNormalizer, type NormalizerOptions } from './normalizer.js';
import { StretchCounter } from './wordCounts.js';

const counter = new StretchCounter(new BertNormalizer(workerData as NormalizerOptions).scanClasses);
if (parentPort !== null) answerEach(parentPort, (text: string) => counter.count(text), (counted) => [counted.counts.buffer]);
