/** The size of a micro-batch: a number of sequences or a budget of tokens, never both. */
import { UsageError } from '../data/errors.js';
import type { OptimizationOptions } from './options.js';

/** Throws a UsageError where the size is given in sequences and in tokens. */
export function refuseTwoBatchSizes({ tokensPerBatch, perDeviceTrainBatchSize }: Pick<OptimizationOptions, 'tokensPerBatch' | 'perDeviceTrainBatchSize'>): void {
  if (tokensPerBatch === undefined || perDeviceTrainBatchSize === undefined) return;
  throw new UsageError('both --per-device-train-batch-size and --tokens-per-batch are given; expected one of them');
}

/**
 * The budget of tokens that the options set, or undefined. Throws a UsageError where there is a size in sequences as well, and where a
 * sequence of `longest` tokens would not fit.
 */
export function chosenTokenBudget(options: Pick<OptimizationOptions, 'tokensPerBatch' | 'perDeviceTrainBatchSize'>, longest: number): number | undefined {
  refuseTwoBatchSizes(options);
  const { tokensPerBatch } = options;
  if (tokensPerBatch === undefined || (Number.isSafeInteger(tokensPerBatch) && tokensPerBatch >= longest)) return tokensPerBatch;
  throw new UsageError(`tokens-per-batch is ${tokensPerBatch}; expected a whole number of at least ${longest}`, { hint: `The longest sequence has ${longest} tokens (--max-seq-length) and must fit.` });
}

/** A budget of tokens as the size of a step's batch, for people. */
export function describeTokenBudget(tokensPerBatch: number, accumulationSteps: number): string {
  return `at most ${tokensPerBatch * accumulationSteps} tokens`;
}
