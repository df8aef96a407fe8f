/** Gradients of a step are those of one large batch, however it is cut into micro-batches: the loss is weighted by masked tokens and by pairs. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { bertConfig } from '../src/config/index.js';
import { setEngine } from '../src/engine/index.js';
import { BertForPreTraining } from '../src/models/index.js';
import { disposeGradients, stepGradients } from '../src/train/gradients.js';
import { assembleBatch, type ExampleBatch, PretrainingBatches, pretrainingVocabulary } from './batches.js';
import { buildExamples } from './examples.js';
import { defaultMasking } from './masking.js';
import { pretrainingLoss } from './pretrain.js';
import { allDocuments, placeStore, randomLengths, testTokenizer } from './testing/inventedText.js';

const vocabSize = 600;
const store = placeStore(randomLengths(12, 8, 9, 3));
const vocabulary = { ...pretrainingVocabulary(testTokenizer()), size: vocabSize, continues: new Uint8Array(vocabSize) };
const documents = allDocuments(store);

before(() => setEngine('auto'));

for (const nextSentence of ['nsp', 'none'] as const) {
  test(`micro-batches of unequal size give loss, gradients and metrics of all of it at once (${nextSentence})`, () => {
    assert.ok(store.tokenCount < vocabSize);
    const examples = { nextSentence, maxSeqLength: 40, shortSeqProb: 0.4 };
    const masking = defaultMasking(40);
    const batches = new PretrainingBatches({ store, documents, examples, masking, vocabulary, seed: 4, batchSize: 1, tokensPerBatch: 75, accumulationSteps: 3 });
    const micro = batches.microBatches(0);
    const index = buildExamples(store, documents, examples, 4, 0);
    const merged = (parts: readonly ExampleBatch[]): ExampleBatch => assembleBatch(store, index, parts.flatMap((part) => [...part.examples]), masking, vocabulary, 4, 0);
    assert.ok(new Set(micro.map(({ maskedLabels }) => maskedLabels.length)).size > 1, 'weights that differ');
    const model = BertForPreTraining.fromConfig(bertConfig({ vocabSize, hiddenSize: 24, numHiddenLayers: 2, numAttentionHeads: 3, intermediateSize: 40, maxPositionEmbeddings: 40, hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 }), { seed: 1 });
    const gradientsOf = (microBatches: readonly ExampleBatch[]) => stepGradients({ parameters: model.namedParameters(), microBatches, computeLoss: pretrainingLoss(model), seed: 4, step: 0 });
    const whole = gradientsOf([merged(micro)]);
    const [first, ...rest] = micro as [ExampleBatch, ...ExampleBatch[]];
    for (const cut of [micro, [first, merged(rest)]]) {
      const parts = gradientsOf(cut);
      assert.ok(Math.abs(parts.loss - whole.loss) < 1e-5 * whole.loss, `${parts.loss} and ${whole.loss}`);
      assert.ok(Math.abs(parts.gradNorm - whole.gradNorm) < 1e-5 * whole.gradNorm);
      assert.deepEqual(Object.keys(parts.metrics), Object.keys(whole.metrics));
      for (const [name, value] of Object.entries(whole.metrics)) assert.ok(Math.abs((parts.metrics[name] ?? 0) - value) <= 1e-5 * Math.abs(value), name);
      for (const [name, gradient] of whole.gradients) {
        const expected = gradient.dataSync();
        const found = parts.gradients.get(name)?.dataSync() ?? [];
        const scale = Math.max(...expected.map(Math.abs));
        assert.equal(found.length, expected.length, name);
        expected.forEach((value, i) => {
          assert.ok(Math.abs((found[i] ?? 0) - value) <= 1e-5 * scale + 1e-8, `${name}[${i}]: ${found[i]}, expected ${value}`);
        });
      }
      disposeGradients(parts.gradients);
    }
    disposeGradients(whole.gradients);
    model.dispose();
  });
}
