import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { bertConfig, type PartialBertConfig } from '../config/index.js';
import { UsageError } from '../data/errors.js';
import { packSequences } from '../data/packedBatch.js';
import type { PretrainingBatch } from '../data/pretrainingBatch.js';
import { setEngine } from '../engine/index.js';
import type { Encoder } from '../encoder/types.js';
import { DropoutStream, gatherRows } from '../ops/index.js';
import { BertForMaskedLM, BertForPreTraining, BertForSequenceClassification, BertModel } from './index.js';

before(() => setEngine('cpu'));

const small: PartialBertConfig = { vocabSize: 31, hiddenSize: 12, numHiddenLayers: 2, numAttentionHeads: 3, intermediateSize: 17, maxPositionEmbeddings: 11, typeVocabSize: 2, initializerRange: 0.3 };
const sequences = [
  { inputIds: [2, 7, 9, 3, 11, 3], tokenTypeIds: [0, 0, 0, 0, 1, 1] },
  { inputIds: [5], tokenTypeIds: [1] },
  { inputIds: [2, 30, 8, 3], tokenTypeIds: [0, 0, 1, 1] },
];
const length = 7;
const pad = (row: readonly number[], value: number): number[] => [...row, ...new Array<number>(length - row.length).fill(value)];
const padded = {
  inputIds: sequences.map(({ inputIds }) => pad(inputIds, 0)),
  tokenTypeIds: sequences.map(({ tokenTypeIds }) => pad(tokenTypeIds, 0)),
  attentionMask: sequences.map(({ inputIds }) => pad(inputIds.map(() => 1), 0)),
};

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-5): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) assert.ok(Math.abs((actual[i] ?? 0) - (expected[i] ?? 0)) <= tolerance, `element ${i}: ${actual[i]} against ${expected[i]}`);
}

test('the outputs of every class have the shapes of the interface', () => {
  const base = BertModel.fromConfig(small);
  const output = base.forward(padded);
  assert.deepEqual(output.sequenceOutput.shape, [3, 7, 12]);
  assert.deepEqual(output.pooledOutput.shape, [3, 12]);
  const pretraining = BertForPreTraining.fromConfig(small).forward(padded);
  assert.deepEqual(pretraining.predictionLogits.shape, [3, 7, 31]);
  assert.deepEqual(pretraining.seqRelationshipLogits.shape, [3, 2]);
  assert.equal(pretraining.loss, undefined);
  assert.deepEqual(BertForMaskedLM.fromConfig(small).forward(padded).logits.shape, [3, 7, 31]);
  const classification = BertForSequenceClassification.fromConfig({ ...small, numLabels: 5 }).forward({ ...padded, labels: [4, 0, -100] });
  assert.deepEqual(classification.logits.shape, [3, 5]);
  assert.deepEqual(classification.loss?.shape, []);
});

test('parameters carry the names and shapes of transformers', () => {
  const names = [...BertForPreTraining.fromConfig({ ...small, numHiddenLayers: 1 }).namedParameters()].map(([name, variable]) => `${name} ${variable.shape.join('x')}`);
  assert.deepEqual(names, [
    'bert.embeddings.word_embeddings.weight 31x12',
    'bert.embeddings.position_embeddings.weight 11x12',
    'bert.embeddings.token_type_embeddings.weight 2x12',
    'bert.embeddings.LayerNorm.weight 12',
    'bert.embeddings.LayerNorm.bias 12',
    ...['query', 'key', 'value'].flatMap((part) => [`bert.encoder.layer.0.attention.self.${part}.weight 12x12`, `bert.encoder.layer.0.attention.self.${part}.bias 12`]),
    'bert.encoder.layer.0.attention.output.dense.weight 12x12',
    'bert.encoder.layer.0.attention.output.dense.bias 12',
    'bert.encoder.layer.0.attention.output.LayerNorm.weight 12',
    'bert.encoder.layer.0.attention.output.LayerNorm.bias 12',
    'bert.encoder.layer.0.intermediate.dense.weight 17x12',
    'bert.encoder.layer.0.intermediate.dense.bias 17',
    'bert.encoder.layer.0.output.dense.weight 12x17',
    'bert.encoder.layer.0.output.dense.bias 12',
    'bert.encoder.layer.0.output.LayerNorm.weight 12',
    'bert.encoder.layer.0.output.LayerNorm.bias 12',
    'bert.pooler.dense.weight 12x12',
    'bert.pooler.dense.bias 12',
    'cls.predictions.bias 31',
    'cls.predictions.transform.dense.weight 12x12',
    'cls.predictions.transform.dense.bias 12',
    'cls.predictions.transform.LayerNorm.weight 12',
    'cls.predictions.transform.LayerNorm.bias 12',
    'cls.seq_relationship.weight 2x12',
    'cls.seq_relationship.bias 2',
  ]);
  assert.ok(BertModel.fromConfig(small).namedParameters().has('embeddings.word_embeddings.weight'), 'no prefix without a head');
});

