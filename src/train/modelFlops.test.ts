import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { bertConfig, type PartialBertConfig, presetConfig } from '../config/bertConfig.js';
import { packSequences } from '../data/packedBatch.js';
import type { PretrainingBatch } from '../data/pretrainingBatch.js';
import { setEngine } from '../engine/index.js';
import { BertForPreTraining, BertForSequenceClassification } from '../models/index.js';
import type { NativeAddon } from '../native/addon.js';
import { nativeBackend } from '../native/tensors.js';
import { classCrossEntropy } from '../ops/index.js';
import { classificationFlops, pretrainingFlops } from './modelFlops.js';

const sizes: PartialBertConfig = { vocabSize: 37, hiddenSize: 12, numHiddenLayers: 3, numAttentionHeads: 3, intermediateSize: 20, maxPositionEmbeddings: 16, numLabels: 5 };
const config = bertConfig(sizes);

/** A batch of sequences of these lengths; `masked` are indices into the packed tokens. */
function batchOf(lengths: readonly number[], masked: readonly number[], nextSentence = true): PretrainingBatch {
  return {
    ...packSequences(lengths.map((length) => ({ inputIds: Int32Array.from({ length }, (_, i) => i + 1) }))),
    maskedPositions: Int32Array.from(masked),
    maskedLabels: Int32Array.from(masked, (position) => position % 37),
    nextSentenceLabels: nextSentence ? new Int32Array(lengths.length) : undefined,
  };
}

/** Runs forward and backward of a pretraining batch. */
function trainPretraining(batch: PretrainingBatch): void {
  const model = BertForPreTraining.fromConfig(config, { seed: 1 });
  tf.tidy(() => tf.variableGrads(() => model.packedLoss(batch, { training: true }).loss));
  model.dispose();
}

function trainClassification(batch: PretrainingBatch): void {
  const model = BertForSequenceClassification.fromConfig(config, { seed: 1 });
  tf.tidy(() => tf.variableGrads(() => classCrossEntropy(model.packedLogits(batch, { training: true }), new Int32Array(batch.cuSeqlens.length - 1), {})));
  model.dispose();
}

/** FLOPs of the matrix products that the plain engine makes in `work`, but for the column sums that it makes as products with ones. */
async function plainProducts(work: () => void): Promise<number> {
  await setEngine('cpu');
  const { kernels } = await tf.profile(() => {
    work();
    return tf.scalar(0);
  });
  let flops = 0;
  for (const { name, inputShapes, outputShapes } of kernels) {
    if (name !== 'BatchMatMul' && name !== '_FusedMatMul') continue;
    const [a = []] = inputShapes as number[][];
    const [out = []] = outputShapes as number[][];
    const [rows = 0] = out.slice(-2);
    const elements = out.reduce((product, size) => product * size, 1);
    // a and the output have the same rows in all; what is left of a is the inner size.
    const inner = (a.reduce((product, size) => product * size, 1) * (out.at(-1) ?? 0)) / elements;
    if (rows > 1) flops += 2 * elements * inner;
  }
  return flops;
}

/** FLOPs of a call of the addon by the sizes it is given; functions without a product have none. */
function callFlops(name: string, args: readonly unknown[]): number {
  const [m = 0, second = 0, third = 0] = args.filter((arg) => typeof arg === 'number');
  const given = args.map((arg) => arg !== null);
  const cuSeqlens = args.filter((arg) => arg instanceof Int32Array).at(-1) ?? new Int32Array(1);
  const lengths = Array.from(cuSeqlens.subarray(1), (end, b) => end - (cuSeqlens[b] as number));
  const pairs = lengths.reduce((sum, length) => sum + length * length, 0);
  const rows = args.find((arg) => arg instanceof Int32Array) ?? new Int32Array(0);
  const rowPairs = Array.from(rows, (row) => lengths[cuSeqlens.findIndex((start) => start > row) - 1] ?? 0).reduce((sum, length) => sum + length, 0);
  // [tokens, heads, headDim] of attention.
  const width = second * third;
  switch (name) {
    case 'linearForward':
    case 'linearActivationForward':
      return 2 * m * second * third;
    case 'linearBackward':
      return 2 * m * second * third * Number(given[3] === true) + 2 * m * second * third * Number(given[4] === true);
    case 'linearActivationBackward':
      return 4 * m * second * third;
    case 'feedForwardForward':
      return 4 * m * second * third;
    case 'feedForwardBackward':
      return 8 * m * second * third;
    case 'qkvForward':
      return 2 * m * second * second * (given[1] === true ? 3 : 2);
    case 'qkvBackward':
      return 4 * m * second * second * (given[2] === true ? 3 : 2);
    // The scores again, which the backward pass makes anew, are none of the model's.
    case 'attentionForward':
      return 4 * pairs * width;
    case 'attentionBackward':
      return 8 * pairs * width;
    case 'attentionRowsForward':
      return 4 * rowPairs * width;
    case 'attentionRowsBackward':
      return 8 * rowPairs * width;
    case 'mlmCrossEntropy':
      return 6 * m * second * third;
    case 'gemm':
      throw new Error('a product outside the fused ops');
    default:
      return 0;
  }
}

