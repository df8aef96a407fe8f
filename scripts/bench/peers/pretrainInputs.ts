/** What both sides of the comparison of pretraining start from: a checkpoint with random weights, and the batches of the run, in files. */
import { preparePretraining } from '../../../pretraining/job.js';
import type { PretrainOptions } from '../../../pretraining/options.js';
import { resolveModelConfig } from '../../../pretraining/plan.js';
import { writeDirectoryAtomic } from '../../../src/checkpoint/atomicDirectory.js';
import { type TensorData, writeSafetensors } from '../../../src/checkpoint/safetensors.js';
import { UsageError } from '../../../src/data/errors.js';
import type { PretrainingBatch } from '../../../src/data/pretrainingBatch.js';
import { BertForPreTraining } from '../../../src/models/index.js';
import { defaultEpsilon } from '../../../src/optim/optimizerKinds.js';
import { AutoTokenizer } from '../../../src/tokenizer/index.js';

export interface StartOptions {
  /** The prepared corpus, whose tokenizer decides the vocabulary. */
  readonly data: string;
  /** A preset or a config.json. */
  readonly modelConfig: string;
  /** Of hidden states and of attention. */
  readonly dropout: number;
  readonly seed: number;
}

/** Writes a checkpoint with fresh weights into `directory`, which is there whole or not at all. An engine must be set. */
export async function writeStart(directory: string, { data, modelConfig, dropout, seed }: StartOptions): Promise<void> {
  const config = resolveModelConfig(modelConfig, [], await AutoTokenizer.fromPretrained(data));
  const model = BertForPreTraining.fromConfig({ ...config, hiddenDropoutProb: dropout, attentionProbsDropoutProb: dropout }, { seed });
  try {
    await writeDirectoryAtomic(directory, (temporary) => model.savePretrained(temporary));
  } finally {
    model.dispose();
  }
}

export interface WrittenBatches {
  readonly steps: number;
  /** Of a step. */
  readonly batchSize: number;
  /** Real tokens of all steps; there is no padding. */
  readonly tokens: number;
  /** Tokens that padding each batch to its longest sequence adds. */
  readonly padding: number;
  /** Median milliseconds that making a step's batch took. */
  readonly batchMs: number;
}

/**
 * Writes the batches of the first steps of a run as `pretrain` would make them, all laid end to end: input_ids and token_type_ids [T],
 * lengths [steps x B], masked_positions (within their step's tokens) and masked_labels [M], masked_counts [steps], next_sentence_labels
 * [steps x B] where the data has them, all int32. The metadata `plan` is JSON with the batch size and the optimizer's settings.
 * @throws UsageError where the run has stages, accumulates gradients or its schedule is not linear: the peer's loop does none of these
 */
export async function writeBatches(file: string, options: PretrainOptions, steps: number): Promise<WrittenBatches> {
  const { plan, sources, model } = await preparePretraining(options);
  model.dispose();
  const [batches] = sources;
  if (batches === undefined || sources.length > 1 || plan.accumulationSteps !== 1 || plan.schedule !== 'linear') throw new UsageError('the comparison takes one stage and a linear schedule without accumulation');
  const made: PretrainingBatch[] = [];
  const times: number[] = [];
  for (let step = 0; step < steps; step++) {
    const begun = performance.now();
    made.push(...batches.microBatches(step));
    times.push(performance.now() - begun);
  }
  const lengths = made.map(({ cuSeqlens }) => Int32Array.from({ length: cuSeqlens.length - 1 }, (_, b) => (cuSeqlens[b + 1] as number) - (cuSeqlens[b] as number)));
  const tensors = new Map<string, TensorData>([
    ['input_ids', joined(made.map(({ inputIds }) => inputIds))],
    ['token_type_ids', joined(made.map(({ tokenTypeIds }) => tokenTypeIds))],
    ['lengths', joined(lengths)],
    ['masked_positions', joined(made.map(({ maskedPositions }) => maskedPositions))],
    ['masked_labels', joined(made.map(({ maskedLabels }) => maskedLabels))],
    ['masked_counts', joined([Int32Array.from(made, ({ maskedLabels }) => maskedLabels.length)])],
  ]);
  const nextLabels = made.flatMap(({ nextSentenceLabels }) => nextSentenceLabels ?? []);
  if (nextLabels.length > 0) tensors.set('next_sentence_labels', joined(nextLabels));
  const { batchSize, learningRate, warmup, weightDecay, adamBeta1: beta1, adamBeta2: beta2, adamEpsilon, maxGradNorm, optimizer } = plan;
  writeSafetensors(file, tensors, { plan: JSON.stringify({ batchSize, learningRate, warmup, weightDecay, beta1, beta2, epsilon: adamEpsilon ?? defaultEpsilon(optimizer), maxGradNorm }) });
  const tokens = lengths.reduce((sum, own) => sum + own.reduce((a, b) => a + b, 0), 0);
  const padded = lengths.reduce((sum, own) => sum + own.length * Math.max(...own), 0);
  return { steps, batchSize, tokens, padding: padded - tokens, batchMs: times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN };
}

function joined(parts: readonly Int32Array[]): TensorData {
  const data = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return { shape: [data.length], data };
}
