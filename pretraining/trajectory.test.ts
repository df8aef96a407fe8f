/** Twelve optimizer steps of pretraining against PyTorch: warm-up, decay, clipping, no decay of biases and LayerNorm, in both conventions of AdamW. */
import { BertForPreTraining } from '../src/models/index.js';
import { type GoldenPretrainingBatch, Golden, packedPretrainingBatch, testOnEveryEngine } from '../src/models/testing/goldens.js';
import { assertTrajectory, readTrajectories, trajectoryNames } from '../src/train/testing/trajectory.js';
import { pretrainingLoss } from './pretrain.js';

const name = 'pretraining-gelu';

for (const trajectory of trajectoryNames) {
  testOnEveryEngine(`${trajectory}: loss, gradient norm and learning rate of pretraining, in micro-batches of one and of three sequences`, async () => {
    const golden = readTrajectories<GoldenPretrainingBatch>(name);
    const model = await BertForPreTraining.fromPretrained(new Golden(name).directory);
    const microBatches = golden.batches.map((batch) => [[2], [0, 1, 3]].map((rows) => packedPretrainingBatch(batch, rows)));
    await assertTrajectory({ parameters: model.namedParameters(), computeLoss: pretrainingLoss(model), microBatches }, golden, trajectory);
    model.dispose();
  });
}
