import assert from 'node:assert/strict';
import test from 'node:test';
import { convertTensorFlowName } from './tensorflowNames.js';

test("each variable of BERT gets Hugging Face's name, kernels transposed", () => {
  const cases: [string, string, boolean][] = [
    ['bert/embeddings/word_embeddings', 'bert.embeddings.word_embeddings.weight', false],
    ['bert/embeddings/position_embeddings', 'bert.embeddings.position_embeddings.weight', false],
    ['bert/embeddings/token_type_embeddings', 'bert.embeddings.token_type_embeddings.weight', false],
    ['bert/embeddings/LayerNorm/gamma', 'bert.embeddings.LayerNorm.weight', false],
    ['bert/embeddings/LayerNorm/beta', 'bert.embeddings.LayerNorm.bias', false],
    ['bert/encoder/layer_0/attention/self/query/kernel', 'bert.encoder.layer.0.attention.self.query.weight', true],
    ['bert/encoder/layer_11/attention/self/key/bias', 'bert.encoder.layer.11.attention.self.key.bias', false],
    ['bert/encoder/layer_23/attention/self/value/kernel', 'bert.encoder.layer.23.attention.self.value.weight', true],
    ['bert/encoder/layer_1/attention/output/dense/kernel', 'bert.encoder.layer.1.attention.output.dense.weight', true],
    ['bert/encoder/layer_1/attention/output/LayerNorm/gamma', 'bert.encoder.layer.1.attention.output.LayerNorm.weight', false],
    ['bert/encoder/layer_1/intermediate/dense/kernel', 'bert.encoder.layer.1.intermediate.dense.weight', true],
    ['bert/encoder/layer_1/output/dense/bias', 'bert.encoder.layer.1.output.dense.bias', false],
    ['bert/encoder/layer_1/output/LayerNorm/beta', 'bert.encoder.layer.1.output.LayerNorm.bias', false],
    ['bert/pooler/dense/kernel', 'bert.pooler.dense.weight', true],
    ['cls/predictions/output_bias', 'cls.predictions.bias', false],
    ['cls/predictions/transform/dense/kernel', 'cls.predictions.transform.dense.weight', true],
    ['cls/predictions/transform/LayerNorm/gamma', 'cls.predictions.transform.LayerNorm.weight', false],
    ['cls/seq_relationship/output_weights', 'cls.seq_relationship.weight', false],
    ['cls/seq_relationship/output_bias', 'cls.seq_relationship.bias', false],
    ['output_weights', 'classifier.weight', false],
    ['output_bias', 'classifier.bias', false],
  ];
  for (const [variable, name, transposed] of cases) assert.deepEqual(convertTensorFlowName(variable), { name, transposed }, variable);
});

test("the optimizer's variables are left out", () => {
  const dense = 'bert/encoder/layer_0/output/dense/kernel';
  for (const name of [`${dense}/adam_m`, `${dense}/adam_v`, `${dense}/AdamWeightDecayOptimizer`, `${dense}/AdamWeightDecayOptimizer_1`, 'output_bias/adam_m', 'global_step', 'beta1_power', 'beta2_power']) {
    assert.equal(convertTensorFlowName(name), undefined, name);
  }
});

test('what BERT does not have keeps its name and its shape', () => {
  const names = [
    'bert/embeddings/word_embeddings_2',
    'bert/encoder/layer_x/output/dense/kernel',
    'bert/encoder/layer_01/output/dense/kernel',
    'bert/encoder/layer_0/output/dense/gamma',
    'bert/encoder/layer_0/output/LayerNorm/kernel',
    'bert/encoder/layer_N/output/LayerNorm/scale',
    'bert/encoder/layer_0/layer_1/output/dense/kernel',
    'bert/pooler/dense',
    'cls/squad/output_weights',
    'electra/pooler/dense/kernel',
    'kernel',
    '/kernel',
    '__proto__',
    '',
  ];
  for (const name of names) assert.deepEqual(convertTensorFlowName(name), { name, transposed: false }, name);
});
