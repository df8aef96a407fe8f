/** How long the quickstart will take, from timed training steps of its own model on this machine. */
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { loadGlue } from '../../glue/loadGlue.js';
import type { GlueTaskName } from '../../glue/tasks.js';
import { presets } from '../../src/config/presets.js';
import { packSequences } from '../../src/data/packedBatch.js';
import { Random } from '../../src/data/random.js';
import { BertForPreTraining } from '../../src/models/index.js';
import { DropoutStream } from '../../src/ops/index.js';
import { AdamW } from '../../src/optim/adamw.js';
import { plannedRows, type QuickstartPlan } from './plan.js';

/** Timed steps after one to warm up; the median counts. */
const timedSteps = 3;

interface StepShape {
  readonly batchSize: number;
  readonly length: number;
  /** Masked tokens of the batch. */
  readonly masked: number;
}

/**
 * Seconds of the plan: its pretraining steps, and the fine-tuning steps of every task at the length of its rows (1.3 pieces a word, cut at
 * the plan's limit); a step of evaluation counts a third, being forward only.
 */
export async function estimateSeconds(plan: QuickstartPlan, dataFolder: string, tasks: readonly GlueTaskName[]): Promise<number> {
  const { batchSize, maxSeqLength, steps, evalSteps, evalSamples } = plan.pretraining;
  const evaluations = 1 + Math.ceil(steps / evalSteps);
  const model = BertForPreTraining.fromConfig({ ...presets[plan.modelConfig], vocabSize: plan.vocabSize }, { seed: 1 });
  const pretrainingSteps = steps + (evaluations * evalSamples) / batchSize / 3;
  let seconds = pretrainingSteps * timeStep(model, plan.vocabSize, { batchSize, length: maxSeqLength, masked: Math.round(0.15 * batchSize * maxSeqLength) });
  for (const task of tasks) {
    const glue = path.join(dataFolder, 'glue');
    const train = (await loadGlue(glue, task, 'train')).examples;
    const dev = (await loadGlue(glue, task, 'dev')).examples.length;
    const words = train.reduce((sum, { textA, textB }) => sum + textA.split(' ').length + (textB?.split(' ').length ?? 0), 0) / train.length;
    const rows = plannedRows(plan, { train: train.length, dev });
    const { epochs, batchSize: rowsPerStep } = plan.finetuning;
    const shape = { batchSize: rowsPerStep, length: Math.round(Math.min(plan.finetuning.maxSeqLength, 3 + words * 1.3)), masked: 1 };
    seconds += (epochs * (rows.train + rows.dev / 3) * timeStep(model, plan.vocabSize, shape)) / rowsPerStep;
  }
  model.dispose();
  return seconds;
}

/** Seconds of one training step: forward, backward and update. */
function timeStep(model: BertForPreTraining, vocabSize: number, { batchSize, length, masked }: StepShape): number {
  const random = new Random(1);
  const batch = packSequences(Array.from({ length: batchSize }, () => ({ inputIds: Int32Array.from({ length }, () => random.integer(vocabSize)) })));
  const maskedPositions = Int32Array.from({ length: masked }, (_, i) => Math.floor((i * batch.inputIds.length) / masked));
  const full = { ...batch, maskedPositions, maskedLabels: maskedPositions.map((position) => batch.inputIds[position] ?? 0), nextSentenceLabels: new Int32Array(batchSize) };
  const parameters = model.namedParameters();
  const names = new Map([...parameters].map(([name, variable]) => [variable.name, name]));
  const optimizer = new AdamW(parameters, { kind: 'adamw' });
  const seconds: number[] = [];
  for (let step = 0; step <= timedSteps; step++) {
    const start = performance.now();
    const { value, grads } = tf.variableGrads(() => model.packedLoss(full, { training: true, dropout: new DropoutStream(1, step, 0) }).loss);
    optimizer.applyGradients(new Map(Object.entries(grads).map(([variable, gradient]) => [names.get(variable) ?? variable, gradient])), 0);
    value.dataSync();
    tf.dispose([value, grads]);
    if (step > 0) seconds.push((performance.now() - start) / 1000);
  }
  optimizer.dispose();
  return seconds.sort((a, b) => a - b)[Math.floor(seconds.length / 2)] ?? 0;
}
