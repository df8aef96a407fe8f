/** Starts TensorFlow.js' WebAssembly backend in Node. It computes on one thread there. */
import { createRequire } from 'node:module';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';

/** What kernels use of the wasm backend. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(info: tf.TensorInfo): tf.TypedArray;
}

/**
 * The one kernel on the way of a training step that the wasm backend lacks: the gradient of tf.gather.
 * out[ids[i], :] += x[i, :] for 1-D ids, ids outside ignored.
 */
const unsortedSegmentSum: tf.KernelConfig = {
  kernelName: 'UnsortedSegmentSum',
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs, backend }) => {
    const wasm = backend as WasmBackend;
    const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
    if (segmentIds.shape.length !== 1) throw new Error(`UnsortedSegmentSum: the wasm engine takes segment ids of one dimension, found ${segmentIds.shape.length}`);
    const segments = attrs?.['numSegments'] as number;
    const [count = 0, ...rest] = x.shape;
    const inner = tf.util.sizeFromShape(rest);
    const out = wasm.makeOutput([segments, ...rest], x.dtype);
    if (tf.util.sizeFromShape(out.shape) === 0) return out;
    // Making the output may have moved the heap, so that the views are taken after it.
    const sums = wasm.typedArrayFromHeap(out).fill(0);
    if (tf.util.sizeFromShape(x.shape) === 0) return out;
    const values = wasm.typedArrayFromHeap(x);
    const ids = wasm.typedArrayFromHeap(segmentIds);
    for (let i = 0; i < count; i++) {
      const segment = ids[i] as number;
      if (segment < 0 || segment >= segments) continue;
      for (let c = 0; c < inner; c++) {
        const at = segment * inner + c;
        sums[at] = (sums[at] as number) + (values[i * inner + c] as number);
      }
    }
    return out;
  },
};

/** Makes wasm the active backend; throws where WebAssembly cannot be started. */
export async function startWasm(): Promise<void> {
  const require = createRequire(import.meta.url);
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${path.join(path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist')}${path.sep}`);
  if (tf.getKernel(unsortedSegmentSum.kernelName, 'wasm') === undefined) tf.registerKernel(unsortedSegmentSum);
  if (!(await tf.setBackend('wasm'))) throw new Error('the WebAssembly backend did not start');
}
