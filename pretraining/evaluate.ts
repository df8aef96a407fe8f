/**
 * How well a model predicts held-out text: masked-language-model loss, perplexity and accuracy, next-sentence accuracy beside the share
 * of the larger class, and what the training text's word frequencies alone would reach on the same targets. Examples and masks are fixed
 * (their seed is not the run's), so that runs can be compared.
 */
import * as tf from '@tensorflow/tfjs';
import { InterruptedError } from '../src/data/errors.js';
import { setMatmulPrecision } from '../src/engine/index.js';
import type { PreTrainingModel } from '../src/models/index.js';
import { assembleBatch, type PretrainingVocabulary } from './batches.js';
import { type ExampleIndex, type ExampleSettings, buildExamples, exampleOrder } from './examples.js';
import type { PreparedCorpus } from './manifest.js';
import type { MaskingSettings } from './masking.js';
import { unigramLogProbabilities } from './unigram.js';

const evaluationSeed = 0x65766c;

/** Losses in nats, accuracies and shares 0..1. The next-sentence entries are absent without that task. */
export interface PretrainingMetrics {
  /** Sum of the two losses. */
  readonly eval_loss: number;
  readonly eval_mlm_loss: number;
  readonly eval_perplexity: number;
  readonly eval_mlm_accuracy: number;
  /** Cross-entropy of the training text's unigram distribution (one added to each count) on the same targets. */
  readonly eval_unigram_loss: number;
  readonly eval_nsp_loss?: number;
  readonly eval_nsp_accuracy?: number;
  /** What always answering the larger class would reach. */
  readonly eval_nsp_majority?: number;
}

export interface HeldOutOptions {
  readonly corpus: PreparedCorpus;
  readonly examples: ExampleSettings;
  readonly masking: MaskingSettings;
  readonly vocabulary: PretrainingVocabulary;
  readonly batchSize: number;
  /** At most so many examples, a fixed random choice. */
  readonly maxSamples?: number | undefined;
}

/** Built once for a run; the examples, the masks and the unigram loss do not depend on the model. */
export class HeldOutEvaluation {
  readonly #options: HeldOutOptions;
  readonly #index: ExampleIndex;
  readonly #chosen: Uint32Array;
  readonly #logProbabilities: Float64Array;

  constructor(options: HeldOutOptions) {
    const { corpus, examples } = options;
    this.#options = options;
    const { hashes } = corpus.store.documents;
    const texts = new Set(Array.from(corpus.heldOutDocuments, (document) => hashes[document]));
    // Pairs need two texts; with one the masked words can still be measured.
    const nextSentence = examples.nextSentence === 'nsp' && texts.size < 2 ? 'none' : examples.nextSentence;
    this.#index = buildExamples(corpus.store, corpus.heldOutDocuments, { ...examples, nextSentence }, evaluationSeed, 0);
    this.#chosen = exampleOrder(this.#index.count, evaluationSeed, 0).slice(0, options.maxSamples);
    this.#logProbabilities = unigramLogProbabilities(corpus.store.countTokens(corpus.trainDocuments, options.vocabulary.size));
  }

  /** Number of examples that `run` evaluates; 0 where no document is held out. */
  get samples(): number {
    return this.#chosen.length;
  }

  /**
   * Evaluates without dropout and in the highest precision, which stays set. Lets the event loop turn after each batch;
   * throws InterruptedError where `signal` is aborted.
   */
  async run(model: PreTrainingModel, signal?: AbortSignal): Promise<PretrainingMetrics> {
    const { corpus, masking, vocabulary, batchSize } = this.#options;
    setMatmulPrecision('highest');
    const sums = { masked: 0, mlmLoss: 0, mlmCorrect: 0, unigram: 0, pairs: 0, nspLoss: 0, nspCorrect: 0, ones: 0 };
    for (let at = 0; at < this.#chosen.length; at += batchSize) {
      if (signal?.aborted === true) throw InterruptedError.from(signal, 'stopped in an evaluation');
      const batch = assembleBatch(corpus.store, this.#index, this.#chosen.subarray(at, at + batchSize), masking, vocabulary, evaluationSeed, 0);
      const found = tf.tidy(() => {
        const { mlm, nspLoss, nspLogits } = model.packedLoss(batch, { training: false }, { mlmScale: 1, nspScale: 1 });
        return { mlm: mlm.dataSync(), nspLoss: nspLoss.dataSync()[0] ?? 0, nspLogits: nspLogits.dataSync() };
      });
      sums.masked += batch.maskedLabels.length;
      sums.mlmLoss += found.mlm[0] ?? 0;
      sums.mlmCorrect += found.mlm[1] ?? 0;
      for (const label of batch.maskedLabels) sums.unigram -= this.#logProbabilities[label] as number;
      if (batch.nextSentenceLabels !== undefined) {
        sums.pairs += batch.nextSentenceLabels.length;
        sums.nspLoss += found.nspLoss;
        sums.nspCorrect += countCorrect(found.nspLogits, batch.nextSentenceLabels);
        for (const label of batch.nextSentenceLabels) sums.ones += label;
      }
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    const mlmLoss = sums.mlmLoss / sums.masked;
    const ones = sums.ones / sums.pairs;
    const nsp = sums.pairs === 0 ? undefined : { eval_nsp_loss: sums.nspLoss / sums.pairs, eval_nsp_accuracy: sums.nspCorrect / sums.pairs, eval_nsp_majority: Math.max(ones, 1 - ones) };
    return {
      eval_loss: mlmLoss + (nsp?.eval_nsp_loss ?? 0),
      eval_mlm_loss: mlmLoss,
      eval_perplexity: Math.exp(mlmLoss),
      eval_mlm_accuracy: sums.mlmCorrect / sums.masked,
      eval_unigram_loss: sums.unigram / sums.masked,
      ...nsp,
    };
  }
}

/** How many rows of logits [B, 2] have their larger entry at the label. */
export function countCorrect(logits: ArrayLike<number>, labels: Int32Array): number {
  return labels.reduce((sum, label, b) => sum + (((logits[2 * b + 1] as number) > (logits[2 * b] as number) ? 1 : 0) === label ? 1 : 0), 0);
}

/** What a reader of the metrics should know and might not see. */
export function metricWarnings(metrics: PretrainingMetrics): string[] {
  const warnings: string[] = [];
  const { eval_mlm_loss: loss, eval_unigram_loss: unigram, eval_nsp_accuracy: accuracy, eval_nsp_majority: majority } = metrics;
  if (!(loss <= unigram - 0.1)) {
    warnings.push(
      `the held-out MLM loss (${loss.toFixed(3)} nats) is not below what word frequencies alone reach (${unigram.toFixed(3)}): the model has learned no context yet; train longer or on more text, or, where the loss has stood still at this value, with a lower learning rate`,
    );
  }
  if (accuracy !== undefined && majority !== undefined && accuracy <= majority + 0.01) {
    warnings.push(`the next-sentence accuracy (${(100 * accuracy).toFixed(1)}%) is that of always answering the larger class (${(100 * majority).toFixed(1)}%)`);
  }
  return warnings;
}
