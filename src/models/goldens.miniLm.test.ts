/** A real checkpoint on real sentences: the ids of our tokenizer are those of transformers, and so are, within 1e-4, the outputs on our ids. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import * as tf from '@tensorflow/tfjs';
import { readSafetensors } from '../checkpoint/safetensors.js';
import { AutoTokenizer, type Encoding, type TextTokenizer } from '../tokenizer/index.js';
import { BertModel } from './index.js';
import { assertWithin, fixtures, testOnEveryEngine } from './testing/goldens.js';

const directory = path.join(process.env['BERTWRIGHT_SHARED'] ?? path.resolve('..', 'shared'), 'models', 'all-minilm-l6-v2');
const tolerance = 1e-4;

interface GoldenText {
  /** A text, or a pair. */
  readonly text: readonly [string, string?];
  readonly inputIds: readonly number[];
  readonly tokenTypeIds: readonly number[];
}

const { rows } = JSON.parse(readFileSync(path.join(fixtures, 'minilm', 'texts.json'), 'utf8')) as { readonly rows: readonly GoldenText[] };

function encodeFirst(count: number, tokenizer: TextTokenizer): Encoding[] {
  return rows.slice(0, count).map(({ text: [first, second] }) => tokenizer.encode(first, second));
}

function padded(sequences: readonly (readonly number[])[]): number[][] {
  const longest = Math.max(...sequences.map(({ length }) => length));
  return sequences.map((values) => [...values, ...Array<number>(longest - values.length).fill(0)]);
}

if (!existsSync(directory)) test('the real MiniLM', { skip: `${directory} is absent` });
else {
  test('token and segment ids of real sentences and pairs are those of transformers', async () => {
    const found = encodeFirst(rows.length, await AutoTokenizer.fromPretrained(directory));
    rows.forEach(({ text, inputIds, tokenTypeIds }, row) => {
      assert.deepEqual(found[row]?.inputIds, inputIds, text.join(' | '));
      assert.deepEqual(found[row]?.tokenTypeIds, tokenTypeIds, text.join(' | '));
    });
  });

  testOnEveryEngine('every pooled and sequence output of the real MiniLM is that of transformers', async (engine) => {
    // Plain JavaScript takes a third of a second for each token.
    const encodings = encodeFirst(engine === 'cpu' ? 3 : rows.length, await AutoTokenizer.fromPretrained(directory));
    const model = await BertModel.fromPretrained(directory);
    const inputs = {
      inputIds: padded(encodings.map(({ inputIds }) => inputIds)),
      attentionMask: padded(encodings.map(({ attentionMask }) => attentionMask)),
      tokenTypeIds: padded(encodings.map(({ tokenTypeIds }) => tokenTypeIds)),
    };
    const output = model.forward(inputs);
    const expected = readSafetensors(path.join(fixtures, 'minilm', 'outputs.safetensors'));
    const firstRows = (name: string, count: number): Float32Array => expected.get(name)?.data.subarray(0, count * model.config.hiddenSize) ?? new Float32Array();
    assertWithin(output.pooledOutput.dataSync(), firstRows('pooled', encodings.length), tolerance, 'pooledOutput');
    const [, seqLength, hiddenSize] = output.sequenceOutput.shape;
    const cells = output.sequenceOutput.dataSync();
    const tokens = encodings.flatMap(({ inputIds }, row) => [...cells.subarray(row * seqLength * hiddenSize, (row * seqLength + inputIds.length) * hiddenSize)]);
    assertWithin(tokens, firstRows('sequence_output', encodings.reduce((sum, { inputIds }) => sum + inputIds.length, 0)), tolerance, 'sequenceOutput');
    tf.dispose({ ...output });
    model.dispose();
  });
}
