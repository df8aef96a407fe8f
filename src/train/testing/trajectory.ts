/** Runs the training loop along the trajectories that scripts/goldens/makeModelGoldens.py wrote. For test files only. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import type { PackedBatch } from '../../data/packedBatch.js';
import { fixtures } from '../../models/testing/goldens.js';
import { AdamW, type AdamWKind } from '../../optim/adamw.js';
import { parameterSettings } from '../../optim/parameterGroups.js';
import { type LogEntry, type LoopState, runTraining, type TrainingOptions } from '../loop.js';

/** What one run recorded, a number a step. */
interface Trajectory {
  readonly loss: readonly number[];
  /** Before clipping. */
  readonly gradNorm: readonly number[];
  readonly learningRate: readonly number[];
}

/** The rules that trajectories were recorded under: PyTorch's AdamW, or Google's published update under either schedule. */
export const trajectoryNames = ['adamw', 'adamw-bert', "adamw-bert, Google's schedule"] as const;
export type TrajectoryName = (typeof trajectoryNames)[number];

export interface GoldenTrajectories<GoldenBatch> {
  readonly settings: { readonly learningRate: number; readonly steps: number; readonly warmupSteps: number; readonly maxGradNorm: number; readonly weightDecay: number };
  /** Taken in turn. */
  readonly batches: readonly GoldenBatch[];
  readonly runs: Readonly<Record<TrajectoryName, Trajectory>>;
}

export function readTrajectories<GoldenBatch>(name: string): GoldenTrajectories<GoldenBatch> {
  return JSON.parse(readFileSync(path.join(fixtures, name, 'trajectories.json'), 'utf8')) as GoldenTrajectories<GoldenBatch>;
}

export interface TrainedModel<B extends PackedBatch> {
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly computeLoss: TrainingOptions<B>['computeLoss'];
  /** The micro-batches of each of the trajectories' batches. */
  readonly microBatches: readonly (readonly B[])[];
}

/** Trains with the settings of the golden and demands loss, gradient norm and learning rate of each step within a ten-thousandth. */
export async function assertTrajectory<B extends PackedBatch>(model: TrainedModel<B>, golden: GoldenTrajectories<unknown>, name: TrajectoryName): Promise<void> {
  const { learningRate, steps, warmupSteps, maxGradNorm, weightDecay } = golden.settings;
  const kind: AdamWKind = name === 'adamw' ? 'adamw' : 'adamw-bert';
  const optimizer = new AdamW(model.parameters, { kind, settings: parameterSettings(model.parameters.keys(), { weightDecay }) });
  const found: LogEntry[] = [];
  const train = async (totalSteps: number, warmup: number, resumeState?: LoopState): Promise<LoopState> => {
    const result = await runTraining<B>({
      parameters: model.parameters,
      optimizer,
      batches: { epochsAfter: (steps) => steps / model.microBatches.length, microBatches: (step) => model.microBatches[step % model.microBatches.length] ?? [] },
      computeLoss: model.computeLoss,
      totalSteps,
      learningRate,
      schedule: 'linear',
      warmupSteps: warmup,
      maxGradNorm,
      seed: 1,
      loggingSteps: 1,
      onLog: (entry) => void found.push(entry),
      resumeState,
    });
    return result.state;
  };
  if (name === "adamw-bert, Google's schedule") {
    // Google's decay counts from the beginning of the run, not from the end of the warm-up: here a run of warm-up alone, and a run without that goes on from it.
    const warmedUp = await train(warmupSteps, warmupSteps);
    await train(steps, 0, warmedUp);
  } else await train(steps, warmupSteps);
  optimizer.dispose();
  assert.equal(found.length, steps);
  const expected = golden.runs[name];
  found.forEach((entry, step) => {
    assertNear(entry['loss'], expected.loss[step], `step ${step + 1}: loss`);
    assertNear(entry['grad_norm'], expected.gradNorm[step], `step ${step + 1}: gradient norm`);
    assertNear(entry['learning_rate'], expected.learningRate[step], `step ${step + 1}: learning rate`);
  });
}

function assertNear(found = Number.NaN, expected = Number.NaN, what: string): void {
  assert.ok(Math.abs(found - expected) <= 1e-4 * Math.abs(expected), `${what} is ${found}, expected ${expected}`);
}
