/** BERT's input: word, position and segment embeddings summed, LayerNorm, dropout (Devlin et al., 2019, section 3 and figure 2). */
import type * as tf from '@tensorflow/tfjs';
import type { BertConfig } from '../../config/bertConfig.js';
import type { PackedBatch } from '../../data/packedBatch.js';
import { dropout, embeddingSum, layerNorm } from '../../ops/index.js';
import { type LayerNormParameters, normal, type ParameterStore } from '../parameterStore.js';
import { dropoutSite, embeddingsLayer, type ForwardContext } from '../types.js';

export class BertEmbeddings {
  readonly wordEmbeddings: tf.Variable<tf.Rank.R2>;
  readonly #positionEmbeddings: tf.Variable<tf.Rank.R2>;
  readonly #tokenTypeEmbeddings: tf.Variable<tf.Rank.R2>;
  readonly #layerNorm: LayerNormParameters;
  readonly #config: BertConfig;

  constructor(config: BertConfig, store: ParameterStore, name: string) {
    const { vocabSize, maxPositionEmbeddings, typeVocabSize, hiddenSize, initializerRange, padTokenId } = config;
    this.#config = config;
    this.wordEmbeddings = store.matrix(`${name}.word_embeddings.weight`, vocabSize, hiddenSize, normal(initializerRange, padTokenId));
    this.#positionEmbeddings = store.matrix(`${name}.position_embeddings.weight`, maxPositionEmbeddings, hiddenSize, normal(initializerRange));
    this.#tokenTypeEmbeddings = store.matrix(`${name}.token_type_embeddings.weight`, typeVocabSize, hiddenSize, normal(initializerRange));
    this.#layerNorm = store.layerNorm(`${name}.LayerNorm`, hiddenSize);
  }

  /** T tokens -> [T, H]. */
  forward(batch: PackedBatch, context: ForwardContext): tf.Tensor2D {
    const { hiddenDropoutProb, layerNormEps } = this.#config;
    const { weight, bias } = this.#layerNorm;
    // ids, positions and segments [T] each -> [T, H]
    const sum = embeddingSum(this.wordEmbeddings, this.#positionEmbeddings, this.#tokenTypeEmbeddings, batch.inputIds, batch.positionIds, batch.tokenTypeIds);
    return dropout(layerNorm(sum, weight, bias, layerNormEps), dropoutSite(context, embeddingsLayer, 0, hiddenDropoutProb));
  }
}
