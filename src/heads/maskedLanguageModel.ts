/** The masked-language-model head (Devlin et al., 2019, section 3.1, task 1): a transform, then the word embeddings as decoder. */
import * as tf from '@tensorflow/tfjs';
import type { EncoderConfig } from '../config/encoderConfig.js';
import { type LayerNormParameters, type LinearParameters, type ParameterStore, zeros } from '../encoder/parameterStore.js';
import { layerNorm, linear, linearActivation, mlmCrossEntropy } from '../ops/index.js';

export class MaskedLanguageModelHead {
  readonly #config: EncoderConfig;
  readonly #wordEmbeddings: tf.Variable<tf.Rank.R2>;
  readonly #dense: LinearParameters;
  readonly #layerNorm: LayerNormParameters;
  readonly #bias: tf.Variable<tf.Rank.R1>;

  /** @param wordEmbeddings the encoder's input embeddings [V, H], shared, not copied */
  constructor(config: EncoderConfig, store: ParameterStore, wordEmbeddings: tf.Variable) {
    const { hiddenSize, vocabSize, initializerRange } = config;
    this.#config = config;
    this.#wordEmbeddings = wordEmbeddings as tf.Variable<tf.Rank.R2>;
    this.#bias = store.vector('cls.predictions.bias', vocabSize, zeros);
    this.#dense = store.linear('cls.predictions.transform.dense', hiddenSize, hiddenSize, initializerRange);
    this.#layerNorm = store.layerNorm('cls.predictions.transform.LayerNorm', hiddenSize);
  }

  /** Logits over the vocabulary for every row: hidden [M, H] -> [M, V]. */
  logits(hidden: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() => linear(this.#transform(hidden), this.#wordEmbeddings, this.#bias));
  }

  /**
   * Cross-entropy at the masked tokens; the logits are never held whole.
   * @param hidden the tokens that are predicted, [M, H], M > 0
   * @param labels the token ids to find there, [M]
   * @param scale factor on the sum of the M losses; 1 / M unless given
   * @returns [2]: the scaled loss, and how many of the M are found; only the first has a gradient
   */
  loss(hidden: tf.Tensor2D, labels: Int32Array, scale?: number): tf.Tensor1D {
    return tf.tidy(() => mlmCrossEntropy(this.#transform(hidden), this.#wordEmbeddings, this.#bias, labels, scale === undefined ? {} : { scale }));
  }

  #transform(hidden: tf.Tensor2D): tf.Tensor2D {
    const { hiddenAct, layerNormEps } = this.#config;
    const activated = linearActivation(hidden, this.#dense.weight, this.#dense.bias, hiddenAct);
    return layerNorm(activated, this.#layerNorm.weight, this.#layerNorm.bias, layerNormEps);
  }
}
