/** Kernels that move elements: Transpose, Slice, SplitV, Tile, Concat, Pack, GatherV2; and UnsortedSegmentSum. */
import * as tf from '@tensorflow/tfjs';
import type { NativeBackend } from '../backend.js';
import { collapse, input, type NativeKernel, type NativeKernels, type StridedWalk, sizeOf, stridesOf } from './nativeKernel.js';

/** The addon's limit of dimensions that cannot be merged. */
const maximumRank = 12;

/** The 4-byte elements of a float32 or int32 tensor, as the float32 array that the moving kernels take. */
function wordsOf(backend: NativeBackend, x: tf.TensorInfo): Float32Array {
  if (x.dtype === 'float32') return backend.floatValues(x.dataId);
  const values = backend.intValues(x.dataId);
  return new Float32Array(values.buffer, values.byteOffset, values.length);
}

/** A new tensor of the type and its elements as float32 words. */
function wordOutput(backend: NativeBackend, shape: readonly number[], dtype: 'float32' | 'int32'): { readonly info: tf.TensorInfo; readonly words: Float32Array } {
  if (dtype === 'float32') {
    const out = backend.makePooledOutput(shape, 'float32');
    return { info: out, words: out.values };
  }
  const values = new Int32Array(sizeOf(shape));
  return { info: backend.makeTensorInfo([...shape], 'int32', values), words: new Float32Array(values.buffer) };
}

function isWords(dtype: tf.DataType): dtype is 'float32' | 'int32' {
  return dtype === 'float32' || dtype === 'int32';
}

/** A tensor of `shape` whose elements are x's from `offset` along the walk; undefined where the addon does not serve. */
function copyStrided(backend: NativeBackend, x: tf.TensorInfo, shape: readonly number[], walk: StridedWalk, offset = 0): tf.TensorInfo | undefined {
  if (!isWords(x.dtype) || sizeOf(shape) === 0) return undefined;
  const { dims, strides } = collapse(walk);
  if (dims.length > maximumRank) return undefined;
  const out = wordOutput(backend, shape, x.dtype);
  backend.addon.copyStrided(wordsOf(backend, x), out.words, offset, Int32Array.from(dims), Int32Array.from(strides[0] as number[]));
  return out.info;
}

function transposed(backend: NativeBackend, x: tf.TensorInfo, perm: readonly number[]): tf.TensorInfo | undefined {
  const shape = perm.map((d) => x.shape[d] as number);
  const strides = stridesOf(x.shape);
  return copyStrided(backend, x, shape, { dims: shape, strides: [perm.map((d) => strides[d] as number)] });
}

/** x of at most 12 dimensions, none empty, with its dimensions in the order of `perm`. */
export function transpose(backend: NativeBackend, x: tf.TensorInfo, perm: readonly number[]): tf.TensorInfo {
  const result = transposed(backend, x, perm);
  if (result === undefined) throw new Error(`transpose: a ${x.dtype} tensor of shape [${x.shape.join(', ')}] is not supported`);
  return result;
}

/** x[begin, begin + size): a view where its elements are neighbours, else a copy. */
function sliced(backend: NativeBackend, x: tf.TensorInfo, begin: number[], size: number[]): tf.TensorInfo | undefined {
  if (!isWords(x.dtype) || sizeOf(size) === 0) return undefined;
  const strides = stridesOf(x.shape);
  const offset = begin.reduce((sum, index, d) => sum + index * (strides[d] as number), 0);
  if (tf.slice_util.isSliceContinous(x.shape, begin, size)) {
    const values = x.dtype === 'float32' ? backend.floatValues(x.dataId) : backend.intValues(x.dataId);
    return backend.makeTensorInfo(size, x.dtype, values.subarray(offset, offset + sizeOf(size)));
  }
  return copyStrided(backend, x, size, { dims: size, strides: [strides] }, offset);
}

const slice: NativeKernel = ({ inputs, attrs, backend }) => {
  const x = input(inputs, 'x');
  const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attrs['begin'] as number | number[], attrs['size'] as number | number[]) as [number[], number[]];
  tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size);
  return sliced(backend, x, begin, size);
};

const splitV: NativeKernel = ({ inputs, attrs, backend }) => {
  const x = input(inputs, 'x');
  const axis = tf.util.parseAxisParam(attrs['axis'] as number, x.shape)[0] as number;
  const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs['numOrSizeSplits'] as number | number[], axis);
  if (!isWords(x.dtype) || sizeOf(x.shape) === 0 || sizes.includes(0)) return undefined;
  const begin = x.shape.map(() => 0);
  return sizes.map((part) => {
    const size = x.shape.map((whole, d) => (d === axis ? part : whole));
    const result = sliced(backend, x, [...begin], size);
    begin[axis] = (begin[axis] as number) + part;
    if (result === undefined) throw new Error(`split: a tensor of shape [${x.shape.join(', ')}] is not supported`);
    return result;
  });
};

