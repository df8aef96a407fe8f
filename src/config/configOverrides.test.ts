import assert from 'node:assert/strict';
import test from 'node:test';
import { UsageError } from '../data/errors.js';
import { presetConfig, withOverrides } from './index.js';

test('overrides change the named fields and nothing else', () => {
  const base = presetConfig('mini', { vocabSize: 40, padTokenId: 1 });
  const changed = withOverrides(base, ['hidden_dropout_prob=0', 'initializer_range = 0.05', 'hidden_act=gelu_new', 'intermediate_size=512']);
  assert.deepEqual({ ...changed }, { ...base, hiddenDropoutProb: 0, initializerRange: 0.05, hiddenAct: 'gelu_new', intermediateSize: 512 });
  assert.deepEqual({ ...withOverrides(base, []) }, { ...base });
});

test('what cannot be is refused with the key, what was found and what may be', () => {
  const base = presetConfig('tiny', { vocabSize: 40 });
  const cases: readonly (readonly [string, RegExp])[] = [
    ['hidden_dropout_prob', /"hidden_dropout_prob": expected key=value/],
    ['hidden_dropout=0', /unknown key "hidden_dropout"\. Did you mean "hidden_dropout_prob"/],
    ['hidden_dropout_prob=high', /hidden_dropout_prob is .*high/],
    ['hidden_dropout_prob=', /hidden_dropout_prob is ""/],
    ['num_attention_heads=3', /128.*3|3.*128/],
    ['hidden_act=tanh', /hidden_act is "tanh"/],
  ];
  for (const [text, expected] of cases) assert.throws(() => withOverrides(base, [text]), (error) => error instanceof UsageError && expected.test(error.message), text);
});
