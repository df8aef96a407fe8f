/** Classification models of 1 (a regression), 2 and 3 labels against transformers: logits and loss within 1e-5, gradients as `assertGradients` says. */
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import { packSequences } from '../data/packedBatch.js';
import { classCrossEntropy, meanSquaredError } from '../ops/index.js';
import { BertForSequenceClassification } from './index.js';
import { assertGradients, assertWithin, Golden, paddedInputs, testOnEveryEngine, unpaddedSequences } from './testing/goldens.js';

const tolerance = 1e-5;

for (const numLabels of [1, 2, 3]) {
  const name = `classification-${numLabels}`;

  testOnEveryEngine(`${name}: logits and loss are those of transformers`, async () => {
    const golden = new Golden(name);
    const model = await BertForSequenceClassification.fromPretrained(golden.directory);
    assert.deepEqual(model.loadReport, { missing: [], unexpected: [] });
    assert.deepEqual([model.numLabels, model.isRegression], [numLabels, numLabels === 1]);
    const output = model.forward({ ...paddedInputs(golden.inputs()), labels: golden.list('labels') });
    assertWithin(output.logits.dataSync(), golden.floats('logits'), tolerance, 'logits');
    assertWithin(output.loss?.dataSync() ?? [], golden.floats('loss'), tolerance, 'loss');
    tf.dispose({ ...output });
    model.dispose();
  });

  testOnEveryEngine(`${name}: every gradient of the packed batch that training uses, and of the padded inputs, is that of transformers`, async () => {
    const golden = new Golden(name);
    const model = await BertForSequenceClassification.fromPretrained(golden.directory);
    const labels = golden.list('labels');
    const packed = packSequences(unpaddedSequences(golden.inputs()));
    const packedLoss = (): tf.Scalar => {
      const logits = model.packedLogits(packed, { training: true });
      return numLabels === 1 ? meanSquaredError(logits.reshape<tf.Tensor1D>([labels.length]), Float32Array.from(labels)) : classCrossEntropy(logits, Int32Array.from(labels));
    };
    const paddedLoss = (): tf.Scalar => model.forward({ ...paddedInputs(golden.inputs()), labels }, { training: true }).loss ?? tf.scalar(Number.NaN);
    for (const loss of [packedLoss, paddedLoss]) assertGradients(model.namedParameters(), loss, golden);
    model.dispose();
  });
}
