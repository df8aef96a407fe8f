import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { DataError, IoError, UsageError } from '../data/errors.js';
import { parseJsonObject } from '../data/strictJson.js';
import { BertConfig, bertConfig, configFromJson, configToJson, type PartialBertConfig, presetConfig, presetNames, readConfig } from './index.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const sizes = { vocab_size: 99, hidden_size: 24, num_hidden_layers: 2, num_attention_heads: 3, intermediate_size: 37 };
const read = (json: object): ReturnType<typeof configFromJson> => configFromJson(parseJsonObject(JSON.stringify(json), { file: 'c' }), 'c');

test('fields left out are those of BERT-base, and the result is frozen to the bottom, but not what it was made from', () => {
  const extra = { inner: { list: [1] } };
  const config = bertConfig({ extra });
  extra.inner.list.push(2);
  assert.deepEqual(config.extra, { inner: { list: [1] } });
  assert.equal(config.hiddenSize, 768);
  assert.equal(config.layerNormEps, 1e-12);
  assert.throws(() => Object.assign(config, { hiddenSize: 3 }), TypeError);
  assert.throws(() => Object.assign(config.extra['inner'] as object, { list: [] }), TypeError);
});

test('an unknown key of ours is an error that names the near match', () => {
  assert.throws(() => bertConfig({ hiddenSzie: 12 } as PartialBertConfig), (error) => error instanceof UsageError && /unknown key "hiddenSzie"\. Did you mean "hiddenSize"\?/.test(error.message));
  assert.throws(() => presetConfig('bsae'), /unknown model configuration "bsae"\. Did you mean "base"\?/);
  for (const name of ['__proto__', 'constructor']) assert.throws(() => presetConfig(name), UsageError);
});

test('every preset is valid, and changes apply to it', () => {
  for (const name of presetNames) assert.equal(presetConfig(name).modelType, 'bert');
  const tiny = presetConfig('tiny', { vocabSize: 77, numLabels: 3 });
  assert.deepEqual([tiny.hiddenSize, tiny.numHiddenLayers, tiny.numAttentionHeads, tiny.intermediateSize, tiny.vocabSize, tiny.numLabels], [128, 2, 2, 512, 77, 3]);
});

test('a value that cannot be is refused with key, value and expectation', () => {
  const cases: [PartialBertConfig, RegExp][] = [
    [{ hiddenSize: 0 }, /hiddenSize is 0; expected an integer of at least 1/],
    [{ hiddenSize: 1.5 }, /hiddenSize is 1.5/],
    [{ vocabSize: Number.NaN }, /vocabSize is NaN/],
    [{ hiddenSize: 10, numAttentionHeads: 3 }, /hiddenSize 10 is not a multiple of numAttentionHeads 3/],
    [{ hiddenDropoutProb: 1 }, /hiddenDropoutProb is 1; expected a probability/],
    [{ attentionProbsDropoutProb: -0.1 }, /attentionProbsDropoutProb is -0.1/],
    [{ layerNormEps: 0 }, /layerNormEps is 0; expected a positive/],
    [{ padTokenId: 40000 }, /padTokenId is 40000; expected an id below vocabSize/],
    [{ hiddenAct: 'gelu_neww' } as unknown as PartialBertConfig, /hiddenAct is "gelu_neww"; expected one of gelu, gelu_new, relu\. Did you mean "gelu_new"\?/],
    [{ numLabels: 3, id2label: { 0: 'a', 1: 'b' } }, /id2label names 2 labels, numLabels is 3/],
    [{ id2label: { 0: 'a', 2: 'b' } }, /id2label\[1\] is undefined/],
    [{ extra: { use_cache: () => true } }, /extra is \{\}; expected plain data/],
  ];
  for (const [partial, message] of cases) assert.throws(() => bertConfig(partial), (error) => error instanceof UsageError && message.test(error.message), message.source);
});

test('config.json round trip: foreign keys are kept, labels written by name in both directions', () => {
  const json = { ...sizes, model_type: 'bert', architectures: ['BertModel'], hidden_act: 'gelu_new', layer_norm_eps: 1e-5, use_cache: true, id2label: { 0: 'no', 1: '__proto__', 2: 'constructor' }, label2id: { no: 0 }, my_key: { deep: [1, null] } };
  const config = read(json);
  assert.equal(config.numLabels, 3);
  assert.equal(config.hiddenAct, 'gelu_new');
  assert.deepEqual(config.extra, { architectures: ['BertModel'], use_cache: true, my_key: { deep: [1, null] } });
  const written = configToJson(config);
  assert.deepEqual(written['my_key'], { deep: [1, null] });
  assert.deepEqual(Object.entries(written['label2id'] as object), [['no', 0], ['__proto__', 1], ['constructor', 2]]);
  assert.deepEqual(read(JSON.parse(JSON.stringify(written))), config);
});