test('initial weights: normal with the given deviation, the padding row zero, biases 0, LayerNorm 1 and 0, a pure function of the seed', () => {
  const config = { ...small, vocabSize: 400, hiddenSize: 48, initializerRange: 0.02, padTokenId: 3 };
  const model = BertModel.fromConfig(config, { seed: 7 });
  const words = Float32Array.from(model.namedParameters().get('embeddings.word_embeddings.weight')?.dataSync() ?? []);
  const mean = words.reduce((sum, value) => sum + value, 0) / words.length;
  const deviation = Math.sqrt(words.reduce((sum, value) => sum + value * value, 0) / words.length);
  assert.ok(Math.abs(mean) < 0.0006 && Math.abs(deviation - 0.02) < 0.0006, `${mean} ${deviation}`);
  assert.ok(words.slice(3 * 48, 4 * 48).every((value) => value === 0) && words.slice(0, 48).some((value) => value !== 0));
  const constants: [string, number][] = [['encoder.layer.1.output.dense.bias', 0], ['embeddings.LayerNorm.weight', 1], ['embeddings.LayerNorm.bias', 0]];
  for (const [name, value] of constants) {
    assert.ok(model.namedParameters().get(name)?.dataSync().every((element) => element === value), name);
  }
  const withHead = BertForSequenceClassification.fromConfig(config, { seed: 7 });
  const other = BertModel.fromConfig(config, { seed: 8 });
  close(withHead.namedParameters().get('bert.embeddings.word_embeddings.weight')?.dataSync() ?? [], words, 0);
  assert.notEqual(other.namedParameters().get('embeddings.word_embeddings.weight')?.dataSync()[0], words[0]);
});

test('padded inputs give what the packed sequences give, and zero at the padding', () => {
  const model = BertModel.fromConfig(small);
  const packed = model.packedForward(packSequences(sequences), { training: false });
  const output = model.forward(padded);
  const wanted = packed.sequenceOutput.arraySync();
  const found = output.sequenceOutput.arraySync();
  let token = 0;
  sequences.forEach(({ inputIds }, b) => {
    for (let i = 0; i < length; i++) close(found[b]?.[i] ?? [], i < inputIds.length ? (wanted[token++] ?? []) : new Array<number>(12).fill(0));
  });
  close(output.pooledOutput.dataSync(), packed.pooledOutput?.dataSync() ?? []);
  const tensors = model.forward({ inputIds: tf.tensor2d(padded.inputIds, undefined, 'int32'), attentionMask: tf.tensor2d(padded.attentionMask), tokenTypeIds: tf.tensor2d(padded.tokenTypeIds, undefined, 'int32') });
  close(tensors.sequenceOutput.dataSync(), output.sequenceOutput.dataSync(), 0);
});

