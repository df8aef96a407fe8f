/** Gradients of the whole small model against finite differences in float64, dropout included: its masks are a pure function of the stream. */
import '../ops/testing/float64.js';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { PartialBertConfig } from '../config/index.js';
import { packSequences } from '../data/packedBatch.js';
import type { PretrainingBatch } from '../data/pretrainingBatch.js';
import { classCrossEntropy, DropoutStream, meanSquaredError } from '../ops/index.js';
import { checkVariableGradients, useFloat64Backend } from '../ops/testing/gradientCheck.js';
import { BertForPreTraining, BertForSequenceClassification } from './index.js';

before(useFloat64Backend);

const small: PartialBertConfig = { vocabSize: 19, hiddenSize: 12, numHiddenLayers: 2, numAttentionHeads: 3, intermediateSize: 17, maxPositionEmbeddings: 8, initializerRange: 0.4, hiddenDropoutProb: 0.2, attentionProbsDropoutProb: 0.3 };
const sequences = [{ inputIds: [2, 7, 9, 3, 11, 3], tokenTypeIds: [0, 0, 0, 0, 1, 1] }, { inputIds: [5] }, { inputIds: [2, 18, 8, 3] }];
const context = { training: true, dropout: new DropoutStream(11, 3, 1) };

for (const hiddenAct of ['gelu', 'gelu_new'] as const) {
  test(`pretraining with ${hiddenAct}: masked-language-model and next-sentence loss`, () => {
    const batch: PretrainingBatch = { ...packSequences(sequences), maskedPositions: Int32Array.of(1, 6, 9), maskedLabels: Int32Array.of(12, 4, 0), nextSentenceLabels: Int32Array.of(1, 0, 1) };
    const model = BertForPreTraining.fromConfig({ ...small, hiddenAct });
    checkVariableGradients(() => model.packedLoss(batch, context).loss, model.namedParameters());
  });
}

test('classification: cross-entropy of three labels', () => {
  const model = BertForSequenceClassification.fromConfig({ ...small, numLabels: 3, classifierDropout: 0.1 });
  checkVariableGradients(() => classCrossEntropy(model.packedLogits(packSequences(sequences), context), Int32Array.of(2, 0, 1)), model.namedParameters());
});

test('regression: mean squared error, packed and through the padded door', () => {
  const model = BertForSequenceClassification.fromConfig({ ...small, numLabels: 1 });
  const inputs = { inputIds: [[2, 7, 9, 3], [5, 1, 0, 0], [0, 0, 8, 3]], attentionMask: [[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 1, 1]], labels: [0.5, 3, 4.5] };
  // The bias of the keys has no slope (softmax ignores it), and the quotient of a loss near 10 is 2e-10 off: 2e-6 of the harness's smallest slope.
  const options = { tolerance: 5e-6 };
  checkVariableGradients(() => model.forward(inputs, context).loss ?? tf.scalar(Number.NaN), model.namedParameters(), options);
  checkVariableGradients(() => meanSquaredError(model.packedLogits(packSequences(sequences), context).reshape([3]), Float32Array.of(1, 2, 5)), model.namedParameters(), options);
});

for (const config of [{ type: 'lora', rank: 2, alpha: 3, dropout: 0.25, targetModules: ['all-linear'] }, { type: 'bottleneck', rank: 5 }] as const) {
  test(`classification through a ${config.type} adapter: what it trains, and nothing else`, () => {
    const model = BertForSequenceClassification.fromConfig({ ...small, numLabels: 3 });
    // Random everywhere: at its start half of an adapter has no slope.
    model.addAdapter(config, (name, shape) => Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => 0.4 * Math.sin(1 + i + name.length)));
    const trained = model.trainableParameters();
    checkVariableGradients(() => classCrossEntropy(model.packedLogits(packSequences(sequences), context), Int32Array.of(2, 0, 1)), trained);
  });
}
