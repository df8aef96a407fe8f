/** Reads the fixtures of scripts/goldens/makeModelGoldens.py, runs tests of them on every engine, and compares numbers. For test files only. */
import assert from 'node:assert/strict';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readSafetensors } from '../../checkpoint/safetensors.js';
import type { TensorEntry } from '../../checkpoint/storedTensor.js';
import { packSequences, type TokenSequence } from '../../data/packedBatch.js';
import type { PretrainingBatch } from '../../data/pretrainingBatch.js';
import { type EngineName, setEngine } from '../../engine/index.js';
import { loadAddon } from '../../native/loadAddon.js';
import { ignoredLabel } from '../inputs.js';

// Compiled to dist/src/models/testing; the fixtures stay with the source.
export const fixtures = path.resolve(import.meta.dirname, '../../../../src/models/fixtures');

const { addon } = await loadAddon();

interface GoldenEngine {
  readonly name: string;
  readonly engine: EngineName;
  /** Instruction set of the native engine. */
  readonly isa?: string;
}

/** Native once on each instruction set of this processor. `gpu` is the backend of `tensorflow` with other hardware below it. */
const goldenEngines: readonly GoldenEngine[] = [
  { name: 'cpu', engine: 'cpu' },
  { name: 'wasm', engine: 'wasm' },
  { name: 'tensorflow', engine: 'tensorflow' },
  ...(addon?.info().available.map((isa) => ({ name: `native, ${isa}`, engine: 'native' as const, isa })) ?? [{ name: 'native', engine: 'native' as const }]),
];

/**
 * A test that runs once on each engine in float32, and leaves no tensor behind. Where native or tensorflow is not installed, it is
 * skipped with the engine's own reason.
 */
export function testOnEveryEngine(title: string, body: (engine: EngineName) => void | Promise<void>): void {
  for (const engine of goldenEngines) {
    test(`${title} [${engine.name}]`, async (context) => {
      if (!(await started(engine, context))) return;
      const best = addon?.info().isa;
      if (engine.isa !== undefined) addon?.setIsa(engine.isa);
      const before = tf.memory().numTensors;
      try {
        await body(engine.engine);
      } finally {
        if (best !== undefined) addon?.setIsa(best);
      }
      assert.equal(tf.memory().numTensors, before, 'tensors left behind');
    });
  }
}

async function started({ engine }: GoldenEngine, context: TestContext): Promise<boolean> {
  try {
    await setEngine(engine, { matmulPrecision: 'highest' });
    return true;
  } catch (error) {
    if (engine !== 'native' && engine !== 'tensorflow') throw error;
    context.skip(error instanceof Error ? error.message : String(error));
    return false;
  }
}

/** Sequences padded to one length, and their labels, under the names of transformers; all [batch, seq] or [batch]. */
export interface GoldenBatch {
  readonly input_ids: readonly (readonly number[])[];
  readonly attention_mask: readonly (readonly number[])[];
  readonly token_type_ids: readonly (readonly number[])[];
}

export interface GoldenPretrainingBatch extends GoldenBatch {
  readonly labels: readonly (readonly number[])[];
  readonly next_sentence_label: readonly number[];
}

export interface GoldenClassificationBatch extends GoldenBatch {
  /** Classes or scores. */
  readonly labels: readonly number[];
}

/** One case of the fixtures: a model directory, and what transformers computes of it. */
export class Golden {
  readonly directory: string;
  readonly #tensors: Map<string, TensorEntry>;

  constructor(name: string) {
    this.directory = path.join(fixtures, name);
    this.#tensors = readSafetensors(path.join(this.directory, 'golden.safetensors'));
  }

  floats(name: string): Float32Array {
    return this.#entry(name).data;
  }

  /** The numbers of a tensor [batch, seq, n], zero at the padding: there our models give zeros, transformers what it happens to compute. */
  floatsAtTokens(name: string): Float32Array {
    const mask = this.list('attention_mask');
    const width = this.#entry(name).shape[2] ?? 0;
    return this.floats(name).map((value, i) => (mask[Math.floor(i / width)] === 1 ? value : 0));
  }

  /** The numbers of a tensor [n]. */
  list(name: string): number[] {
    const entry = this.#entry(name);
    return [...(entry.dtype === 'I32' ? new Int32Array(entry.bytes.slice().buffer) : entry.data)];
  }

