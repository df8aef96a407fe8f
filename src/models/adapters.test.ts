/** LoRA and bottlenecks: the encoder's own function at first, PEFT's function of PEFT's files, the merged weights' function, and the right gradients. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { type AdapterConfig, adapterFromJson, bottleneckDefaults, checkedAdapter, loraDefaults } from '../adapters/config.js';
import type { PartialBertConfig } from '../config/index.js';
import { DataError, UsageError } from '../data/errors.js';
import { packSequences } from '../data/packedBatch.js';
import { Random } from '../data/random.js';
import type { ParameterSource } from '../encoder/parameterStore.js';
import { classCrossEntropy, DropoutStream } from '../ops/index.js';
import { AutoModelForSequenceClassification, BertForSequenceClassification, type SequenceClassificationModel } from './index.js';
import { fixtures, testOnEveryEngine } from './testing/goldens.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-adapters-'));
after(() => rmSync(folder, { recursive: true }));

const peft = path.join(fixtures, 'peft');
const small: PartialBertConfig = { vocabSize: 31, hiddenSize: 12, numHiddenLayers: 2, numAttentionHeads: 3, intermediateSize: 17, maxPositionEmbeddings: 11, initializerRange: 0.3, numLabels: 3 };
const batch = packSequences([{ inputIds: [2, 7, 9, 3, 11, 3], tokenTypeIds: [0, 0, 0, 0, 1, 1] }, { inputIds: [5] }, { inputIds: [2, 30, 8, 3] }]);
const everywhere: AdapterConfig = { type: 'lora', rank: 2, alpha: 3, dropout: 0, targetModules: ['all-linear'] };
const configs: readonly AdapterConfig[] = [{ ...loraDefaults, rank: 2 }, everywhere, { ...bottleneckDefaults, rank: 5 }];

/** Values that make every tensor of an adapter matter. */
const noisy: ParameterSource = (name, shape) => {
  const random = new Random(...Array.from(name, (letter) => letter.charCodeAt(0)));
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.3 * random.normal());
};

function logitsOf(model: SequenceClassificationModel, context = { training: false }): Float32Array {
  const logits = model.packedLogits(batch, context);
  const values = Float32Array.from(logits.dataSync());
  logits.dispose();
  return values;
}

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++) assert.ok(Math.abs((found[i] ?? Number.NaN) - (expected[i] ?? 0)) <= tolerance, `${what}, element ${i}: ${found[i]} against ${expected[i]}`);
}

testOnEveryEngine('a new adapter changes nothing, a trained one does, and what it trains is told by name', () => {
  for (const config of configs) {
    const model = BertForSequenceClassification.fromConfig(small);
    const before = logitsOf(model);
    const adapter = model.addAdapter(config);
    near(logitsOf(model), before, 2e-6, config.type);
    const names = [...model.trainableParameters().keys()];
    assert.ok(names.includes('classifier.weight') && names.includes('classifier.bias'));
    assert.equal(names.some((name) => name.startsWith('bert.embeddings.word')), false);
    assert.equal(names.some((name) => name.endsWith('LayerNorm.weight')), config.type === 'bottleneck');
    for (const variable of adapter.parameters.values()) tf.tidy(() => variable.assign(tf.randomNormal(variable.shape, 0, 0.3, 'float32', 1)));
    assert.ok(logitsOf(model).some((value, i) => Math.abs(value - (before[i] ?? 0)) > 1e-3));
    assert.throws(() => model.addAdapter(config), UsageError);
    model.dispose();
  }
});

testOnEveryEngine('the logits of a merged LoRA are those of one beside the weights; a bottleneck stays beside them', () => {
  for (const config of configs) {
    const model = BertForSequenceClassification.fromConfig(small);
    model.addAdapter(config, noisy);
    const before = logitsOf(model);
    assert.equal(model.mergeAdapter(), config.type === 'lora');
    near(logitsOf(model), before, 3e-6, config.type);
    assert.equal(model.trainableParameters().size === model.namedParameters().size, config.type === 'lora');
    model.dispose();
  }
});

