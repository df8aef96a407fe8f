/**
 * The head over a whole sequence: dropout, then one linear map (Devlin et al., 2019, section 4.1). One output is a
 * regression on the raw score, more are logits of classes.
 */
import * as tf from '@tensorflow/tfjs';
import type { EncoderConfig } from '../config/encoderConfig.js';
import type { LinearParameters, ParameterStore } from '../encoder/parameterStore.js';
import { dropoutSite, type ForwardContext, headLayer } from '../encoder/types.js';
import { dropout, linear } from '../ops/index.js';

export class ClassificationHead {
  readonly #linear: LinearParameters;
  readonly #dropoutRate: number;

  constructor(config: EncoderConfig, store: ParameterStore, numLabels: number) {
    this.#linear = store.linear('classifier', config.hiddenSize, numLabels, config.initializerRange);
    this.#dropoutRate = config.classifierDropout ?? config.hiddenDropoutProb;
  }

  /** pooledOutput [B, H] -> [B, numLabels]. */
  logits(pooledOutput: tf.Tensor2D, context: ForwardContext): tf.Tensor2D {
    return tf.tidy(() => linear(dropout(pooledOutput, dropoutSite(context, headLayer, 0, this.#dropoutRate)), this.#linear.weight, this.#linear.bias));
  }
}
