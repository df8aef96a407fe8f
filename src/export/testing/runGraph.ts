/** Runs a decoded ONNX graph in plain TensorFlow.js: each operator as its specification says, for tests. int64 tensors are int32 here. */
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';
import type { DecodedModel, DecodedNode } from './decodeOnnx.js';

type Operator = (inputs: readonly tf.Tensor[], attributes: DecodedNode['attributes']) => tf.Tensor;

const integers = (tensor: tf.Tensor | undefined): number[] => [...(tensor?.dataSync() ?? [])];

function axisOf(attributes: DecodedNode['attributes'], fallback: number): number {
  const axis = attributes.get('axis');
  return typeof axis === 'number' ? axis : fallback;
}

function listOf(attributes: DecodedNode['attributes'], name: string): number[] {
  const list = attributes.get(name);
  assert.ok(typeof list === 'object', name);
  return [...list];
}

/** NumPy's product: the last two axes are matrices, those before are broadcast. */
function matMul(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const [rows = 0, inner = 0] = a.shape.slice(-2);
  const cols = b.shape.at(-1) ?? 0;
  if (b.rank > 2) return tf.matMul(a, b);
  return tf.matMul(a.reshape([-1, inner]), b as tf.Tensor2D).reshape([...a.shape.slice(0, -2), rows, cols]);
}

const binary = (compute: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Operator => {
  return ([a, b]) => compute(a as tf.Tensor, b as tf.Tensor);
};
const unary = (compute: (x: tf.Tensor) => tf.Tensor): Operator => {
  return ([x]) => compute(x as tf.Tensor);
};

const operators: Readonly<Record<string, Operator>> = {
  Add: binary(tf.add),
  Sub: binary(tf.sub),
  Mul: binary(tf.mul),
  Div: binary(tf.div),
  Pow: binary(tf.pow),
  MatMul: binary(matMul),
  Erf: unary(tf.erf),
  Tanh: unary(tf.tanh),
  Relu: unary(tf.relu),
  Shape: unary((x) => tf.tensor1d(x.shape, 'int32')),
  Softmax: ([x], attributes) => tf.softmax(x as tf.Tensor, axisOf(attributes, -1)),
  Gather: ([data, indices], attributes) => tf.gather(data as tf.Tensor, (indices as tf.Tensor).toInt() as tf.Tensor1D, axisOf(attributes, 0)),
  Transpose: ([x], attributes) => tf.transpose(x as tf.Tensor, listOf(attributes, 'perm')),
  Cast: ([x], attributes) => {
    assert.equal(attributes.get('to'), 1);
    return (x as tf.Tensor).toFloat();
  },
  Unsqueeze: ([x, axes]) => {
    assert.equal(axes?.size, 1);
    return tf.expandDims(x as tf.Tensor, integers(axes)[0]);
  },
  Reshape: ([x, shape]) => (x as tf.Tensor).reshape(integers(shape).map((size, i) => (size === 0 ? (x?.shape[i] ?? 0) : size))),
  Slice: ([x, starts, ends, axes]) => {
    const data = x as tf.Tensor;
    const begin = data.shape.map(() => 0);
    const size = [...data.shape];
    const listed = axes === undefined ? integers(starts).map((_, i) => i) : integers(axes);
    listed.forEach((axis, i) => {
      const start = integers(starts)[i] ?? 0;
      begin[axis] = start;
      size[axis] = Math.min(integers(ends)[i] ?? 0, data.shape[axis] ?? 0) - start;
    });
    return tf.slice(data, begin, size);
  },
  LayerNormalization: ([x, scale, bias], attributes) => {
    const { mean, variance } = tf.moments(x as tf.Tensor, axisOf(attributes, -1), true);
    const epsilon = attributes.get('epsilon');
    assert.ok(typeof epsilon === 'number');
    return tf.sub(x as tf.Tensor, mean).mul(tf.rsqrt(variance.add(epsilon))).mul(scale as tf.Tensor).add(bias as tf.Tensor);
  },
};

/**
 * The outputs of a graph by name, row-major.
 * @param feeds integers by the names of the inputs, [rows, columns]
 */
export function runGraph(model: DecodedModel, feeds: Readonly<Record<string, readonly (readonly number[])[]>>): Record<string, { readonly shape: readonly number[]; readonly values: Float32Array }> {
  const outputs: Record<string, { readonly shape: readonly number[]; readonly values: Float32Array }> = {};
  tf.tidy(() => {
    const values = new Map<string, tf.Tensor>(Object.entries(feeds).map(([name, rows]) => [name, tf.tensor2d(rows.map((row) => [...row]), undefined, 'int32')]));
    for (const { name, shape, dataType, values: numbers } of model.initializers.values()) values.set(name, tf.tensor([...numbers], [...shape], dataType === 1 ? 'float32' : 'int32'));
    for (const { opType, name, inputs, outputs: names, attributes } of model.nodes) {
      const operator = operators[opType];
      assert.ok(operator !== undefined, `${opType} of ${name}`);
      const known = inputs.map((input) => {
        const tensor = values.get(input);
        assert.ok(tensor !== undefined, `${name} reads ${input} before it is computed`);
        return tensor;
      });
      const [output] = names;
      assert.ok(output !== undefined && names.length === 1 && !values.has(output), `${name} writes one new value`);
      values.set(output, operator(known, attributes));
    }
    for (const { name } of model.outputs) {
      const tensor = values.get(name);
      assert.ok(tensor !== undefined, `output ${name}`);
      outputs[name] = { shape: tensor.shape, values: tensor.dataSync<'float32'>().slice() };
    }
  });
  return outputs;
}