test('a sequence does not depend on its neighbours in the batch', () => {
  const model = BertForSequenceClassification.fromConfig(small);
  const together = model.packedLogits(packSequences(sequences), { training: false }).arraySync();
  sequences.forEach((sequence, b) => {
    close(model.packedLogits(packSequences([sequence]), { training: false }).dataSync(), together[b] ?? []);
  });
});

test('any mask of 0 and 1 is accepted: the columns at 1 attend to each other, a position id is its column', () => {
  const model = BertModel.fromConfig(small);
  const ids = [4, 9, 2, 8, 6];
  const mask = [0, 1, 0, 1, 1];
  const output = model.forward({ inputIds: [ids, ids], attentionMask: [mask, [0, 0, 0, 0, 0]] });
  const kept = model.packedForward({ inputIds: Int32Array.of(9, 8, 6), tokenTypeIds: new Int32Array(3), positionIds: Int32Array.of(1, 3, 4), cuSeqlens: Int32Array.of(0, 3) }, { training: false });
  const rows = output.sequenceOutput.arraySync();
  const wanted = kept.sequenceOutput.arraySync();
  const zero = new Array<number>(12).fill(0);
  [zero, wanted[0], zero, wanted[1], wanted[2]].forEach((row, i) => {
    close(rows[0]?.[i] ?? [], row ?? []);
    close(rows[1]?.[i] ?? [], zero, 0);
  });
  close(output.pooledOutput.arraySync()[0] ?? [], kept.pooledOutput?.dataSync() ?? []);
  close(output.pooledOutput.arraySync()[1] ?? [], zero, 0);
  const nothing = model.forward({ inputIds: [[1, 2]], attentionMask: [[0, 0]] });
  assert.ok([...nothing.sequenceOutput.dataSync(), ...nothing.pooledOutput.dataSync()].every((value) => value === 0));
});

test('labels of -100 and labels at the padding do not count; the losses are means', () => {
  const model = BertForPreTraining.fromConfig(small);
  const labels = padded.inputIds.map((row) => row.map(() => -100));
  (labels[0] as number[])[1] = 12;
  (labels[2] as number[])[3] = 30;
  (labels[1] as number[])[4] = 5;
  const { predictionLogits, seqRelationshipLogits, loss } = model.forward({ ...padded, labels, nextSentenceLabel: [1, -100, 0] });
  const nll = (logits: readonly number[], label: number): number => Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - (logits[label] ?? 0);
  const words = predictionLogits.arraySync();
  const next = seqRelationshipLogits.arraySync();
  const expected = (nll(words[0]?.[1] ?? [], 12) + nll(words[2]?.[3] ?? [], 30)) / 2 + (nll(next[0] ?? [], 1) + nll(next[2] ?? [], 0)) / 2;
  close(loss?.dataSync() ?? [], [expected], 1e-5);
  assert.equal(model.forward({ ...padded, labels: padded.inputIds.map((row) => row.map(() => -100)) }).loss?.dataSync()[0], 0);
});

test('packedLoss is the loss of forward, scaled as asked', () => {
  const model = BertForPreTraining.fromConfig(small);
  const batch: PretrainingBatch = { ...packSequences(sequences), maskedPositions: Int32Array.of(1, 10), maskedLabels: Int32Array.of(12, 30), nextSentenceLabels: Int32Array.of(1, 1, 0) };
  const labels = padded.inputIds.map((row) => row.map(() => -100));
  (labels[0] as number[])[1] = 12;
  (labels[2] as number[])[3] = 30;
  const whole = model.forward({ ...padded, labels, nextSentenceLabel: [1, 1, 0] }).loss?.dataSync()[0] ?? 0;
  const packed = model.packedLoss(batch, { training: false });
  close(packed.loss.dataSync(), [whole]);
  const scaled = model.packedLoss(batch, { training: false }, { mlmScale: 1 / 8, nspScale: 1 / 30 });
  close(scaled.loss.dataSync(), [(packed.mlm.dataSync()[0] ?? 0) / 4 + (packed.nspLoss.dataSync()[0] ?? 0) / 10]);
  const bare = model.packedLoss({ ...batch, maskedPositions: new Int32Array(0), maskedLabels: new Int32Array(0), nextSentenceLabels: undefined }, { training: false });
  assert.deepEqual([...bare.mlm.dataSync(), ...bare.loss.dataSync()], [0, 0, 0]);
});

