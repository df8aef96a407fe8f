/** Registers the backend 'native' with tfjs: every cpu kernel, and ours in the place of those that have to be fast. */
import * as tf from '@tensorflow/tfjs';
import type { NativeAddon } from './addon.js';
import { NativeBackend, type NativeBackendOptions, poolLimit } from './backend.js';
import { elementwiseKernels } from './kernels/elementwise.js';
import { layoutKernels } from './kernels/layout.js';
import { matMulKernels } from './kernels/matMul.js';
import type { NativeKernels } from './kernels/nativeKernel.js';
import { reduceKernels } from './kernels/reduce.js';
import { nativeBackendName } from './tensors.js';

/** Elements above which a JavaScript kernel is worth a line in the development log. */
const loggedElements = 10_000;
/** Kernels that only pass a buffer on. */
const free = new Set(['Identity', 'Reshape', 'ExpandDims']);

/** The kernels that the addon runs, by tfjs kernel name. */
export const nativeKernels: NativeKernels = new Map([...elementwiseKernels, ...reduceKernels, ...layoutKernels, ...matMulKernels]);

function elementsOf(infos: Iterable<tf.TensorInfo | null | undefined>): number {
  let most = 0;
  for (const info of infos) most = Math.max(most, info === undefined || info === null ? 0 : tf.util.sizeFromShape(info.shape));
  return most;
}

/** The cpu kernel with a line on stderr where it works on many elements. */
function logged(name: string, kernel: tf.KernelFunc): tf.KernelFunc {
  return (args) => {
    const result = kernel(args);
    const elements = elementsOf([...Object.values(args.inputs), ...[result].flat()]);
    if (elements > loggedElements) console.error(`bertwright: ${name} fell back to JavaScript with ${elements} elements`);
    return result;
  };
}

/**
 * Registers backend and kernels, once per process; `tf.setBackend('native')` makes it active. BERTWRIGHT_DEBUG_FALLBACK in the
 * environment logs large work left to JavaScript.
 */
export function registerNativeBackend(addon: NativeAddon, options: NativeBackendOptions = {}): void {
  if (tf.findBackendFactory(nativeBackendName) !== null) return;
  // Here, where its error reaches the caller: tfjs only logs one of the backend's constructor.
  poolLimit(process.env['BERTWRIGHT_POOL_LIMIT']);
  const log = (process.env['BERTWRIGHT_DEBUG_FALLBACK'] ?? '') !== '';
  for (const config of tf.getKernelsForBackend('cpu')) {
    const fallback = log && !free.has(config.kernelName) ? logged(config.kernelName, config.kernelFunc) : config.kernelFunc;
    const kernel = nativeKernels.get(config.kernelName);
    const kernelFunc: tf.KernelFunc =
      kernel === undefined
        ? fallback
        : ({ inputs, attrs, backend }) => {
            const result = kernel({ inputs, attrs: attrs ?? {}, backend: backend as NativeBackend });
            options.onKernel?.(config.kernelName, result !== undefined);
            return result ?? fallback(attrs === undefined ? { inputs, backend } : { inputs, attrs, backend });
          };
    tf.registerKernel({ ...config, backendName: nativeBackendName, kernelFunc });
  }
  tf.registerBackend(nativeBackendName, () => new NativeBackend(addon, options), 0);
}
