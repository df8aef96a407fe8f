/** What the tests of TensorFlow's checkpoints share: the fixtures, and the tensors of one by name. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { StoredTensor, TensorEntry } from '../../storedTensor.js';
import { readTensorFlowBundle } from '../tensorflowBundle.js';
import { header, tableOf } from './tensorflowBundle.js';

// Compiled to dist/src/checkpoint/tensorflow/testing; the fixtures stay beside the source.
export const fixtures = path.resolve(import.meta.dirname, '../../../../../src/checkpoint/fixtures');

function byName(tensors: readonly StoredTensor[]): Map<string, TensorEntry> {
  const named = new Map(tensors.map(({ name, entry }) => [name, entry]));
  assert.equal(named.size, tensors.length, 'no name comes twice');
  return named;
}

export function entryOf(tensors: readonly StoredTensor[], name: string): TensorEntry {
  const entry = byName(tensors).get(name);
  assert.ok(entry !== undefined, name);
  return entry;
}

/** The same names, and under each the same dtype, shape, bytes and values. */
export function assertEqual(tensors: readonly StoredTensor[], expected: ReadonlyMap<string, TensorEntry>): void {
  const found = byName(tensors);
  assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
  for (const [name, { dtype, shape, bytes, data }] of expected) {
    const entry = found.get(name);
    assert.deepEqual({ dtype: entry?.dtype, shape: entry?.shape }, { dtype, shape }, name);
    assert.equal(Buffer.compare(entry?.bytes ?? Buffer.of(), bytes), 0, name);
    assert.deepEqual(entry?.data, data, name);
  }
}

/** Writes an index of these variables beside the four bytes of 2.5, and reads it. */
export function readMade(folder: string, variables: readonly (readonly [string | Uint8Array, Uint8Array])[], head: Uint8Array = header()): StoredTensor[] {
  const index = path.join(folder, 'made.index');
  writeFileSync(index, tableOf([['', head], ...variables]));
  writeFileSync(path.join(folder, 'made.data-00000-of-00001'), Buffer.from(Float32Array.of(2.5).buffer));
  return readTensorFlowBundle(index);
}
