/** Models of each class with uneven random weights, padded batches, and what our own models make of them, for tests. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { Random } from '../../data/random.js';
import { BertForMaskedLM, BertForPreTraining, BertForSequenceClassification, BertModel, type PretrainedModel } from '../../models/index.js';

/** Compiled to dist/src/export/testing; the fixtures stay beside the sources. */
export const fixtures = path.resolve(import.meta.dirname, '../../../../src/models/fixtures');

const classes = { BertModel, BertForMaskedLM, BertForSequenceClassification, BertForPreTraining } as const;
export type Architecture = keyof typeof classes;
export const architectures = Object.keys(classes) as Architecture[];

/**
 * Writes a checkpoint of a class below `folder`: the tiny fixture with every weight moved by random numbers, so that no bias is zero
 * and no scale one. Returns its directory.
 */
export async function makeCheckpoint(folder: string, architecture: Architecture, changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const source = path.join(folder, `source-${architecture}-${Object.values(changes).join('-')}`);
  mkdirSync(folder, { recursive: true });
  cpSync(path.join(fixtures, 'pretraining-gelu'), source, { recursive: true });
  const config = JSON.parse(readFileSync(path.join(source, 'config.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(path.join(source, 'config.json'), JSON.stringify({ ...config, ...changes }));
  const model: PretrainedModel = await classes[architecture].fromPretrained(source, architecture === 'BertForSequenceClassification' ? { id2label: ['entailment', 'neutral', 'contradiction'] } : {});
  const random = new Random(7);
  for (const variable of model.namedParameters().values()) {
    const moved = variable.dataSync<'float32'>().map((value) => value + 0.1 * random.normal());
    tf.tidy(() => variable.assign(tf.tensor(moved, variable.shape)));
  }
  const directory = path.join(folder, path.basename(source).replace('source-', ''));
  await model.savePretrained(directory);
  model.dispose();
  return directory;
}

/** The inputs of a graph, [batch, seq]. */
export interface Batch {
  readonly input_ids: readonly (readonly number[])[];
  readonly attention_mask: readonly (readonly number[])[];
  readonly token_type_ids: readonly (readonly number[])[];
}

/** Random ids; row i has lengths[i] tokens, the second half of them in the second segment. @param width columns; the longest unless given */
export function padded(lengths: readonly number[], vocabSize: number, width: number = Math.max(...lengths)): Batch {
  const random = new Random(width, lengths.length);
  const columns = Array.from({ length: width }, (_, i) => i);
  return {
    input_ids: lengths.map((length) => columns.map((i) => (i < length ? 1 + random.integer(vocabSize - 1) : 0))),
    attention_mask: lengths.map((length) => columns.map((i) => (i < length ? 1 : 0))),
    token_type_ids: lengths.map((length) => columns.map((i) => (i < length && i >= length / 2 ? 1 : 0))),
  };
}

/** Batches of several sizes and lengths for the tiny fixture's vocabulary (53) and longest sequence (19), padded and not; the last has a hole in its mask. */
export const tinyBatches: readonly Batch[] = [
  padded([1], 53),
  padded([19], 53),
  padded([6, 6], 53),
  padded([9, 1, 4], 53),
  padded([2, 7, 5, 3, 1], 53, 11),
  { input_ids: [[5, 9, 2, 8, 1]], attention_mask: [[1, 1, 0, 1, 1]], token_type_ids: [[0, 0, 0, 1, 1]] },
];

export interface NamedOutput {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What our own model gives for a batch, by the names of the graph's outputs. */
export async function ourOutputs(directory: string, architecture: Architecture, batch: Batch): Promise<Record<string, NamedOutput>> {
  const inputs = { inputIds: batch.input_ids, attentionMask: batch.attention_mask, tokenTypeIds: batch.token_type_ids };
  const taken = (tensors: Readonly<Record<string, tf.Tensor>>): Record<string, NamedOutput> => {
    const outputs = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, { shape: tensor.shape, values: tensor.dataSync<'float32'>().slice() }]));
    tf.dispose(Object.values(tensors));
    return outputs;
  };
  const model = await classes[architecture].fromPretrained(directory);
  try {
    if (model instanceof BertModel) {
      const { sequenceOutput, pooledOutput } = model.forward(inputs);
      return taken({ last_hidden_state: sequenceOutput, pooler_output: pooledOutput });
    }
    if (model instanceof BertForPreTraining) {
      const { predictionLogits, seqRelationshipLogits } = model.forward(inputs);
      return taken({ prediction_logits: predictionLogits, seq_relationship_logits: seqRelationshipLogits });
    }
    return taken({ logits: model.forward(inputs).logits });
  } finally {
    model.dispose();
  }
}

/**
 * The largest difference between two sets of outputs, where the mask is 1; relative for values above 1.
 * Fails where names, shapes or the number of values differ.
 */
export function largestDifference(found: Readonly<Record<string, NamedOutput>>, expected: Readonly<Record<string, NamedOutput>>, batch: Batch): number {
  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
  const mask = batch.attention_mask.flat();
  let worst = 0;
  for (const [name, { shape, values }] of Object.entries(expected)) {
    const other = found[name];
    assert.deepEqual([name, other?.shape], [name, shape]);
    const width = shape.at(-1) ?? 1;
    for (const [i, value] of values.entries()) {
      // [batch, seq, …] counts at the tokens, [batch, …] everywhere.
      if (shape.length === 3 && mask[Math.floor(i / width)] === 0) continue;
      const difference = Math.abs((other?.values[i] ?? Number.NaN) - value) / Math.max(1, Math.abs(value));
      // Not Math.max alone: a NaN must not hide behind a number.
      worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(worst, difference);
    }
  }
  return worst;
}