  /** The rows of a tensor [n, m]. */
  rows(name: string): number[][] {
    const [rows = 0, columns = 0] = this.#entry(name).shape;
    const values = this.list(name);
    return Array.from({ length: rows }, (_, row) => values.slice(row * columns, (row + 1) * columns));
  }

  inputs(): GoldenBatch {
    return { input_ids: this.rows('input_ids'), attention_mask: this.rows('attention_mask'), token_type_ids: this.rows('token_type_ids') };
  }

  /** By parameter name. */
  gradients(): Map<string, Float32Array> {
    const names = [...this.#tensors.keys()].filter((name) => name.startsWith('grad.'));
    return new Map(names.map((name) => [name.slice('grad.'.length), this.floats(name)]));
  }

  #entry(name: string): TensorEntry {
    const entry = this.#tensors.get(name);
    assert.ok(entry !== undefined, `the golden has no ${name}`);
    return entry;
  }
}

/** The inputs as the padded door of a model takes them. */
export function paddedInputs(batch: GoldenBatch): { inputIds: readonly (readonly number[])[]; attentionMask: readonly (readonly number[])[]; tokenTypeIds: readonly (readonly number[])[] } {
  return { inputIds: batch.input_ids, attentionMask: batch.attention_mask, tokenTypeIds: batch.token_type_ids };
}

/** The sequences without their padding, for `packSequences`. */
export function unpaddedSequences(batch: GoldenBatch): TokenSequence[] {
  return batch.input_ids.map((ids, row) => ({ inputIds: unpadded(batch, row, ids), tokenTypeIds: unpadded(batch, row, batch.token_type_ids[row] ?? []) }));
}

function unpadded(batch: GoldenBatch, row: number, values: readonly number[]): number[] {
  return values.filter((_, column) => batch.attention_mask[row]?.[column] === 1);
}

/** Some rows of a padded batch as the packed batch that pretraining uses. */
export function packedPretrainingBatch(batch: GoldenPretrainingBatch, rows: readonly number[] = [...batch.input_ids.keys()]): PretrainingBatch {
  const sequences = unpaddedSequences(batch);
  const labels = rows.flatMap((row) => unpadded(batch, row, batch.labels[row] ?? []));
  const maskedPositions = Int32Array.from([...labels.keys()].filter((token) => labels[token] !== ignoredLabel));
  return {
    ...packSequences(rows.map((row) => sequences[row] ?? { inputIds: [] })),
    maskedPositions,
    maskedLabels: maskedPositions.map((token) => labels[token] ?? ignoredLabel),
    nextSentenceLabels: Int32Array.from(rows, (row) => batch.next_sentence_label[row] ?? ignoredLabel),
  };
}

/** Demands |found - expected| <= tolerance of every element; NaN is never within. */
export function assertWithin(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(found.length, expected.length, `${what}: number of elements`);
  for (let i = 0; i < expected.length; i++) {
    const deviation = Math.abs((found[i] ?? Number.NaN) - (expected[i] ?? Number.NaN));
    assert.ok(deviation <= tolerance, `${what}: element ${i} is ${found[i]}, expected ${expected[i]}; off by ${deviation}, allowed ${tolerance}`);
  }
}

/**
 * The gradient of every parameter of `loss` against the golden's: within 1e-5 of the tensor's largest entry. The true gradient of the
 * bias of the keys is 0 (softmax does not see what all keys have in common), so that one is held to 1e-6 itself.
 */
export function assertGradients(parameters: ReadonlyMap<string, tf.Variable>, loss: () => tf.Scalar, golden: Golden): void {
  const expected = golden.gradients();
  assert.deepEqual([...parameters.keys()].sort(), [...expected.keys()].sort());
  const { value, grads } = tf.variableGrads(loss, [...parameters.values()]);
  for (const [name, variable] of parameters) {
    const wanted = expected.get(name) ?? new Float32Array();
    const largest = wanted.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
    const found = grads[variable.name]?.dataSync() ?? [];
    if (name.endsWith('key.bias')) assertWithin(found, new Float32Array(wanted.length), 1e-6, `gradient of ${name}`);
    else assertWithin(found, wanted, 1e-5 * largest, `gradient of ${name}`);
  }
  tf.dispose([value, grads]);
}
