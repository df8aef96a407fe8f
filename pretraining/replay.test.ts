/** A whole pretraining replays: the same seed gives the same weights to the bit for any number of threads and on every instruction set with fused multiply-add. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { PartialBertConfig } from '../src/config/index.js';
import { packSequences } from '../src/data/packedBatch.js';
import type { PretrainingBatch } from '../src/data/pretrainingBatch.js';
import { Random } from '../src/data/random.js';
import { engineInfo, setEngine } from '../src/engine/index.js';
import { BertForPreTraining } from '../src/models/index.js';
import { loadAddon } from '../src/native/loadAddon.js';
import { assertReplays } from '../src/native/testing/replay.js';
import { AdamW } from '../src/optim/adamw.js';
import { parameterSettings } from '../src/optim/parameterGroups.js';
import { optimizerStep } from '../src/train/step.js';
import { pretrainingLoss } from './pretrain.js';

const loaded = await loadAddon();

before(async () => {
  if (loaded.addon !== undefined) await setEngine('native');
});

const config: PartialBertConfig = { vocabSize: 611, hiddenSize: 60, numHiddenLayers: 2, numAttentionHeads: 4, intermediateSize: 150, maxPositionEmbeddings: 80, hiddenDropoutProb: 0.1, attentionProbsDropoutProb: 0.1 };

/** Sequences of odd lengths, a sixth of the tokens masked. */
function batch(seed: number): PretrainingBatch {
  const random = new Random(seed);
  const lengths = [1, 17, 31, 33, 64, 79];
  const sequences = lengths.map((length) => ({ inputIds: Array.from({ length }, () => random.integer(611)), tokenTypeIds: Array.from({ length }, (_, i) => Number(2 * i > length)) }));
  const masked = Array.from({ length: lengths.reduce((sum, length) => sum + length, 0) }, (_, i) => i).filter(() => random.integer(6) === 0);
  return {
    ...packSequences(sequences),
    maskedPositions: Int32Array.from(masked),
    maskedLabels: Int32Array.from(masked, () => random.integer(611)),
    nextSentenceLabels: Int32Array.from(lengths, () => random.integer(2)),
  };
}

/** The weights after five steps of two micro-batches, clipped: all gradients' norms are above 0.5. */
function train(hiddenAct: 'gelu' | 'gelu_new'): Float32Array[] {
  const model = BertForPreTraining.fromConfig({ ...config, hiddenAct }, { seed: 5 });
  const parameters = model.namedParameters();
  const optimizer = new AdamW(parameters, { kind: 'adamw', settings: parameterSettings(parameters.keys(), { weightDecay: 0.01 }) });
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) {
    const microBatches = [batch(2 * step), batch(2 * step + 1)];
    const { loss, gradNorm } = optimizerStep({ parameters, microBatches, computeLoss: pretrainingLoss(model), seed: 5, step, optimizer, learningRate: 1e-3, maxGradNorm: 0.5 });
    assert.ok(gradNorm > 0.5, `${gradNorm}`);
    losses.push(loss);
  }
  const weights = [...parameters.values()].map((parameter) => Float32Array.from(parameter.dataSync()));
  optimizer.dispose();
  model.dispose();
  return [Float32Array.from(losses), ...weights];
}

for (const hiddenAct of ['gelu', 'gelu_new'] as const) {
  test(`five steps with ${hiddenAct}, dropout, clipping and AdamW`, { skip: loaded.addon === undefined && loaded.why }, () => {
    const { addon } = loaded;
    assert.ok(addon);
    const { isa, threads } = addon.info();
    const { matmulPrecision } = engineInfo();
    try {
      assertReplays(addon, 'weights', () => train(hiddenAct));
    } finally {
      addon.setIsa(isa);
      addon.setThreads(threads);
      addon.setMatmulPrecision(matmulPrecision);
    }
  });
}
