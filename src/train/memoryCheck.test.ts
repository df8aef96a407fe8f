import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bertConfig } from '../config/bertConfig.js';
import { UsageError } from '../data/errors.js';
import { leastTrainingBytes, refuseBeyondMemory } from './memoryCheck.js';

const base = { config: bertConfig({}), parameters: 110e6, trained: 110e6, tokens: 2048 } as const;

test('weights count four times where they are trained, once where they are not; tokens by layer and width', () => {
  assert.equal(leastTrainingBytes({ ...base, tokens: 0 }), 16 * 110e6);
  assert.equal(leastTrainingBytes({ ...base, tokens: 0, trained: 0 }), 4 * 110e6);
  assert.equal(leastTrainingBytes(base) - leastTrainingBytes({ ...base, tokens: 0 }), 4 * 2048 * 12 * (6 * 768 + 3072));
});

test('what cannot fit is refused with need, what is there and what to lower', () => {
  refuseBeyondMemory(base, 4 * 2 ** 30);
  assert.throws(() => refuseBeyondMemory(base, 2 ** 30), (error) => error instanceof UsageError && /a step of 2048 tokens needs at least 2399 MiB of memory, and 1024 MiB are there/.test(error.message) && /--gradient-accumulation-steps/.test(error.hint ?? ''));
  assert.throws(() => refuseBeyondMemory({ ...base, tokens: 1e9 }), UsageError);
  refuseBeyondMemory({ config: bertConfig({ hiddenSize: 16, intermediateSize: 32, numHiddenLayers: 1, numAttentionHeads: 2 }), parameters: 1000, trained: 1000, tokens: 64 });
});
