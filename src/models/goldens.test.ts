/** The whole model, on every engine that works here, against transformers: logits, loss, every gradient, ten losses of gradient descent; and a real checkpoint. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, type TestContext } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readSafetensors } from '../checkpoint/safetensors.js';
import type { TensorEntry } from '../checkpoint/storedTensor.js';
import { packSequences } from '../data/packedBatch.js';
import type { PretrainingBatch } from '../data/pretrainingBatch.js';
import { type EngineName, setEngine } from '../engine/index.js';
import { BertForPreTraining, BertModel } from './index.js';

// Compiled to dist/src/models; the fixtures stay beside the source.
const fixtures = path.resolve(import.meta.dirname, '../../../src/models/fixtures');
const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-goldens-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Makes the engine active, or skips the test with the engine's own reason. */
async function onEngine(engine: EngineName, context: TestContext): Promise<boolean> {
  try {
    await setEngine(engine);
    return true;
  } catch (error) {
    context.skip((error as Error).message);
    return false;
  }
}

function close(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, label: string): void {
  assert.equal(actual.length, expected.length, label);
  let worst = 0;
  for (let i = 0; i < actual.length; i++) worst = Math.max(worst, Math.abs((actual[i] ?? 0) - (expected[i] ?? 0)) / Math.max(1, Math.abs(expected[i] ?? 0)));
  assert.ok(worst <= tolerance, `${label}: off by ${worst}, allowed ${tolerance}`);
}