const tile: NativeKernel = ({ inputs, attrs, backend }) => {
  const x = input(inputs, 'x');
  const reps = attrs['reps'] as number[];
  const strides = stridesOf(x.shape);
  const shape = x.shape.map((size, d) => size * (reps[d] as number));
  // Each dimension becomes [repetitions, size], the first of which does not move in x.
  const dims = x.shape.flatMap((size, d) => [reps[d] as number, size]);
  return copyStrided(backend, x, shape, { dims, strides: [x.shape.flatMap((_, d) => [0, strides[d] as number])] });
};

/** Joins tensors whose elements lie as [outer, width of each]. */
function joined(backend: NativeBackend, inputs: readonly tf.TensorInfo[], shape: readonly number[], outer: number): tf.TensorInfo | undefined {
  const dtype = (inputs[0] as tf.TensorInfo).dtype;
  if (!isWords(dtype) || sizeOf(shape) === 0 || inputs.some((x) => x.dtype !== dtype)) return undefined;
  const out = wordOutput(backend, shape, dtype);
  backend.addon.concatenate(inputs.map((x) => wordsOf(backend, x)), Int32Array.from(inputs, (x) => sizeOf(x.shape) / outer), out.words, outer);
  return out.info;
}

const concat: NativeKernel = ({ inputs, attrs, backend }) => {
  const list = inputs as unknown as tf.TensorInfo[];
  const axis = tf.util.parseAxisParam(attrs['axis'] as number, (list[0] as tf.TensorInfo).shape)[0] as number;
  const shapes = list.map((x) => x.shape);
  tf.backend_util.assertParamsConsistent(shapes, axis);
  const shape = tf.backend_util.computeOutShape(shapes, axis);
  return joined(backend, list, shape, sizeOf(shape.slice(0, axis)));
};

const pack: NativeKernel = ({ inputs, attrs, backend }) => {
  const list = inputs as unknown as tf.TensorInfo[];
  const first = list[0] as tf.TensorInfo;
  if (list.some((x) => !tf.util.arraysEqual(x.shape, first.shape))) return undefined;
  const given = attrs['axis'] as number;
  const axis = given < 0 ? given + first.shape.length + 1 : given;
  const outer = first.shape.slice(0, axis);
  return joined(backend, list, [...outer, list.length, ...first.shape.slice(axis)], sizeOf(outer));
};

const gatherV2: NativeKernel = ({ inputs, attrs, backend }) => {
  const [x, indices] = [input(inputs, 'x'), input(inputs, 'indices')];
  if (!isWords(x.dtype) || sizeOf(x.shape) === 0 || sizeOf(indices.shape) === 0) return undefined;
  const axis = tf.util.parseAxisParam(attrs['axis'] as number, x.shape)[0] as number;
  const batchDims = (attrs['batchDims'] as number | undefined) ?? 0;
  const info = tf.backend_util.segment_util.collectGatherOpShapeInfo(x, indices, axis, batchDims);
  const rows = backend.intValues(indices.dataId);
  const bad = rows.find((row) => row < 0 || row >= info.dimSize);
  // In the words of the cpu kernel; the addon checks again before it touches memory.
  if (bad !== undefined) throw new RangeError(`GatherV2: the index value ${bad} is not in [0, ${info.dimSize - 1}]`);
  const out = wordOutput(backend, info.outputShape, x.dtype);
  const picks = sizeOf(indices.shape) / info.batchSize;
  backend.addon.gather(wordsOf(backend, x), rows, out.words, info.batchSize, info.outerSize, info.dimSize, picks, info.sliceSize);
  return out.info;
};

const unsortedSegmentSum: NativeKernel = ({ inputs, attrs, backend }) => {
  const [x, segmentIds] = [input(inputs, 'x'), input(inputs, 'segmentIds')];
  if (x.dtype !== 'float32' || segmentIds.shape.length !== 1 || sizeOf(x.shape) === 0) return undefined;
  const segments = attrs['numSegments'] as number;
  const [count, ...rest] = x.shape as [number, ...number[]];
  const out = backend.makePooledOutput([segments, ...rest], 'float32');
  backend.addon.segmentSum(backend.floatValues(x.dataId), backend.intValues(segmentIds.dataId), out.values, count, sizeOf(rest), segments);
  return out;
};

export const layoutKernels: NativeKernels = new Map<string, NativeKernel>([
  ['Transpose', ({ inputs, attrs, backend }) => transposed(backend, input(inputs, 'x'), attrs['perm'] as number[])],
  ['Slice', slice],
  ['SplitV', splitV],
  ['Tile', tile],
  ['Concat', concat],
  ['Pack', pack],
  ['GatherV2', gatherV2],
  ['UnsortedSegmentSum', unsortedSegmentSum],
]);
