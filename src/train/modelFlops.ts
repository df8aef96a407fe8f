/**
 * Model FLOPs: the floating-point operations of the matrix products that a training step's loss and its gradient need, counted as in
 * PaLM (Chowdhery et al., 2022, appendix B, https://arxiv.org/abs/2204.02311): two a multiply-add; a backward pass has two products
 * (for the weight and for the input) for each of the forward pass; recomputing counts nothing; whatever is no matrix product counts
 * nothing. Where PaLM takes 6 N + 12 L H S a token, each product is counted here by its own sizes: attention by the length of each
 * sequence, without padding; the last layer only where heads read it, but for keys and values; the decoder over the vocabulary at the
 * masked tokens. What the model need not compute therefore does not raise the utilisation.
 */
import type { PackedBatch } from '../data/packedBatch.js';
import type { PretrainingBatch } from '../data/pretrainingBatch.js';
import type { Encoder } from '../encoder/types.js';

/** Forward and backward pass of a batch, in floating-point operations. */
export type CountFlops<B extends PackedBatch> = (batch: B) => number;

/** Sizes that the work and the memory of an encoder follow from. */
export interface TransformerSizes {
  readonly hiddenSize: number;
  readonly numHiddenLayers: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
}

/** Two for each multiply-add of the forward pass; the backward pass has twice as many products. */
const trainingFlopsOfProduct = 2 * 3;
const flopsOfFrozenProduct = 2 * 2;

/** Undefined for an encoder whose products nobody has counted yet. */
export function transformerSizes(config: Encoder['config']): TransformerSizes | undefined {
  return config.modelType === 'bert' ? (config as Encoder['config'] & TransformerSizes) : undefined;
}

/** How many of the tokens lie in each sequence; a token that is named twice counts once. */
function tokensOfSequences(cuSeqlens: Int32Array, tokens: Iterable<number>): number[] {
  const counts = new Array<number>(cuSeqlens.length - 1).fill(0);
  let sequence = 0;
  for (const token of Int32Array.from(new Set(tokens)).sort()) {
    while (token >= (cuSeqlens[sequence + 1] as number)) sequence += 1;
    counts[sequence] = (counts[sequence] as number) + 1;
  }
  return counts;
}

/** Multiply-adds of the encoder's layers where the last one is read at `read` only. T = tokens, R = tokens read, L = length of a sequence. */
function layerProducts({ hiddenSize: h, intermediateSize: f, numHiddenLayers }: TransformerSizes, cuSeqlens: Int32Array, read: Iterable<number>): number {
  const readOf = tokensOfSequences(cuSeqlens, read);
  const tokens = cuSeqlens.at(-1) ?? 0;
  let pairs = 0;
  let readPairs = 0;
  let rows = 0;
  for (const [b, count] of readOf.entries()) {
    const length = (cuSeqlens[b + 1] as number) - (cuSeqlens[b] as number);
    pairs += length * length;
    readPairs += count * length;
    rows += count;
  }
  // Query, key, value and output projection and the two feed-forward maps; scores and weighted values.
  const whole = tokens * (4 * h * h + 2 * h * f) + 2 * pairs * h;
  // Keys and values of all tokens, all else of those read.
  const last = tokens * 2 * h * h + rows * (2 * h * h + 2 * h * f) + 2 * readPairs * h;
  return (numHiddenLayers - 1) * whole + last;
}

/** Of a pretraining batch: masked words, and the next sentence where the batch has labels for it. Undefined for an encoder without a count. */
export function pretrainingFlops(config: Encoder['config']): CountFlops<PretrainingBatch> | undefined {
  const sizes = transformerSizes(config);
  if (sizes === undefined) return undefined;
  const { hiddenSize: h, vocabSize } = sizes;
  return ({ cuSeqlens, maskedPositions, nextSentenceLabels }) => {
    const firstTokens = nextSentenceLabels === undefined ? [] : cuSeqlens.subarray(0, -1);
    // The head's transform and the decoder; the pooler and two outputs.
    const masked = maskedPositions.length * (h * h + h * vocabSize);
    const next = firstTokens.length * (h * h + 2 * h);
    return trainingFlopsOfProduct * (layerProducts(sizes, cuSeqlens, [...maskedPositions, ...firstTokens]) + masked + next);
  };
}

/**
 * Of a batch under the classification head. Undefined for an encoder without a count.
 * @param frozen the encoder's weights take no gradient: one of the backward pass's two products is not made (an adapter's own, small ones are not counted)
 */
export function classificationFlops(config: Encoder['config'], numLabels: number, frozen = false): CountFlops<PackedBatch> | undefined {
  const sizes = transformerSizes(config);
  if (sizes === undefined) return undefined;
  const { hiddenSize: h } = sizes;
  return ({ cuSeqlens }) => {
    const firstTokens = cuSeqlens.subarray(0, -1);
    const products = layerProducts(sizes, cuSeqlens, firstTokens) + firstTokens.length * h * h;
    return (frozen ? flopsOfFrozenProduct : trainingFlopsOfProduct) * products + trainingFlopsOfProduct * firstTokens.length * h * numLabels;
  };
}