class Golden {
  readonly #tensors: Map<string, TensorEntry>;
  constructor(activation: string) {
    this.#tensors = readSafetensors(path.join(fixtures, `tiny-bert-${activation}.safetensors`));
  }
  entry(name: string): TensorEntry {
    const entry = this.#tensors.get(name);
    assert.ok(entry !== undefined, name);
    return entry;
  }
  floats(name: string): Float32Array {
    return this.entry(name).data;
  }
  integers(name: string): Int32Array {
    return new Int32Array(this.entry(name).bytes.slice().buffer);
  }
  rows(name: string): number[][] {
    const [rows = 0, cols = 0] = this.entry(name).shape;
    return Array.from({ length: rows }, (_, r) => [...this.integers(name).subarray(r * cols, (r + 1) * cols)]);
  }
  get gradientNames(): string[] {
    return [...this.#tensors.keys()].filter((name) => name.startsWith('grad.')).map((name) => name.slice(5));
  }
}

async function modelWith(activation: string): Promise<BertForPreTraining> {
  const directory = path.join(folder, activation);
  cpSync(path.join(fixtures, 'tiny-bert'), directory, { recursive: true });
  const config = JSON.parse(readFileSync(path.join(directory, 'config.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(path.join(directory, 'config.json'), JSON.stringify({ ...config, hidden_act: activation }));
  return BertForPreTraining.fromPretrained(directory);
}

/** The golden's padded inputs as the packed batch that training uses. */
function packedBatch(golden: Golden): PretrainingBatch {
  const mask = golden.rows('attention_mask');
  const keep = (name: string): number[][] => golden.rows(name).map((row, b) => row.filter((_, i) => mask[b]?.[i] === 1));
  const types = keep('token_type_ids');
  const labels = keep('labels').flat();
  const positions = Int32Array.from(Array.from(labels.keys()).filter((token) => labels[token] !== -100));
  return {
    ...packSequences(keep('input_ids').map((inputIds, b) => ({ inputIds, tokenTypeIds: types[b] }))),
    maskedPositions: positions,
    maskedLabels: positions.map((token) => labels[token] ?? 0),
    nextSentenceLabels: golden.integers('next_sentence_label'),
  };
}

const cases = (['cpu', 'native', 'wasm'] as const).flatMap((engine) => ['gelu', 'gelu_new'].map((activation) => ({ engine, activation })));

for (const { engine, activation } of cases) {
  test(`${engine}, ${activation}: logits, sequence output and loss are those of transformers where the mask is 1`, async (context) => {
    if (!(await onEngine(engine, context))) return;
    const golden = new Golden(activation);
    const model = await modelWith(activation);
    assert.deepEqual(model.loadReport, { missing: [], unexpected: [] });
    const inputs = { inputIds: golden.rows('input_ids'), attentionMask: golden.rows('attention_mask'), tokenTypeIds: golden.rows('token_type_ids') };
    const output = model.forward({ ...inputs, labels: golden.rows('labels'), nextSentenceLabel: golden.integers('next_sentence_label') });
    const mask = golden.integers('attention_mask');
    const vocab = model.config.vocabSize;
    const wanted = golden.floats('prediction_logits').map((logit, i) => (mask[Math.floor(i / vocab)] === 1 ? logit : 0));
    close(output.predictionLogits.dataSync(), wanted, 1e-5, 'predictionLogits');
    close(output.seqRelationshipLogits.dataSync(), golden.floats('seq_relationship_logits'), 1e-5, 'seqRelationshipLogits');
    close(output.loss?.dataSync() ?? [], golden.floats('loss'), 1e-5, 'loss');
    const encoder = await BertModel.fromPretrained(path.join(folder, activation));
    const hidden = encoder.config.hiddenSize;
    const sequence = golden.floats('sequence_output').map((value, i) => (mask[Math.floor(i / hidden)] === 1 ? value : 0));
    close(encoder.forward(inputs).sequenceOutput.dataSync(), sequence, 1e-5, 'sequenceOutput');
  });

  test(`${engine}, ${activation}: the gradient of every parameter is that of transformers`, async (context) => {
    if (!(await onEngine(engine, context))) return;
    const golden = new Golden(activation);
    const model = await modelWith(activation);
    const parameters = model.namedParameters();
    assert.deepEqual([...parameters.keys()].sort(), golden.gradientNames.sort());
    const { grads } = tf.variableGrads(() => model.packedLoss(packedBatch(golden), { training: true }).loss, [...parameters.values()]);
    for (const [name, variable] of parameters) close(grads[variable.name]?.dataSync() ?? [], golden.floats(`grad.${name}`), 1e-5, name);
  });

  test(`${engine}, ${activation}: ten losses of plain gradient descent are those of PyTorch`, async (context) => {
    if (!(await onEngine(engine, context))) return;
    const golden = new Golden(activation);
    const model = await modelWith(activation);
    const batch = packedBatch(golden);
    const optimizer = tf.train.sgd(0.05);
    const losses: number[] = [];
    for (let step = 0; step < 10; step++) {
      const { value, grads } = tf.variableGrads(() => model.packedLoss(batch, { training: true }).loss, [...model.namedParameters().values()]);
      losses.push(value.dataSync()[0] ?? 0);
      optimizer.applyGradients(grads);
    }
    close(losses, golden.floats('losses'), 1e-4, 'losses');
  });
}

const miniLm = path.join(process.env['BERTWRIGHT_SHARED'] ?? path.resolve('..', 'shared'), 'models', 'all-minilm-l6-v2');

interface MiniLmGolden {
  readonly inputIds: number[][];
  readonly attentionMask: number[][];
  readonly rows: readonly { readonly firstToken: number[]; readonly lastToken: number[]; readonly pooled: number[]; readonly pooledNorm: number }[];
}

test('the real MiniLM gives what it gives in transformers', { skip: existsSync(miniLm) ? false : `${miniLm} is absent` }, async () => {
  await setEngine('auto');
  const golden = JSON.parse(readFileSync(path.join(fixtures, 'minilm.json'), 'utf8')) as MiniLmGolden;
  const model = await BertModel.fromPretrained(miniLm);
  const { sequenceOutput, pooledOutput } = model.forward(golden);
  const tokens = (await sequenceOutput.array()) as number[][][];
  const pooled = (await pooledOutput.array()) as number[][];
  golden.rows.forEach((row, b) => {
    const length = golden.attentionMask[b]?.reduce((sum, value) => sum + value, 0) ?? 0;
    close(tokens[b]?.[0]?.slice(0, 8) ?? [], row.firstToken, 1e-4, `row ${b}, first token`);
    close(tokens[b]?.[length - 1]?.slice(0, 8) ?? [], row.lastToken, 1e-4, `row ${b}, last token`);
    close(pooled[b]?.slice(0, 8) ?? [], row.pooled, 1e-4, `row ${b}, pooled`);
    close([Math.hypot(...(pooled[b] ?? []))], [row.pooledNorm], 1e-4, `row ${b}, norm`);
  });
  model.dispose();
});
