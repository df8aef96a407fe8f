/** What a run will take, measured before its first step on a micro-batch of its own. */
import type * as tf from '@tensorflow/tfjs';
import type { PackedBatch } from '../data/packedBatch.js';
import { disposeGradients, stepGradients } from './gradients.js';
import { formatSeconds } from './progress.js';
import type { TrainingOptions } from './types.js';

export interface RunEstimate {
  /** Forward and backward of one optimizer step; the update and evaluations are not in it. */
  readonly secondsPerStep: number;
  /** What the process holds with weights, gradients and activations, and the optimizer's moments beside it. */
  readonly bytes: number;
}

/** Where fewer micro-batches than this are left, none is spent on warming up, so that the estimate costs a small share of any run. */
const shortRun = 20;

/**
 * Runs forward and backward of one micro-batch of the step and throws the gradients away: weights, optimizer and random numbers stay
 * as they are. Of a step's micro-batches the middle one is taken (they may be in order of length) and scaled by tokens.
 * @param microBatches of the step numbered `step`, from 0; there is at least one
 * @throws NonFiniteError as the step itself would
 */
export function estimateRun<B extends PackedBatch>(
  options: Pick<TrainingOptions<B>, 'parameters' | 'computeLoss' | 'seed' | 'rowIds'>,
  microBatches: readonly B[],
  step: number,
  stepsLeft: number,
): RunEstimate {
  const trial = microBatches[microBatches.length >> 1] as B;
  let seconds = 0;
  // The first pass also starts threads and fills the pool of buffers.
  for (let pass = stepsLeft * microBatches.length < shortRun ? 1 : 0; pass < 2; pass++) {
    const startedAt = performance.now();
    disposeGradients(stepGradients({ ...options, microBatches: [trial], step }).gradients);
    seconds = (performance.now() - startedAt) / 1000;
  }
  const tokens = microBatches.reduce((sum, { inputIds }) => sum + inputIds.length, 0);
  const moments = 2 * Float32Array.BYTES_PER_ELEMENT * elements(options.parameters);
  return { secondsPerStep: (seconds * tokens) / trial.inputIds.length, bytes: process.memoryUsage().rss + moments };
}

function elements(parameters: ReadonlyMap<string, tf.Variable>): number {
  return [...parameters.values()].reduce((sum, { size }) => sum + size, 0);
}

/** The estimate as a line: of the steps left, or of the seconds left where a time budget ends the run sooner (Infinity: it does not). */
export function estimateText({ secondsPerStep, bytes }: RunEstimate, stepsLeft: number, budgetLeft: number): string {
  const step = secondsPerStep < 1 ? `${(1000 * secondsPerStep).toFixed(secondsPerStep < 0.01 ? 1 : 0)} ms` : `${secondsPerStep.toFixed(1)} s`;
  const memory = `${Math.ceil(bytes / 2 ** 20)} MiB of memory`;
  const needed = stepsLeft * secondsPerStep;
  if (needed <= budgetLeft) return `estimate: about ${formatSeconds(needed)} for ${stepsLeft} steps of ${step}, evaluations not counted; about ${memory}`;
  return `estimate: about ${Math.max(1, Math.floor(budgetLeft / secondsPerStep))} steps of ${step} in the ${formatSeconds(budgetLeft)} of the time budget, evaluations not counted; about ${memory}`;
}
