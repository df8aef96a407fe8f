/** The bridge between tfjs tensors and the addon's typed arrays. All functions are for the moment when the native backend is active. */
import * as tf from '@tensorflow/tfjs';
import type { NativeAddon } from './addon.js';
import type { NativeBackend } from './backend.js';

/** Name under which the backend is registered with tfjs. */
export const nativeBackendName = 'native';

/** Whether tensors live in the native backend right now. */
export function nativeActive(): boolean {
  return tf.getBackend() === nativeBackendName;
}

/** The active native backend; throws where another backend is active. */
export function nativeBackend(): NativeBackend {
  if (!nativeActive()) throw new Error(`the active tfjs backend is "${tf.getBackend()}", not "${nativeBackendName}"`);
  return tf.backend() as NativeBackend;
}

/** The addon of the active native backend. */
export function addon(): NativeAddon {
  return nativeBackend().addon;
}

/**
 * The backend's own values of a float32 tensor, without a copy: read or (for variables that are updated in place) write them
 * within the call only, since the buffer returns to the pool when the tensor is disposed. A TypeError for a disposed tensor.
 */
export function valuesOf(tensor: tf.Tensor): Float32Array {
  if (tensor.isDisposed) throw new TypeError(`a tensor [${tensor.shape.join(', ')}] is used after its disposal`);
  return nativeBackend().floatValues(tensor.dataId);
}

/** A new float32 tensor with a pooled buffer that holds anything unless `zero` is set. It belongs to the current tidy. */
export function allocate(shape: readonly number[], options: { zero?: boolean } = {}): { readonly tensor: tf.Tensor; readonly values: Float32Array } {
  const info = nativeBackend().makePooledOutput(shape, 'float32', options.zero === true);
  const tensor = tf.engine().makeTensorFromDataId(info.dataId, [...shape], 'float32');
  return { tensor, values: info.values as Float32Array };
}
