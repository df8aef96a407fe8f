import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { bertConfig } from '../src/config/index.js';
import { type EngineName, setEngine } from '../src/engine/index.js';
import { BertModel } from '../src/models/index.js';
import { dropout } from '../src/ops/index.js';
import { BertTokenizer, trainVocabulary } from '../src/tokenizer/index.js';
import { finetune } from './finetune.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-engines-'));
const model = path.join(folder, 'tiny-bert');

/** The first rows of the CoLA sample that the package ships, as train and as dev. */
const rows = readFileSync(fileURLToPath(new URL('../../scripts/quickstart/data/glue/CoLA/train.tsv', import.meta.url)), 'utf8').split('\n').slice(0, 32);

before(async () => {
  await setEngine('cpu');
  const corpus = path.join(folder, 'sentences.txt');
  writeFileSync(corpus, rows.map((row) => `${row.split('\t')[3] ?? ''}\n`).join(''));
  const tokenizer = BertTokenizer.fromVocab(await trainVocabulary({ files: [corpus], vocabSize: 160, lowercase: true, minFrequency: 1 }), { lowercase: true });
  const encoder = BertModel.fromConfig(
    bertConfig({ vocabSize: tokenizer.vocabSize, hiddenSize: 32, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 64, maxPositionEmbeddings: 64 }),
    { seed: 3 },
  );
  await encoder.savePretrained(model);
  encoder.dispose();
  await tokenizer.save(model);
  mkdirSync(path.join(folder, 'CoLA'));
  for (const split of ['train', 'dev']) writeFileSync(path.join(folder, 'CoLA', `${split}.tsv`), rows.map((row) => `${row}\n`).join(''));
});
after(async () => {
  await rm(folder, { recursive: true });
});

/** Losses of the first 20 steps, the final score, and the columns kept by one dropout mask. */
async function run(engine: EngineName): Promise<{ losses: number[]; score: number; kept: number[] }> {
  await setEngine(engine, { matmulPrecision: 'highest' });
  const losses: number[] = [];
  const { results } = await finetune({
    model,
    data: folder,
    task: 'cola',
    output: path.join(folder, `run-${engine}`),
    matmulPrecision: 'highest',
    learningRate: 3e-3,
    perDeviceTrainBatchSize: 8,
    numTrainEpochs: 24,
    warmupSteps: 2,
    seed: 5,
    doPredict: false,
    progress: (event) => void (event.type === 'step' && losses.length < 20 && losses.push(event.loss)),
  });
  const kept = tf.tidy(() => [...dropout(tf.ones([7, 33]), { rate: 0.3, key: 77 }).dataSync()].flatMap((value, i) => (value === 0 ? [] : [i])));
  return { losses, score: Number(results['eval_matthews_correlation']), kept };
}

let reference: Awaited<ReturnType<typeof run>> | undefined;

for (const engine of ['cpu', 'wasm', 'native'] as const) {
  test(`a tiny model overfits 32 real rows on the ${engine} engine, with the losses and dropout masks of the cpu engine`, async (t) => {
    try {
      await setEngine(engine);
    } catch (error) {
      if (engine !== 'native') throw error;
      t.skip(`no native engine here: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    const found = await run(engine);
    reference ??= found;
    assert.equal(found.score, 1);
    assert.equal(found.losses.length, 20);
    const { losses, kept } = reference;
    found.losses.forEach((loss, step) => {
      const expected = losses[step] ?? Number.NaN;
      assert.ok(Math.abs(loss - expected) <= 1e-4 * Math.abs(expected), `step ${step + 1}: ${loss} against ${expected}`);
    });
    assert.deepEqual(found.kept, kept);
    assert.ok(kept.length > 0.5 * 7 * 33 && kept.length < 0.9 * 7 * 33);
  });
}
