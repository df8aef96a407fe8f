/** Twelve optimizer steps of fine-tuning against PyTorch: warm-up, decay, clipping, no decay of biases and LayerNorm, in both conventions of AdamW. */
import { glueTask } from '../glue/tasks.js';
import { packSequences } from '../src/data/packedBatch.js';
import { BertForSequenceClassification } from '../src/models/index.js';
import { Golden, type GoldenClassificationBatch, testOnEveryEngine, unpaddedSequences } from '../src/models/testing/goldens.js';
import { assertTrajectory, readTrajectories, trajectoryNames } from '../src/train/testing/trajectory.js';
import { classificationLoss } from './classificationLoss.js';
import type { RowBatch } from './encodeSplit.js';
import { specOfGlue } from './taskSpec.js';

const name = 'classification-3';

function rowBatch(batch: GoldenClassificationBatch): RowBatch {
  return { ...packSequences(unpaddedSequences(batch)), rows: Int32Array.from(batch.labels.keys()), labels: Float32Array.from(batch.labels) };
}

for (const trajectory of trajectoryNames) {
  testOnEveryEngine(`${trajectory}: loss, gradient norm and learning rate of fine-tuning on three classes`, async () => {
    const golden = readTrajectories<GoldenClassificationBatch>(name);
    const model = await BertForSequenceClassification.fromPretrained(new Golden(name).directory);
    const computeLoss = classificationLoss(model, specOfGlue(glueTask('mnli')), 0);
    await assertTrajectory({ parameters: model.namedParameters(), computeLoss, microBatches: golden.batches.map((batch) => [rowBatch(batch)]) }, golden, trajectory);
    model.dispose();
  });
}
