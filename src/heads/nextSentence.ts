/** The next-sentence head (Devlin et al., 2019, section 3.1, task 2): does the second segment follow the first (0) or not (1)? */
import type * as tf from '@tensorflow/tfjs';
import type { EncoderConfig } from '../config/encoderConfig.js';
import type { LinearParameters, ParameterStore } from '../encoder/parameterStore.js';
import { linear } from '../ops/index.js';

export class NextSentenceHead {
  readonly #linear: LinearParameters;

  constructor(config: EncoderConfig, store: ParameterStore) {
    this.#linear = store.linear('cls.seq_relationship', config.hiddenSize, 2, config.initializerRange);
  }

  /** pooledOutput [B, H] -> [B, 2]. */
  logits(pooledOutput: tf.Tensor2D): tf.Tensor2D {
    return linear(pooledOutput, this.#linear.weight, this.#linear.bias);
  }
}