test('one output is a regression with the mean squared error on the raw score', () => {
  const model = BertForSequenceClassification.fromConfig({ ...small, numLabels: 1 });
  const { logits, loss } = model.forward({ ...padded, labels: [0.5, 3.25, 5] });
  const scores = logits.dataSync();
  const expected = [0.5, 3.25, 5].reduce((sum, score, i) => sum + ((scores[i] ?? 0) - score) ** 2, 0) / 3;
  close(loss?.dataSync() ?? [], [expected], 1e-4);
  assert.ok(model.isRegression);
});

test('dropout acts only while training; the same stream gives the same masks, each pass its own', () => {
  const model = BertForSequenceClassification.fromConfig({ ...small, hiddenDropoutProb: 0.4 });
  const plain = model.forward(padded).logits.dataSync();
  close(model.forward(padded).logits.dataSync(), plain, 0);
  const dropped = model.forward(padded, { training: true, dropout: new DropoutStream(1, 2, 3) }).logits.dataSync();
  assert.notDeepEqual(dropped, plain);
  assert.deepEqual(model.forward(padded, { training: true, dropout: new DropoutStream(1, 2, 3) }).logits.dataSync(), dropped);
  assert.notDeepEqual(model.forward(padded, { training: true }).logits.dataSync(), model.forward(padded, { training: true }).logits.dataSync());
});

test('wrong inputs are refused by name, found and expected', () => {
  const model = BertForSequenceClassification.fromConfig({ ...small, numLabels: 3 });
  const ids = [[1, 2, 3], [4, 5, 6]];
  const cases: [Parameters<typeof model.forward>[0], RegExp][] = [
    [{ inputIds: [[1, 2], [3]] }, /inputIds: row 1 has 1 columns, row 0 has 2/],
    [{ inputIds: [] }, /inputIds is an empty list/],
    [{ inputIds: [1, 2, 3] as unknown as number[][] }, /inputIds is a list of numbers; expected \[batch, seq\]/],
    [{ inputIds: tf.zeros([2, 3, 4]) }, /inputIds has shape \[2, 3, 4\]/],
    [{ inputIds: [[1, 31]] }, /inputIds\[0\]\[1\] has the value 31; expected a token id from 0 to 30/],
    [{ inputIds: [[1, -1]] }, /inputIds\[0\]\[1\] has the value -1/],
    [{ inputIds: [[1, 1.5]] }, /inputIds\[0\]\[1\] is 1.5; expected an integer/],
    [{ inputIds: [new Array<number>(12).fill(1)] }, /12 columns; the model takes at most 11/],
    [{ inputIds: ids, attentionMask: [[1, 1, 1]] }, /attentionMask has shape \[1, 3\]; expected \[2, 3\]/],
    [{ inputIds: ids, attentionMask: [[1, 1, 2], [1, 1, 1]] }, /attentionMask\[0\]\[2\] has the value 2; expected either 0 or 1/],
    [{ inputIds: ids, tokenTypeIds: [[0, 0, 0], [0, 2, 0]] }, /tokenTypeIds\[1\]\[1\] has the value 2/],
    [{ inputIds: ids, labels: [0] }, /labels has 1 values; expected one for each of the 2 rows/],
    [{ inputIds: ids, labels: [0, 3] }, /labels has the value 3; expected a class from 0 to 2/],
  ];
  for (const [inputs, message] of cases) assert.throws(() => model.forward(inputs), (error) => error instanceof UsageError && message.test(error.message), message.source);
});