test('labels given by label2id alone are inverted', () => {
  assert.deepEqual(read({ ...sizes, label2id: { b: 1, a: 0 } }).id2label, { 0: 'a', 1: 'b' });
  assert.throws(() => read({ ...sizes, label2id: { b: 1, a: 5 } }), /a label for each index 0 to 1/);
});

test('keys that change the mathematics are refused with key and value; harmless values of them pass', () => {
  const cases: [object, RegExp][] = [
    [{ position_embedding_type: 'relative_key' }, /c: position_embedding_type is "relative_key"; expected "absolute"/],
    [{ is_decoder: true }, /is_decoder is true; expected false/],
    [{ add_cross_attention: true }, /add_cross_attention is true/],
    [{ hidden_act: 'swish' }, /hidden_act is "swish"; expected one of gelu, gelu_new, relu/],
    [{ pruned_heads: { 0: [1] } }, /pruned_heads is \{"0":\[1\]\}/],
    [{ quantization_config: { bits: 4 } }, /quantization_config/],
    [{ auto_map: { AutoModel: 'evil.py' } }, /auto_map .*expected no code/],
    [{ model_type: 'roberta' }, /model_type is "roberta"; expected "bert"/],
    [{ hidden_size: '24' }, /hidden_size is "24"; expected an integer/],
    [{ num_attention_heads: 5 }, /hidden_size 24 is not a multiple of num_attention_heads 5/],
    [{ id2label: ['a'] }, /id2label is \["a"\]/],
  ];
  for (const [json, message] of cases) assert.throws(() => read({ ...sizes, ...json }), (error) => error instanceof DataError && message.test(error.message), message.source);
  read({ ...sizes, position_embedding_type: 'absolute', is_decoder: false, pruned_heads: {}, chunk_size_feed_forward: 0, classifier_dropout: null, pad_token_id: null });
});

test('a missing size is an error that names a near key', () => {
  const { hidden_size: hiddenSize, ...rest } = sizes;
  assert.throws(() => read({ ...rest, hidden_sizes: hiddenSize }), /hidden_size is missing; did "hidden_sizes" mean it\?/);
});

test('a malformed, deep or absent file is named with its position, and prototypes stay as they are', () => {
  const file = path.join(folder, 'config.json');
  writeFileSync(file, '{\n  "vocab_size": 5,,\n}');
  assert.throws(() => readConfig(file), (error) => error instanceof DataError && error.message.startsWith(`${file}:2:19: `));
  writeFileSync(file, `{"a":${'['.repeat(10_000)}`);
  assert.throws(() => readConfig(file), DataError);
  writeFileSync(file, JSON.stringify({ ...sizes }).replace('{', '{"__proto__": {"vocabSize": 3, "polluted": true},'));
  const config = readConfig(file);
  assert.equal(config.vocabSize, 99);
  assert.equal((config.extra as Record<string, unknown>)['polluted'], undefined);
  assert.deepEqual(Object.keys(config.extra), ['__proto__']);
  assert.ok(JSON.stringify(configToJson(config)).includes('"__proto__":{'), 'written back');
  assert.throws(() => readConfig(path.join(folder, 'none.json')), IoError);
});

test('new BertConfig and its fromPretrained and fromPreset give the same frozen data as the functions', async () => {
  assert.deepEqual(new BertConfig({ vocabSize: 12, padTokenId: 3 }), bertConfig({ vocabSize: 12, padTokenId: 3 }));
  assert.ok(Object.isFrozen(new BertConfig()));
  assert.throws(() => new BertConfig({ hiddenSize: -1 }), UsageError);
  assert.deepEqual(BertConfig.fromPreset('mini', { vocabSize: 9 }), presetConfig('mini', { vocabSize: 9 }));
  writeFileSync(path.join(folder, 'config.json'), JSON.stringify(sizes));
  assert.equal((await BertConfig.fromPretrained(folder)).hiddenSize, 24);
  renameSync(path.join(folder, 'config.json'), path.join(folder, 'bert_config.json'));
  assert.equal((await BertConfig.fromPretrained(folder)).hiddenSize, 24, "Google's name");
});
