/** Starts our C++ backend. */
import * as tf from '@tensorflow/tfjs';
import { loadAddon } from '../native/loadAddon.js';
import { registerNativeBackend } from '../native/registerBackend.js';
import { nativeBackendName } from '../native/tensors.js';

/** Makes native the active backend; throws an Error that says why there is no addon and what to do. */
export async function startNative(): Promise<void> {
  const result = await loadAddon();
  if (result.addon === undefined) throw new Error(`${result.why}. ${result.hint}`);
  registerNativeBackend(result.addon);
  if (!(await tf.setBackend(nativeBackendName))) throw new Error('the native backend did not start');
}
