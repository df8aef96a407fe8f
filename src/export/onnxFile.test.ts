import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { UsageError } from '../data/errors.js';
import { writeOnnxFile } from './onnxFile.js';
import { OnnxGraphBuilder } from './onnxGraph.js';
import { decodeOnnx } from './testing/decodeOnnx.js';

const folder = mkdtempSync(path.join(tmpdir(), 'bertwright-onnx-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('what is written reads back: nodes, attributes, constants, weights as they are and transposed, inputs and outputs', () => {
  const weights = new Map([['dense.weight', { shape: [2, 3], values: () => Float32Array.of(1, 2, 3, 4, 5, 6) }]]);
  const graph = new OnnxGraphBuilder(weights);
  const x = graph.input({ name: 'x', type: 'int64', shape: ['batch', 3] });
  const product = graph.node('MatMul', [x, graph.transposedWeight('dense.weight')], 'dense');
  const again = graph.node('MatMul', [product, graph.weight('dense.weight')], 'dense');
  const result = graph.node('Softmax', [again], 'dense', { axis: { int: -1 }, alpha: { float: 0.25 }, perm: { ints: [2, 0, -1] } });
  graph.node('Add', [result, graph.scalar(0.5)], 'dense');
  graph.node('Gather', [result, graph.integer(-7)], 'dense');
  graph.node('Reshape', [result, graph.integers(0, -1)], 'dense');
  graph.output(result, { name: 'y', type: 'float', shape: ['batch', 3] });

  const file = path.join(folder, 'made', 'model.onnx');
  const size = writeOnnxFile(file, graph.build('Tiny'));
  const bytes = readFileSync(file);
  assert.equal(size, bytes.byteLength);
  const model = decodeOnnx(bytes);
  assert.deepEqual([model.irVersion, model.opsets, model.name], [8, [['', 17]], 'Tiny']);
  assert.deepEqual(model.inputs, [{ name: 'x', dataType: 7, shape: ['batch', 3] }]);
  assert.deepEqual(model.outputs, [{ name: 'y', dataType: 1, shape: ['batch', 3] }]);
  assert.deepEqual(model.nodes[1], { opType: 'MatMul', name: 'dense/MatMul_1', inputs: ['dense/MatMul_output', 'dense.weight'], outputs: ['dense/MatMul_1_output'], attributes: new Map() });
  // An output of the graph has its outer name wherever it is read.
  assert.deepEqual(model.nodes[2], { opType: 'Softmax', name: 'dense/Softmax', inputs: ['dense/MatMul_1_output'], outputs: ['y'], attributes: new Map<string, unknown>([['axis', -1], ['alpha', 0.25], ['perm', [2, 0, -1]]]) });
  assert.deepEqual(model.nodes[3]?.inputs, ['y', 'constant.0.5']);
  assert.deepEqual([...model.initializers.values()].map(({ shape, dataType, values }) => [shape, dataType, values]), [
    [[3, 2], 1, [1, 4, 2, 5, 3, 6]],
    [[2, 3], 1, [1, 2, 3, 4, 5, 6]],
    [[], 1, [0.5]],
    [[], 7, [-7]],
    [[2], 7, [0, -1]],
  ]);
});

test('a transposed matrix that is no multiple of a block', () => {
  const [rows, cols] = [67, 33];
  const graph = new OnnxGraphBuilder(new Map([['w', { shape: [rows, cols], values: () => Float32Array.from({ length: rows * cols }, (_, i) => i) }]]));
  graph.transposedWeight('w');
  const values = graph.build('').initializers[0]?.values();
  assert.ok(values !== undefined && values.length === rows * cols);
  for (let row = 0; row < rows; row++) for (let col = 0; col < cols; col++) assert.equal(values[col * rows + row], row * cols + col);
});

test('a model of 2 GiB or more is refused before anything is written or even read', () => {
  const graph = new OnnxGraphBuilder(new Map([['w', { shape: [2 ** 19, 2 ** 10], values: () => assert.fail('read') }]]));
  graph.weight('w');
  const file = path.join(folder, 'large', 'model.onnx');
  assert.throws(() => writeOnnxFile(file, graph.build('Large')), (error) => error instanceof UsageError && /would have 21474\d+ bytes; an ONNX file has at most 2147483647/.test(error.message));
  assert.ok(!existsSync(path.dirname(file)));
});
