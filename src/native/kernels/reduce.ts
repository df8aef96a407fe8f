/** Sum, Mean, Max, Min over any axes, and Softmax. */
import * as tf from '@tensorflow/tfjs';
import { transpose } from './layout.js';
import { input, type NativeKernel, type NativeKernels, sizeOf } from './nativeKernel.js';
import { reduceCodes } from './opCodes.js';

/** Sizes of runs of neighbouring dimensions that are all reduced or all kept; dimensions of size 1 belong to any run. */
function runs(shape: readonly number[], reduced: readonly boolean[]): { readonly reduced: boolean; size: number }[] {
  const list: { readonly reduced: boolean; size: number }[] = [];
  shape.forEach((size, d) => {
    const last = list.at(-1);
    if (size === 1) return;
    if (last !== undefined && last.reduced === reduced[d]) last.size *= size;
    else list.push({ reduced: reduced[d] as boolean, size });
  });
  return list;
}

function reduceKernel(code: number, axisName: 'axis' | 'reductionIndices'): NativeKernel {
  return ({ inputs, attrs, backend }) => {
    const x = input(inputs, 'x');
    if (x.dtype !== 'float32' || sizeOf(x.shape) === 0) return undefined;
    const axes = tf.util.parseAxisParam(attrs[axisName] as number | number[], x.shape);
    const reduced = x.shape.map((_, d) => axes.includes(d));
    const [outShape] = tf.backend_util.computeOutAndReduceShapes(x.shape, axes);
    const shape = attrs['keepDims'] === true ? tf.backend_util.expandShapeToKeepDim(outShape, axes) : outShape;

    // [outer, mid, inner] with mid reduced, where the runs allow it; otherwise the reduced axes move to the end first.
    const list = runs(x.shape, reduced);
    const at = list.findIndex((run) => run.reduced);
    let source = x;
    let [outer, mid, inner] = [sizeOf(list.slice(0, at).map((run) => run.size)), list[at]?.size ?? 1, sizeOf(list.slice(at + 1).map((run) => run.size))];
    if (at < 0) [outer, mid, inner] = [sizeOf(x.shape), 1, 1];
    if (list.filter((run) => run.reduced).length > 1) {
      const kept = x.shape.map((_, d) => d).filter((d) => reduced[d] === false);
      source = transpose(backend, x, [...kept, ...axes]);
      [outer, mid, inner] = [sizeOf(outShape), sizeOf(x.shape) / sizeOf(outShape), 1];
    }
    const out = backend.makePooledOutput(shape, 'float32');
    backend.addon.reduce(code, backend.floatValues(source.dataId), out.values, outer, mid, inner);
    if (source !== x) backend.disposeIntermediateTensorInfo(source);
    return out;
  };
}

const softmax: NativeKernel = ({ inputs, attrs, backend }) => {
  const logits = input(inputs, 'logits');
  const rank = logits.shape.length;
  const dim = attrs['dim'] as number;
  if (logits.dtype !== 'float32' || rank === 0 || (dim !== -1 && dim !== rank - 1)) return undefined;
  const cols = logits.shape[rank - 1] as number;
  const out = backend.makePooledOutput(logits.shape, 'float32');
  backend.addon.softmax(backend.floatValues(logits.dataId), out.values, sizeOf(logits.shape.slice(0, -1)), cols);
  return out;
};

export const reduceKernels: NativeKernels = new Map<string, NativeKernel>([
  ['Sum', reduceKernel(reduceCodes.Sum, 'axis')],
  ['Mean', reduceKernel(reduceCodes.Mean, 'axis')],
  ['Max', reduceKernel(reduceCodes.Max, 'reductionIndices')],
  ['Min', reduceKernel(reduceCodes.Min, 'axis')],
  ['Softmax', softmax],
]);