for (const engine of ['cpu', 'native', 'wasm'] as const) test(`${engine}: five training steps and disposal leak no tensor`, async (t) => {
  try {
    await setEngine(engine);
  } catch (error) {
    return t.skip((error as Error).message);
  }
  const before = tf.memory().numTensors;
  const model = BertForPreTraining.fromConfig(bertConfig(small));
  const created = tf.memory().numTensors;
  const variables = [...model.namedParameters().values()];
  assert.equal(created - before, variables.length);
  const batch: PretrainingBatch = { ...packSequences(sequences), maskedPositions: Int32Array.of(1, 10), maskedLabels: Int32Array.of(12, 30), nextSentenceLabels: Int32Array.of(1, 1, 0) };
  const optimizer = tf.train.sgd(0.1);
  let last = Number.POSITIVE_INFINITY;
  for (let step = 0; step < 5; step++) {
    const { value, grads } = tf.variableGrads(() => model.packedLoss(batch, { training: true, dropout: new DropoutStream(1, step, 0) }).loss, variables);
    assert.equal(Object.keys(grads).length, variables.length, 'every parameter has a gradient');
    optimizer.applyGradients(grads);
    last = value.dataSync()[0] ?? 0;
    tf.dispose([value, grads]);
  }
  optimizer.dispose();
  assert.ok(Number.isFinite(last));
  const output = model.forward(padded);
  tf.dispose([output.predictionLogits, output.seqRelationshipLogits]);
  assert.equal(tf.memory().numTensors, created);
  model.dispose();
  model.dispose();
  assert.equal(tf.memory().numTensors, before);
  const classifier = BertForSequenceClassification.fromConfig(small);
  const { logits, loss } = classifier.forward({ ...padded, labels: [0, 1, 1] }, { training: true });
  tf.dispose([logits, ...(loss === undefined ? [] : [loss])]);
  classifier.dispose();
  assert.equal(tf.memory().numTensors, before);
  await setEngine('cpu');
});

test('a model can be made inside a tidy and outlives it', () => {
  const made: BertModel[] = [];
  tf.tidy(() => {
    made.push(BertModel.fromConfig(small));
  });
  const [model] = made;
  assert.ok(model !== undefined);
  assert.equal(model.forward(padded).pooledOutput.shape[1], 12);
});

for (const numHiddenLayers of [1, 3]) {
  test(`asking an encoder of ${numHiddenLayers} layers for some tokens gives what all of them give there, gradients too`, () => {
    const model = BertModel.fromConfig({ ...small, numHiddenLayers });
    const batch = packSequences(sequences);
    const encoder = (model as unknown as { encoder: Encoder }).encoder;
    const tokens = Int32Array.of(9, 2, 2, 6);
    const context = { training: false };
    const variables = [...model.namedParameters().values()];
    // Any function of both outputs that treats no element like another.
    const score = (rows: tf.Tensor2D, pooled: tf.Tensor2D | undefined): tf.Scalar =>
      rows.mul(tf.range(1, rows.size + 1).reshape(rows.shape)).sum().add((pooled as tf.Tensor2D).square().sum()) as tf.Scalar;
    const whole = tf.engine().gradients(() => {
      const { sequenceOutput, pooledOutput } = encoder.forward(batch, context);
      return score(gatherRows(sequenceOutput, tokens), pooledOutput);
    }, variables);
    const some = tf.engine().gradients(() => {
      const { tokenOutput, pooledOutput } = encoder.forwardAt(batch, context, tokens);
      return score(tokenOutput, pooledOutput);
    }, variables);
    close(some.value.dataSync(), whole.value.dataSync(), 1e-2);
    [...model.namedParameters().keys()].forEach((name, i) => {
      const expected = (whole.grads[i] as tf.Tensor).dataSync();
      const level = Math.max(1, ...expected.map(Math.abs));
      (some.grads[i] as tf.Tensor).dataSync().forEach((value, j) => { assert.ok(Math.abs(value - (expected[j] as number)) < 2e-5 * level, `${name}[${j}]: ${value}, expected ${expected[j]}`); });
    });
  });
}
