/** Refuses a run that cannot fit, before it is killed for it in the middle of its first step. */
import { UsageError } from '../data/errors.js';
import type { Encoder } from '../encoder/types.js';
import { transformerSizes } from './modelFlops.js';

export interface MemoryNeed {
  readonly config: Encoder['config'];
  /** All of the model, and those that are trained. */
  readonly parameters: number;
  readonly trained: number;
  /** Of the largest micro-batch. */
  readonly tokens: number;
}

/**
 * Bytes that a training step holds at the least: weights, gradients and both moments, and of each token what the backward pass of each layer reads (inputs
 * of the six products, the activation). More is needed: this tells what is hopeless, not what fits.
 */
export function leastTrainingBytes({ config, parameters, trained, tokens }: MemoryNeed): number {
  // Of an encoder that nobody has counted, the weights alone.
  const sizes = transformerSizes(config);
  const activations = sizes === undefined ? 0 : sizes.numHiddenLayers * (6 * sizes.hiddenSize + sizes.intermediateSize);
  const floats = parameters + 3 * trained + tokens * activations;
  return floats * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * Throws a UsageError that names need, what is there and what to lower, where the step needs more than the system can give.
 * @param available bytes; default: what the machine, or the control group of the process, has left
 */
export function refuseBeyondMemory(need: MemoryNeed, available: number = process.availableMemory() + process.memoryUsage().rss): void {
  const bytes = leastTrainingBytes(need);
  if (bytes <= available) return;
  const mebibytes = (value: number): string => `${Math.ceil(value / 2 ** 20)} MiB`;
  throw new UsageError(`a step of ${need.tokens} tokens needs at least ${mebibytes(bytes)} of memory, and ${mebibytes(available)} are there`, {
    hint: 'Lower --per-device-train-batch-size (or --tokens-per-batch) and raise --gradient-accumulation-steps for the same result, or take a smaller model or --max-seq-length.',
  });
}