/** The same of the calls of the native engine; undefined where it does not work. */
async function nativeProducts(work: () => void): Promise<number | undefined> {
  try {
    await setEngine('native');
  } catch {
    return undefined;
  }
  const backend = nativeBackend();
  const { addon } = backend;
  let flops = 0;
  const counting = Object.fromEntries(
    Object.entries(addon).map(([name, member]) => [
      name,
      (...args: readonly unknown[]): unknown => {
        flops += callFlops(name, args);
        return (member as (...given: readonly unknown[]) => unknown)(...args);
      },
    ]),
  );
  backend.addon = counting as unknown as NativeAddon;
  try {
    work();
  } finally {
    backend.addon = addon;
  }
  return flops;
}

describe('model FLOPs are those of the products that are made', () => {
  // The plain engine pads, and computes the whole last layer: equal lengths, and every token read, leave nothing that need not be.
  const everyToken = Array.from({ length: 14 }, (_, i) => i);
  test('pretraining, plain engine', async () => {
    const batch = batchOf([7, 7], everyToken);
    assert.equal(pretrainingFlops(config)?.(batch), await plainProducts(() => trainPretraining(batch)));
  });

  for (const [title, batch] of [
    ['every token read', batchOf([7, 7], everyToken)],
    ['unequal lengths, some tokens read', batchOf([5, 9, 2], [1, 3, 6, 12, 13, 14])],
    ['a first token is masked too', batchOf([3, 4], [0, 2, 5])],
  ] as const) {
    test(`pretraining, native engine: ${title}`, async (context) => {
      const made = await nativeProducts(() => trainPretraining(batch));
      if (made === undefined) return context.skip('the native engine does not work here');
      assert.equal(pretrainingFlops(config)?.(batch), made);
    });
  }

  test('classification, native engine', async (context) => {
    const batch = batchOf([5, 9, 2], []);
    const made = await nativeProducts(() => trainClassification(batch));
    if (made === undefined) return context.skip('the native engine does not work here');
    assert.equal(classificationFlops(config, 5)?.(batch), made);
    const head = 6 * 3 * 5 * Number(config.hiddenSize);
    assert.ok(Math.abs((classificationFlops(config, 5, true)?.(batch) ?? 0) - ((made - head) * (2 / 3) + head)) < 1e-6, 'without the products for the gradients of frozen weights');
  });
});

test('without next-sentence labels neither the first tokens nor the pooler count', () => {
  const h = 12;
  const token = 2 * h * h + 2 * h * 20;
  const count = pretrainingFlops(config);
  const difference = (count?.(batchOf([5, 9], [2])) ?? 0) - (count?.(batchOf([5, 9], [2], false)) ?? 0);
  // Two first tokens in the last layer, each before a whole sequence, and the two heads over the pooler.
  assert.equal(difference, 6 * (2 * token + 2 * h * (5 + 9) + 2 * (h * h + 2 * h)));
});

test("with every token read, the layers of BERT-base come to PaLM's 6 N + 12 L H S a token", () => {
  const base = presetConfig('base');
  const length = 512;
  const batch = batchOf([length], Array.from({ length }, (_, i) => i), false);
  const layers = 12 * (4 * 768 * 768 + 2 * 768 * 3072);
  const head = 768 * 768 + 768 * base.vocabSize;
  assert.equal((pretrainingFlops(base)?.(batch) ?? 0) / length, 6 * (layers + head) + 12 * 12 * 768 * length);
});

test('an encoder without a count has no model FLOPs', () => {
  const foreign = { ...config, modelType: 'lstm' };
  assert.equal(pretrainingFlops(foreign), undefined);
  assert.equal(classificationFlops(foreign, 2), undefined);
});