testOnEveryEngine('gradients of LoRA follow from those of the merged weights: dA = s B^T dW, dB = s dW A^T', () => {
  const labels = Int32Array.of(2, 0, 1);
  const gradientsOf = (model: BertForSequenceClassification, variables: ReadonlyMap<string, tf.Variable>): Map<string, tf.Tensor> => {
    const { value, grads } = tf.engine().gradients(() => classCrossEntropy(model.packedLogits(batch, { training: true }), labels, {}), [...variables.values()], undefined, true);
    value.dispose();
    return new Map([...variables.keys()].map((name, i) => [name, grads[i] as tf.Tensor]));
  };
  const [adapted, merged] = [BertForSequenceClassification.fromConfig(small), BertForSequenceClassification.fromConfig(small)];
  const adapter = adapted.addAdapter(everywhere, noisy);
  merged.addAdapter(everywhere, noisy);
  merged.mergeAdapter();
  const own = gradientsOf(adapted, adapted.trainableParameters());
  const full = gradientsOf(merged, merged.namedParameters());
  let compared = 0;
  for (const [name, down] of adapter.parameters) {
    if (!name.endsWith('.lora_A.weight')) continue;
    const module = name.slice(0, -'.lora_A.weight'.length);
    const up = adapter.parameters.get(`${module}.lora_B.weight`) as tf.Variable;
    const dW = full.get(`${module}.weight`) as tf.Tensor2D;
    tf.tidy(() => {
      near((own.get(name) as tf.Tensor).dataSync(), tf.matMul(up as tf.Tensor2D, dW, true).mul(1.5).dataSync(), 1e-5, name);
      near((own.get(`${module}.lora_B.weight`) as tf.Tensor).dataSync(), tf.matMul(dW, down as tf.Tensor2D, false, true).mul(1.5).dataSync(), 1e-5, module);
    });
    compared += 1;
  }
  assert.equal(compared, 12);
  near((own.get('classifier.weight') as tf.Tensor).dataSync(), (full.get('classifier.weight') as tf.Tensor).dataSync(), 1e-5, 'classifier');
  tf.dispose([...own.values(), ...full.values()]);
  adapted.dispose();
  merged.dispose();
});

testOnEveryEngine('an adapter that Python\'s peft wrote gives its logits', async () => {
  const expected = JSON.parse(readFileSync(path.join(peft, 'expected.json'), 'utf8')) as { inputs: Record<string, number[][]>; logits: number[][]; baseEncoderLogits: number[][] };
  const inputs = { inputIds: expected.inputs['input_ids'] ?? [], attentionMask: expected.inputs['attention_mask'], tokenTypeIds: expected.inputs['token_type_ids'] };
  for (const [directory, logits] of [['adapter', expected.logits], ['base', expected.baseEncoderLogits]] as const) {
    const model = await AutoModelForSequenceClassification.fromPretrained(path.join(peft, directory));
    assert.deepEqual(model.loadReport, { missing: [], unexpected: [] });
    const output = model.forward(inputs);
    near(output.logits.dataSync(), logits.flat(), 1e-5, directory);
    output.logits.dispose();
    model.dispose();
  }
});

testOnEveryEngine('dropout of the update\'s input is drawn from the stream, and only while training', () => {
  const model = BertForSequenceClassification.fromConfig({ ...small, hiddenDropoutProb: 0, attentionProbsDropoutProb: 0 });
  model.addAdapter({ ...loraDefaults, dropout: 0.5 }, noisy);
  const training = (step: number): Float32Array => logitsOf(model, { training: true, dropout: new DropoutStream(1, step, 0) } as { training: boolean });
  assert.deepEqual(training(1), training(1));
  assert.notDeepEqual(training(1), training(2));
  assert.notDeepEqual(training(1), logitsOf(model));
  model.dispose();
});

