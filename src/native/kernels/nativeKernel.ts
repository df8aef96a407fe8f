/** What the generic kernels share: their type and the shape arithmetic between tfjs and the addon. */
import type * as tf from '@tensorflow/tfjs';
import type { NativeBackend } from '../backend.js';

/** `inputs` of a kernel with a list of tensors (Concat, Pack) is that list. */
export interface NativeKernelArgs {
  readonly inputs: tf.NamedTensorInfoMap;
  readonly attrs: tf.NamedAttrMap | Record<string, unknown>;
  readonly backend: NativeBackend;
}

/** Gives undefined where the cpu kernel has to do it: other types, empty tensors, rare shapes. */
export type NativeKernel = (args: NativeKernelArgs) => tf.TensorInfo | tf.TensorInfo[] | undefined;

export type NativeKernels = ReadonlyMap<string, NativeKernel>;

/** An input that the kernel always has. */
export function input(inputs: tf.NamedTensorInfoMap, name: string): tf.TensorInfo {
  const info = inputs[name];
  if (info === undefined || info === null) throw new Error(`the kernel lacks its input "${name}"`);
  return info;
}

export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Row-major strides of every dimension, the last one's (1) included. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= shape[d] as number;
  }
  return strides;
}

/** A walk over `dims` with one stride per dimension for each of several arrays. */
export interface StridedWalk {
  readonly dims: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** The same walk in as few dimensions as can be: those of size 1 go, neighbours that every array passes through evenly merge. */
export function collapse(walk: StridedWalk): StridedWalk {
  const dims: number[] = [];
  const strides: number[][] = walk.strides.map(() => []);
  for (let d = walk.dims.length - 1; d >= 0; d--) {
    const size = walk.dims[d] as number;
    if (size === 1) continue;
    const own = walk.strides.map((list) => list[d] as number);
    const inner = dims[0];
    if (inner !== undefined && own.every((stride, i) => stride === (strides[i]?.[0] as number) * inner)) {
      dims[0] = inner * size;
    } else {
      dims.unshift(size);
      own.forEach((stride, i) => { strides[i]?.unshift(stride); });
    }
  }
  if (dims.length === 0) {
    dims.push(1);
    for (const list of strides) list.push(1);
  }
  return { dims, strides };
}

/** Strides of an operand of shape `shape` as it is repeated over `outShape` (aligned at the last dimension): 0 where it repeats. */
export function broadcastStrides(shape: readonly number[], outShape: readonly number[]): number[] {
  const own = stridesOf(shape);
  const missing = outShape.length - shape.length;
  return outShape.map((_, d) => (d < missing || shape[d - missing] === 1 ? 0 : (own[d - missing] as number)));
}
