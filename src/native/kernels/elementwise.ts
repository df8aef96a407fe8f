/** Binary kernels with broadcasting, unary kernels, casts and constant tensors on float32. */
import * as tf from '@tensorflow/tfjs';
import type { NativeBackend } from '../backend.js';
import { broadcastStrides, collapse, input, type NativeKernel, type NativeKernels, sizeOf } from './nativeKernel.js';
import { binaryCodes, unaryCodes } from './opCodes.js';

/** The addon's limit of dimensions that cannot be merged. */
const maximumRank = 8;

/** a op b over their broadcast shape, or undefined where the addon does not serve (no elements, too many dimensions). */
export function binary(backend: NativeBackend, code: number, a: tf.TensorInfo, b: tf.TensorInfo): tf.TensorInfo | undefined {
  const outShape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
  if (sizeOf(outShape) === 0) return undefined;
  const { dims, strides } = collapse({ dims: outShape, strides: [broadcastStrides(a.shape, outShape), broadcastStrides(b.shape, outShape)] });
  if (dims.length > maximumRank) return undefined;
  const out = backend.makePooledOutput(outShape, 'float32');
  backend.addon.binary(
    code, backend.floatValues(a.dataId), backend.floatValues(b.dataId), out.values,
    Int32Array.from(dims), Int32Array.from(strides[0] as number[]), Int32Array.from(strides[1] as number[]),
  );
  return out;
}

export function unary(backend: NativeBackend, code: number, x: tf.TensorInfo): tf.TensorInfo {
  const out = backend.makePooledOutput(x.shape, 'float32');
  backend.addon.unary(code, backend.floatValues(x.dataId), out.values, out.values.length);
  return out;
}

function binaryKernel(code: number): NativeKernel {
  return ({ inputs, backend }) => {
    const [a, b] = [input(inputs, 'a'), input(inputs, 'b')];
    return a.dtype === 'float32' && b.dtype === 'float32' ? binary(backend, code, a, b) : undefined;
  };
}

function unaryKernel(code: number): NativeKernel {
  return ({ inputs, backend }) => {
    const x = input(inputs, 'x');
    return x.dtype === 'float32' ? unary(backend, code, x) : undefined;
  };
}

function constant(backend: NativeBackend, shape: readonly number[], value: number): tf.TensorInfo {
  const out = backend.makePooledOutput(shape, 'float32');
  out.values.fill(value);
  return out;
}

const cast: NativeKernel = ({ inputs, attrs, backend }) => {
  const x = input(inputs, 'x');
  const dtype = attrs['dtype'];
  if ((x.dtype === 'int32' || x.dtype === 'bool') && dtype === 'float32') {
    const out = backend.makePooledOutput(x.shape, 'float32');
    out.values.set(backend.data.get(x.dataId).values as tf.TypedArray);
    return out;
  }
  // As Int32Array.from: towards zero, NaN to 0.
  if (x.dtype === 'float32' && dtype === 'int32') return backend.makeTensorInfo(x.shape, 'int32', new Int32Array(backend.floatValues(x.dataId)));
  return undefined;
};

const fill: NativeKernel = ({ attrs, backend }) => {
  const { shape, value, dtype } = attrs as { shape: number[]; value: number | string; dtype?: tf.DataType };
  return typeof value === 'number' && (dtype ?? 'float32') === 'float32' ? constant(backend, shape, value) : undefined;
};

function likeKernel(value: number): NativeKernel {
  return ({ inputs, backend }) => {
    const x = input(inputs, 'x');
    return x.dtype === 'float32' ? constant(backend, x.shape, value) : undefined;
  };
}

export const elementwiseKernels: NativeKernels = new Map<string, NativeKernel>([
  ...Object.entries(binaryCodes).map(([name, code]) => [name, binaryKernel(code)] as const),
  ...Object.entries(unaryCodes).map(([name, code]) => [name, unaryKernel(code)] as const),
  ['Cast', cast],
  ['Fill', fill],
  ['ZerosLike', likeKernel(0)],
  ['OnesLike', likeKernel(1)],
]);