test('saved alone and loaded again: the same logits and labels, merged or beside; saving it whole is refused until it is merged', async () => {
  const id2label = { 0: 'red', 1: 'green', 2: 'blue' };
  const base = path.join(folder, 'base');
  const model = BertForSequenceClassification.fromConfig({ ...small, id2label });
  await model.savePretrained(base);
  for (const config of configs) {
    const tuned = await AutoModelForSequenceClassification.fromPretrained(base, { id2label });
    tuned.addAdapter(config, noisy);
    const before = logitsOf(tuned);
    const directory = path.join(folder, `${config.type}-${config.rank}`);
    await tuned.saveAdapter(directory, path.relative(directory, base));
    assert.ok(!existsSync(path.join(directory, 'model.safetensors')));
    const loaded = await AutoModelForSequenceClassification.fromPretrained(directory);
    assert.deepEqual(loaded.config.id2label, id2label);
    near(logitsOf(loaded), before, 3e-6, config.type);
    if (config.type === 'lora') await loaded.savePretrained(path.join(folder, 'whole'));
    await assert.rejects((config.type === 'lora' ? tuned : loaded).savePretrained(path.join(folder, 'refused')), UsageError);
    tuned.dispose();
    loaded.dispose();
  }
  model.dispose();
});

test('settings and files that do not fit are refused by name', async () => {
  const model = BertForSequenceClassification.fromConfig(small);
  assert.throws(() => model.addAdapter({ ...loraDefaults, targetModules: ['qeury'] }), (error) => error instanceof UsageError && /Did you mean "query"/.test(error.message));
  assert.equal(model.encoder.frozen, false);
  assert.throws(() => checkedAdapter({ ...loraDefaults, rank: 0 }), /rank is 0/);
  assert.throws(() => checkedAdapter({ ...loraDefaults, dropout: 1 }), /lora-dropout is 1/);
  const good = { peft_type: 'LORA', base_model_name_or_path: 'b', r: 4, lora_alpha: 8, target_modules: ['query'] };
  assert.deepEqual(adapterFromJson(good, 'f').config, { type: 'lora', rank: 4, alpha: 8, dropout: 0, targetModules: ['query'] });
  for (const [change, message] of [
    [{ peft_type: 'IA3' }, /"peft_type" is "IA3"; expected "LORA"/],
    [{ use_dora: true }, /"use_dora" is true, which is not supported/],
    [{ rank_pattern: { query: 4 } }, /"rank_pattern"/],
    [{ r: '4' }, /"r" is "4"; expected a number/],
    [{ target_modules: 4 }, /"target_modules" is 4/],
    [{ target_modules: '.*query' }, /"target_modules" is "\.\*query"; expected a list of names, or "all-linear"/],
    [{ base_model_name_or_path: null }, /"base_model_name_or_path" is null/],
  ] as const) assert.throws(() => adapterFromJson({ ...good, ...change }, 'f'), (error) => error instanceof DataError && message.test(error.message));
  const lost = path.join(folder, 'lost');
  model.addAdapter({ ...loraDefaults, rank: 2 });
  await model.saveAdapter(lost, 'nowhere/base');
  await assert.rejects(AutoModelForSequenceClassification.fromPretrained(lost), (error) => error instanceof UsageError && /adapter of "nowhere\/base", which is no folder here/.test(error.message));
  writeFileSync(path.join(lost, 'adapter_config.json'), JSON.stringify({ ...good, base_model_name_or_path: path.join(peft, 'base'), r: 2 }));
  await assert.rejects(AutoModelForSequenceClassification.fromPretrained(lost), (error) => error instanceof DataError && /tensor "bert\.encoder\.layer\.0\..*" has shape \[2, 12\]; expected shape \[2, 16\]/.test(error.message));
  model.dispose();
});
