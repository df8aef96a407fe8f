import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { type EngineName, setEngine } from '../src/engine/index.js';
import { dropout } from '../src/ops/index.js';
import { finetune } from './finetune.js';
import { writeCola, writeTinyModel } from './testing/tinyTask.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-engines-'));
const model = path.join(folder, 'tiny-bert');

before(async () => {
  await setEngine('cpu');
  await writeTinyModel(model);
  await writeCola(folder);
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
    numTrainEpochs: 16,
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
  test(`a tiny model overfits 32 rows on the ${engine} engine, with the losses and dropout masks of the cpu engine`, async (t) => {
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
