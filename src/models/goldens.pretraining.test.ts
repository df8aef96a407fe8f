/** Pretraining models of odd sizes against transformers: logits, sequence output and loss within 1e-5, gradients as `assertGradients` says. */
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import { BertForPreTraining, BertModel } from './index.js';
import { assertGradients, assertWithin, Golden, type GoldenPretrainingBatch, packedPretrainingBatch, paddedInputs, testOnEveryEngine } from './testing/goldens.js';

const tolerance = 1e-5;

function batchOf(golden: Golden): GoldenPretrainingBatch {
  return { ...golden.inputs(), labels: golden.rows('labels'), next_sentence_label: golden.list('next_sentence_label') };
}

function labelledInputs(batch: GoldenPretrainingBatch) {
  return { ...paddedInputs(batch), labels: batch.labels, nextSentenceLabel: batch.next_sentence_label };
}

for (const name of ['pretraining-gelu', 'pretraining-gelu_new', 'pretraining-wide']) {
  testOnEveryEngine(`${name}: logits of both heads and the loss are those of transformers`, async () => {
    const golden = new Golden(name);
    const model = await BertForPreTraining.fromPretrained(golden.directory);
    assert.deepEqual(model.loadReport, { missing: [], unexpected: [] });
    const output = model.forward(labelledInputs(batchOf(golden)));
    assertWithin(output.predictionLogits.dataSync(), golden.floatsAtTokens('prediction_logits'), tolerance, 'predictionLogits');
    assertWithin(output.seqRelationshipLogits.dataSync(), golden.floats('seq_relationship_logits'), tolerance, 'seqRelationshipLogits');
    assertWithin(output.loss?.dataSync() ?? [], golden.floats('loss'), tolerance, 'loss');
    tf.dispose({ ...output });
    model.dispose();
  });

  testOnEveryEngine(`${name}: the sequence output of the encoder alone is that of transformers, and zero at the padding`, async () => {
    const golden = new Golden(name);
    const encoder = await BertModel.fromPretrained(golden.directory);
    const output = encoder.forward(paddedInputs(golden.inputs()));
    assertWithin(output.sequenceOutput.dataSync(), golden.floatsAtTokens('sequence_output'), tolerance, 'sequenceOutput');
    tf.dispose({ ...output });
    encoder.dispose();
  });

  testOnEveryEngine(`${name}: loss and every gradient of the packed batch that training uses, and of the padded inputs, are those of transformers`, async () => {
    const golden = new Golden(name);
    const model = await BertForPreTraining.fromPretrained(golden.directory);
    const batch = batchOf(golden);
    const packed = packedPretrainingBatch(batch);
    const packedLoss = (): tf.Scalar => model.packedLoss(packed, { training: true }).loss;
    const paddedLoss = (): tf.Scalar => model.forward(labelledInputs(batch), { training: true }).loss ?? tf.scalar(Number.NaN);
    for (const loss of [packedLoss, paddedLoss]) {
      const value = tf.tidy(loss);
      assertWithin(value.dataSync(), golden.floats('loss'), tolerance, 'loss');
      value.dispose();
      assertGradients(model.namedParameters(), loss, golden);
    }
    model.dispose();
  });
}
