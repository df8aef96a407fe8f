/** How long the quickstart will take, from one timed training step of its own model on this machine. */
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { loadGlue } from '../../glue/loadGlue.js';
import type { GlueTaskName } from '../../glue/tasks.js';
import { presets } from '../../src/config/presets.js';
import { packSequences } from '../../src/data/packedBatch.js';
import { Random } from '../../src/data/random.js';
import { DropoutStream } from '../../src/ops/index.js';
import { BertForPreTraining } from '../../src/models/index.js';
import { plannedRows, type QuickstartPlan } from './plan.js';

/** Timed steps after one to warm up; the median counts. */
const timedSteps = 3;

/**
 * Seconds of the plan: tokens to train on (evaluation counts a third: forward only), each at the cost of a pretraining token.
 * Row lengths are those of the data, cut at the plan's limit and taken as 1.3 pieces a word.
 */
export async function estimateSeconds(plan: QuickstartPlan, dataFolder: string, tasks: readonly GlueTaskName[]): Promise<number> {
  const { batchSize, maxSeqLength, steps } = plan.pretraining;
  const stepSeconds = timeStep(plan);
  let finetuneTokens = 0;
  for (const task of tasks) {
    const glue = path.join(dataFolder, 'glue');
    const train = (await loadGlue(glue, task, 'train')).examples;
    const dev = (await loadGlue(glue, task, 'dev')).examples.length;
    const words = train.reduce((sum, { textA, textB }) => sum + textA.split(' ').length + (textB?.split(' ').length ?? 0), 0) / train.length;
    const length = Math.min(plan.finetuning.maxSeqLength, 3 + words * 1.3);
    const rows = plannedRows(plan, { train: train.length, dev });
    finetuneTokens += length * plan.finetuning.epochs * (rows.train + rows.dev / 3);
  }
  return stepSeconds * (steps + finetuneTokens / (batchSize * maxSeqLength));
}

/** Seconds of one pretraining step: forward and backward, the update left out. */
function timeStep(plan: QuickstartPlan): number {
  const { batchSize, maxSeqLength } = plan.pretraining;
  const model = BertForPreTraining.fromConfig({ ...presets[plan.modelConfig], vocabSize: plan.vocabSize }, { seed: 1 });
  const random = new Random(1);
  const batch = packSequences(Array.from({ length: batchSize }, () => ({ inputIds: Int32Array.from({ length: maxSeqLength }, () => random.integer(plan.vocabSize)) })));
  const masked = Math.round(0.15 * batchSize * maxSeqLength);
  const maskedPositions = Int32Array.from({ length: masked }, (_, i) => Math.floor(i / 0.15));
  const full = { ...batch, maskedPositions, maskedLabels: maskedPositions.map((position) => batch.inputIds[position] ?? 0), nextSentenceLabels: new Int32Array(batchSize) };
  const seconds: number[] = [];
  for (let step = 0; step <= timedSteps; step++) {
    const start = performance.now();
    const { value, grads } = tf.variableGrads(() => model.packedLoss(full, { training: true, dropout: new DropoutStream(1, step, 0) }).loss);
    value.dataSync();
    tf.dispose([value, grads]);
    if (step > 0) seconds.push((performance.now() - start) / 1000);
  }
  model.dispose();
  return seconds.sort((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? 0;
}
