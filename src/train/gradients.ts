/** The gradient of one optimizer step: over its micro-batches, summed, with its global norm, checked to be finite. */
import * as tf from '@tensorflow/tfjs';
import { NonFiniteError } from '../data/errors.js';
import type { PackedBatch } from '../data/packedBatch.js';
import type { ForwardContext } from '../encoder/types.js';
import { profiled } from '../native/profile.js';
import { DropoutStream } from '../ops/dropoutGenerator.js';
import { sumOfSquares } from '../ops/optimizerOps.js';
import { releasingTape } from '../ops/withGradient.js';
import type { LossResult } from './types.js';

export interface StepGradientsOptions<B extends PackedBatch> {
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly microBatches: readonly B[];
  readonly computeLoss: (batch: B, context: ForwardContext, all: readonly B[]) => LossResult;
  readonly seed: number;
  /** From 0. */
  readonly step: number;
  readonly rowIds?: ((batch: B) => ArrayLike<number>) | undefined;
}

export interface StepGradients {
  /** By parameter name, without the parameters that the loss does not touch; the caller disposes them. */
  readonly gradients: Map<string, tf.Tensor>;
  readonly loss: number;
  readonly metrics: Record<string, number>;
  /** L2 norm over all gradients, before clipping. */
  readonly gradNorm: number;
}

/** Frees the tensors of all gradients. */
export function disposeGradients(gradients: ReadonlyMap<string, tf.Tensor>): void {
  for (const gradient of gradients.values()) gradient.dispose();
}

/**
 * Runs forward and backward for each micro-batch with the dropout stream (seed, step, micro-batch) and sums.
 * Throws NonFiniteError naming the step and what is not finite: the loss with the parameters, or the gradients, with the number
 * of such entries and the first of them.
 */
export function stepGradients<B extends PackedBatch>(options: StepGradientsOptions<B>): StepGradients {
  const { microBatches, seed, step } = options;
  const sums = new Map<string, tf.Tensor>();
  const metrics: Record<string, number> = {};
  let loss = 0;
  try {
    microBatches.forEach((batch, index) => {
      const context: ForwardContext = { training: true, dropout: new DropoutStream(seed, step, index) };
      const part = microBatchGradients(options, batch, context);
      accumulate(sums, part.gradients);
      loss += part.loss;
      for (const [name, value] of Object.entries(part.metrics)) metrics[name] = (metrics[name] ?? 0) + value;
      if (!Number.isFinite(loss)) throw nonFinite(step, describeLoss(loss, options.parameters), rowsOf(options, [batch]));
    });
    const gradNorm = Math.sqrt(profiled('gradient norm', () => sumOfSquares([...sums.values()])));
    if (!Number.isFinite(gradNorm)) throw nonFinite(step, describeGradients(sums), rowsOf(options, microBatches));
    return { gradients: sums, loss, metrics, gradNorm };
  } catch (error) {
    disposeGradients(sums);
    throw error;
  }
}

interface MicroBatchGradients {
  readonly gradients: Map<string, tf.Tensor>;
  readonly loss: number;
  readonly metrics: Record<string, number>;
}

function microBatchGradients<B extends PackedBatch>(options: StepGradientsOptions<B>, batch: B, context: ForwardContext): MicroBatchGradients {
  const names = [...options.parameters.keys()];
  const variables = [...options.parameters.values()];
  const numbers: Record<string, number> = {};
  // The metrics are read inside, where their tensors still live; the tape is not touched by reading.
  const forward = (): tf.Scalar => {
    const result = options.computeLoss(batch, context, options.microBatches);
    for (const [name, value] of Object.entries(result.metrics)) numbers[name] = typeof value === 'number' ? value : scalarValue(value);
    return result.loss;
  };
  const { value, grads } = profiled('forward and backward', () =>
    releasingTape(() => tf.engine().gradients(() => profiled('forward', forward), variables, undefined, true)),
  );
  const loss = scalarValue(value);
  value.dispose();
  const gradients = new Map<string, tf.Tensor>();
  names.forEach((name, i) => {
    // tfjs leaves a hole for a variable that the loss does not reach, although its type has none.
    const gradient: tf.Tensor | null | undefined = grads[i];
    if (gradient !== null && gradient !== undefined) gradients.set(name, gradient);
  });
  return { gradients, loss, metrics: numbers };
}

function scalarValue(tensor: tf.Tensor): number {
  return tensor.dataSync()[0] ?? Number.NaN;
}

/** sums += part, taking over part's tensors. Out of place, because two gradients may share one buffer. */
function accumulate(sums: Map<string, tf.Tensor>, part: ReadonlyMap<string, tf.Tensor>): void {
  for (const [name, gradient] of part) {
    const sum = sums.get(name);
    if (sum === undefined) {
      sums.set(name, gradient);
      continue;
    }
    sums.set(name, tf.add(sum, gradient));
    sum.dispose();
    gradient.dispose();
  }
}

/** Tensors that an error names at most. */
const namedTensors = 4;

/** "the gradient of w [3, 1] (2 of 3 entries, the first is NaN at element 1), …" of the tensors that are not finite, or undefined. */
function describeNonFinite(kind: string, tensors: ReadonlyMap<string, tf.Tensor>): string | undefined {
  const found: string[] = [];
  for (const [name, tensor] of tensors) {
    const values = tensor.dataSync();
    const first = values.findIndex((value) => !Number.isFinite(value));
    if (first < 0) continue;
    const count = Array.from(values).filter((value) => !Number.isFinite(value)).length;
    found.push(`${kind} ${name} [${tensor.shape.join(', ')}] (${count} of ${values.length} entries, the first is ${values[first]} at element ${first})`);
  }
  if (found.length === 0) return undefined;
  const more = found.length > namedTensors ? ` and ${found.length - namedTensors} more` : '';
  return `${found.slice(0, namedTensors).join(', ')}${more}`;
}

/** What is known of a loss that is not finite: parameters that a former update spoilt, or else only that there are none. */
function describeLoss(loss: number, parameters: ReadonlyMap<string, tf.Variable>): string {
  const spoilt = describeNonFinite('parameter', parameters);
  return `the loss is ${loss}, ${spoilt === undefined ? 'though every parameter is finite' : `and not finite: ${spoilt}`}`;
}

function describeGradients(gradients: ReadonlyMap<string, tf.Tensor>): string {
  const spoilt = describeNonFinite('the gradient of', gradients);
  return spoilt === undefined ? 'the norm of all gradients overflows' : `not finite: ${spoilt}`;
}

function rowsOf<B extends PackedBatch>(options: StepGradientsOptions<B>, batches: readonly B[]): number[] | undefined {
  const { rowIds } = options;
  return rowIds === undefined ? undefined : batches.flatMap((batch) => Array.from(rowIds(batch)));
}

function nonFinite(step: number, what: string, rows: readonly number[] | undefined): NonFiniteError {
  const shown = rows === undefined ? '' : `; rows of the batch: ${rows.slice(0, 32).join(', ')}${rows.length > 32 ? `, … (${rows.length})` : ''}`;
  return new NonFiniteError(`step ${step + 1}: ${what}${shown}. The update was not applied.`, {
    hint: 'lower the learning rate, lengthen the warm-up or clip gradients lower (--max-grad-norm), and start anew with --overwrite; the last checkpoint stands as it was',
  });
}
