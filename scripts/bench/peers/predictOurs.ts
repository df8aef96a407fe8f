/**
 * Our side of the comparison of predictions, in a process of its own: labels for rows from memory, once unmeasured and once measured, by the path
 * that `predict` and `evaluate` share and by the library's pipeline. Takes a `PredictRequest` as JSON, prints an `OurPredictions`.
 */
import { readFileSync } from 'node:fs';
import { engineInfo, setEngine } from '../../../src/engine/index.js';
import { pipeline } from '../../../src/models/index.js';
import { classify } from '../../../tasks/classify.js';
import { encodeRows } from '../../../tasks/encodeSplit.js';
import { loadClassifier, outputNames } from '../../../tasks/loadClassifier.js';
import { toPredictions } from '../../../tasks/predictions.js';
import { printJson } from '../../cli/output.js';
import { describeMachine } from '../machine.js';
import type { OurPredictions, PredictRequest, VariantRun } from './predictRuns.js';

interface FileRow {
  readonly text: string;
  readonly text_pair?: string;
}

/** The second of two runs. */
async function timed<Result>(work: () => Promise<Result>): Promise<{ readonly result: Result; readonly seconds: number }> {
  await work();
  const started = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - started) / 1000 };
}

async function measurePredict({ model: directory, maxLength }: PredictRequest, rows: readonly FileRow[]): Promise<VariantRun> {
  const loaded = await loadClassifier({ model: directory, maxSeqLength: maxLength });
  const names = outputNames(loaded.model, undefined);
  const pairs = rows.map(({ text, text_pair }) => ({ textA: text, textB: text_pair }));
  const { result, seconds } = await timed(async () => {
    const encoded = await encodeRows(pairs, loaded.tokenizer, loaded.maxLength, undefined);
    return toPredictions(await classify(loaded.model, encoded, loaded.batchSize), encoded, names);
  });
  loaded.model.dispose();
  return { variant: 'predict', seconds, labels: result.map(({ prediction }) => String(prediction)), logits: result.map(({ logits }) => logits) };
}

async function measurePipeline({ model }: PredictRequest, rows: readonly FileRow[]): Promise<VariantRun> {
  const classifyTexts = await pipeline('text-classification', model);
  const texts = rows.map(({ text, text_pair }) => (text_pair === undefined ? text : { text, textPair: text_pair }));
  const { result, seconds } = await timed(() => classifyTexts(texts));
  classifyTexts.dispose();
  return { variant: 'library', seconds, labels: result.map(({ label }) => label) };
}

const request = JSON.parse(process.argv[2] ?? '') as PredictRequest;
const rows = readFileSync(request.rows, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as FileRow);
await setEngine('auto', { threads: request.threads });
const runs = [await measurePredict(request, rows), await measurePipeline(request, rows)];
const found: OurPredictions = { machine: describeMachine(engineInfo()), runs };
printJson(found, 0);
