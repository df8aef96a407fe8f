/** Exported models in ONNX Runtime itself, where scripts/checks is installed (`npm ci --prefix scripts/checks`). */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { exportModel } from './exportModel.js';
import { architectures, type Batch, largestDifference, makeCheckpoint, type NamedOutput, ourOutputs, padded, tinyBatches } from './testing/cases.js';

/** What of onnxruntime-node is used here. */
interface OnnxRuntime {
  readonly InferenceSession: { create(file: string, options?: object): Promise<Session> };
  readonly Tensor: new (type: 'int64', data: BigInt64Array, shape: readonly number[]) => object;
}
interface Session {
  run(feeds: Readonly<Record<string, object>>): Promise<Readonly<Record<string, { readonly dims: readonly number[]; readonly data: Float32Array }>>>;
  release(): Promise<void>;
}

const checks = path.resolve(import.meta.dirname, '../../../scripts/checks');
const installed = existsSync(path.join(checks, 'node_modules', 'onnxruntime-node'));
const skip = installed ? false : 'onnxruntime-node is not installed: npm ci --prefix scripts/checks';
const shared = process.env['BERTWRIGHT_SHARED'];
const miniLm = path.join(shared ?? '', 'models', 'all-minilm-l6-v2');

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-onnxruntime-'));
after(() => rmSync(folder, { recursive: true, force: true }));
before(() => {
  tf.enableProdMode();
});

async function runOnnx(file: string, batches: readonly Batch[]): Promise<Record<string, NamedOutput>[]> {
  const { InferenceSession, Tensor } = createRequire(path.join(checks, 'package.json'))('onnxruntime-node') as OnnxRuntime;
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1 });
  const results: Record<string, NamedOutput>[] = [];
  for (const batch of batches) {
    const feeds = Object.fromEntries(Object.entries(batch).map(([name, rows]: [string, Batch['input_ids']]) => [name, new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0])]));
    const outputs = await session.run(feeds);
    results.push(Object.fromEntries(Object.entries(outputs).map(([name, { dims, data }]) => [name, { shape: [...dims], values: Float32Array.from(data) }])));
  }
  await session.release();
  return results;
}

for (const architecture of architectures) {
  for (const activation of ['gelu', 'gelu_new', 'relu']) {
    test(`${architecture} with ${activation} in ONNX Runtime gives what the model does`, { skip }, async () => {
      await tf.setBackend('cpu');
      const checkpoint = await makeCheckpoint(folder, architecture, { hidden_act: activation });
      const output = path.join(folder, `${architecture}-${activation}-onnx`);
      await exportModel({ model: checkpoint, to: 'onnx', output });
      const results = await runOnnx(path.join(output, 'onnx', 'model.onnx'), tinyBatches);
      assert.equal(results.length, tinyBatches.length);
      for (const [i, batch] of tinyBatches.entries()) {
        const difference = largestDifference(results[i] ?? {}, await ourOutputs(checkpoint, architecture, batch), batch);
        assert.ok(difference < 1e-5, `${JSON.stringify(batch.attention_mask)}: off by ${difference}`);
      }
    });
  }
}

test('all-minilm-l6-v2 in ONNX Runtime gives what the model does', { skip: skip || (shared !== undefined && existsSync(miniLm) ? false : 'BERTWRIGHT_SHARED has no models/all-minilm-l6-v2') }, async () => {
  const { setEngine } = await import('../engine/index.js');
  await setEngine('auto');
  const output = path.join(folder, 'minilm-onnx');
  await exportModel({ model: miniLm, to: 'onnx', output });
  const batches = [padded([7], 30522), padded([40, 3, 128], 30522)];
  const results = await runOnnx(path.join(output, 'onnx', 'model.onnx'), batches);
  for (const [i, batch] of batches.entries()) {
    const difference = largestDifference(results[i] ?? {}, await ourOutputs(miniLm, 'BertModel', batch), batch);
    assert.ok(difference < 1e-5, `off by ${difference}`);
  }
});
