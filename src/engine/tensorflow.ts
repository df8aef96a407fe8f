/** Starts an installed @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu; both are optional and registered as backend "tensorflow". */
import * as tf from '@tensorflow/tfjs';

const packages = { tensorflow: '@tensorflow/tfjs-node', gpu: '@tensorflow/tfjs-node-gpu' } as const;

/** The parts of the package that are used here. */
interface TfjsNodeBackend {
  readonly isUsingGpuDevice?: boolean;
}

/**
 * Loads the package and makes its backend active. Throws an Error that says why it does not serve: not installed, its binding does not
 * load, or, for `gpu`, no GPU device is used (without CUDA the package silently computes on the CPU).
 */
export async function startTensorflow(engine: 'tensorflow' | 'gpu'): Promise<void> {
  const name = packages[engine];
  try {
    await import(name);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ERR_MODULE_NOT_FOUND') throw new Error(`${name} is not installed`, { cause });
    throw new Error(`${name} is installed but does not load: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`, { cause });
  }
  if (!(await tf.setBackend('tensorflow'))) throw new Error(`${name} did not register its backend`);
  if (engine === 'gpu' && (tf.backend() as TfjsNodeBackend).isUsingGpuDevice !== true) throw new Error(`${name} runs without a GPU device`);
}
