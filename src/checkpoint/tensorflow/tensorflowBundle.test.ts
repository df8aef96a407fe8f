/** TensorFlow's own checkpoints against the same weights in safetensors, bit for bit; damaged ones stand in tensorflowBundleDamage.test.ts. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { DataError } from '../../data/errors.js';
import { readSafetensors } from '../safetensors.js';
import { findTensorFlowIndex, readTensorFlowBundle, tensorFlowBundleFiles } from './tensorflowBundle.js';
import { checksumField, header, message, shapeOf, tableOf } from './testing/tensorflowBundle.js';
import { assertEqual, entryOf, fixtures, readMade } from './testing/tensorflowFixtures.js';

const kinds = path.join(fixtures, 'tf-kinds', 'kinds.ckpt.index');
const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-tensorflow-'));
after(() => rmSync(folder, { recursive: true, force: true }));

for (const [fixture, name] of [['tf-pretrained', 'bert_model.ckpt'], ['tf-finetuned', 'model.ckpt-17']] as const) {
  test(`${fixture}: names, shapes and every bit as converted from TensorFlow with numpy, without the optimizer's variables`, () => {
    const index = path.join(fixtures, fixture, `${name}.index`);
    const tensors = readTensorFlowBundle(index);
    assertEqual(tensors, readSafetensors(path.join(fixtures, fixture, 'expected.safetensors')));
    assert.ok(tensors.every(({ file }) => file === index));
    assert.deepEqual(tensorFlowBundleFiles(index), [index, path.join(fixtures, fixture, `${name}.data-00000-of-00001`)]);
  });
}

test('a checkpoint in two data files reads as one', () => {
  const index = path.join(fixtures, 'tf-sharded', 'model.ckpt-3.index');
  const expected = [...readSafetensors(path.join(fixtures, 'tf-pretrained', 'expected.safetensors'))].filter(([name]) => name.startsWith('bert.'));
  assertEqual(readTensorFlowBundle(index), new Map(expected));
  const prefix = path.join(fixtures, 'tf-sharded', 'model.ckpt-3');
  assert.deepEqual(tensorFlowBundleFiles(index), [index, `${prefix}.data-00000-of-00002`, `${prefix}.data-00001-of-00002`]);
});

test('every dtype of weights is read; other dtypes and partitioned variables are listed and refused by name', () => {
  const tensors = readTensorFlowBundle(kinds);
  const described = Object.fromEntries(tensors.map(({ name, entry }) => [name, `${entry.dtype} [${entry.shape.join(', ')}]`]));
  assert.deepEqual(described, {
    'bert/partitioned': 'F32 [6, 2]',
    brain: 'BF16 [3]',
    double: 'F64 [2]',
    empty: 'F32 [0, 5]',
    flag: 'DT_BOOL [2]',
    half: 'F16 [1, 3]',
    int: 'I32 [2, 1]',
    long: 'I64 []',
    text: 'DT_STRING [2]',
  });
  assert.deepEqual([...entryOf(tensors, 'half').data], [1, -2.5, 2 ** -24]);
  assert.deepEqual([...entryOf(tensors, 'brain').data], [1, -2, 3.140625]);
  assert.deepEqual([...new Float64Array(entryOf(tensors, 'double').bytes.buffer)], [0.1, -1e300]);
  assert.deepEqual([...new Int32Array(entryOf(tensors, 'int').bytes.buffer)], [7, -8]);
  assert.deepEqual([...new BigInt64Array(entryOf(tensors, 'long').bytes.buffer)], [-(2n ** 62n)]);
  assert.equal(entryOf(tensors, 'empty').data.length, 0);
  const refused: [string, RegExp][] = [
    ['bert/partitioned', /variable "bert\/partitioned" is partitioned; expected a tensor in one piece/],
    ['flag', /variable "flag" has dtype DT_BOOL; expected F32, F64/],
    ['text', /variable "text" has dtype DT_STRING; expected F32, F64/],
  ];
  for (const [name, expected] of refused) {
    const isRefusal = (error: unknown): boolean => error instanceof DataError && error.location?.file === kinds && expected.test(error.message);
    assert.throws(() => entryOf(tensors, name).bytes, isRefusal, name);
    assert.throws(() => entryOf(tensors, name).data, isRefusal, name);
  }
  assert.throws(() => entryOf(tensors, 'int').data, /variable "int" has dtype I32; expected F32, F16, BF16 or F64/);
});

test('kernels of every element size are transposed, bit by bit, in sizes that are no multiple of a block', () => {
  const index = path.join(folder, 'wide.index');
  const [rows, columns] = [37, 70];
  for (const [dtype, size] of [[1, 4], [2, 8], [14, 2]] as const) {
    const values = Uint8Array.from({ length: rows * columns * size }, (_, i) => (i * 7919) >> 5);
    const entry = Buffer.concat([message([1, dtype], [2, shapeOf(rows, columns)], [5, values.length]), checksumField(values)]);
    writeFileSync(index, tableOf([['', header()], ['bert/pooler/dense/kernel', entry]]));
    writeFileSync(path.join(folder, 'wide.data-00000-of-00001'), values);
    const { shape, bytes } = entryOf(readTensorFlowBundle(index), 'bert.pooler.dense.weight');
    assert.deepEqual(shape, [columns, rows]);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const [from, to] = [(row * columns + column) * size, (column * rows + row) * size];
        assert.deepEqual(bytes.subarray(to, to + size), values.subarray(from, from + size), `${size} bytes, ${row}, ${column}`);
      }
    }
  }
});

test('unknown fields are skipped, and a name that JavaScript uses itself is a name', () => {
  const values = Buffer.from(Float32Array.of(2.5).buffer);
  const unknown = Buffer.concat([message([100, 7], [101, Buffer.from('new')]), Buffer.from([0xf1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8]), Buffer.from([0xfd, 0x06, 1, 2, 3, 4])]);
  const entry = Buffer.concat([unknown, message([1, 1], [2, Buffer.concat([shapeOf(1), unknown])], [5, 4]), checksumField(values), unknown]);
  const tensors = readMade(folder, [['__proto__', entry], ['constructor', entry]], Buffer.concat([header(), unknown]));
  assert.deepEqual(tensors.map(({ name, entry: { shape, data } }) => [name, [...shape], [...data]]), [['__proto__', [1], [2.5]], ['constructor', [1], [2.5]]]);
});

test('the index of a directory is the one with data beside it: the published name, else the highest step', () => {
  const data = (prefix: string, count = '00001'): string => `${prefix}.data-00000-of-${count}`;
  const cases: [string[], string | undefined][] = [
    [['bert_config.json', data('bert_model.ckpt'), 'bert_model.ckpt.index', 'bert_model.ckpt.meta', 'vocab.txt'], 'bert_model.ckpt.index'],
    [[data('model.ckpt-343'), 'model.ckpt-343.index', data('model.ckpt-1000'), 'model.ckpt-1000.index', data('model.ckpt'), 'model.ckpt.index'], 'model.ckpt-1000.index'],
    [[data('bert_model.ckpt'), 'bert_model.ckpt.index', data('model.ckpt-9'), 'model.ckpt-9.index'], 'bert_model.ckpt.index'],
    [[data('variables', '00004'), 'variables.index'], 'variables.index'],
    [[data('b'), 'b.index', data('a'), 'a.index'], 'a.index'],
    [['model.ckpt-9.index', data('model.ckpt-8'), 'model.ckpt-8.index'], 'model.ckpt-8.index'],
    [['model.ckpt-9.index', data('model.ckpt-90')], 'model.ckpt-9.index'],
    [['words.index', data('words').slice(0, -1)], undefined],
    [['model.safetensors.index.json', 'model-00001-of-00002.safetensors'], undefined],
    [[], undefined],
  ];
  for (const [names, expected] of cases) assert.equal(findTensorFlowIndex(names), expected, names.join(' '));
});
