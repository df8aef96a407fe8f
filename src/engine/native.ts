/** Starts our C++ backend. BERTWRIGHT_ISA in the environment forces a lower instruction set than the processor's best. */
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../data/errors.js';
import { didYouMean } from '../data/nearMatch.js';
import type { NativeAddon } from '../native/addon.js';
import { loadAddon } from '../native/loadAddon.js';
import { registerNativeBackend } from '../native/registerBackend.js';
import { nativeBackendName } from '../native/tensors.js';

/** Makes native the active backend; throws an Error that says why there is no addon and what to do, a UsageError for a wrong BERTWRIGHT_ISA. */
export async function startNative(): Promise<void> {
  const result = await loadAddon();
  if (result.addon === undefined) throw new Error(`${result.why}. ${result.hint}`);
  forceIsa(result.addon, process.env['BERTWRIGHT_ISA'] ?? '');
  registerNativeBackend(result.addon);
  if (!(await tf.setBackend(nativeBackendName))) throw new Error('the native backend did not start');
}

function forceIsa(addon: NativeAddon, name: string): void {
  if (name === '') return;
  const { available } = addon.info();
  if (!available.includes(name)) {
    throw new UsageError(`BERTWRIGHT_ISA: this processor and build have no instruction set "${name}".${didYouMean(name, available)}`, { hint: `choices here: ${available.join(', ')}` });
  }
  addon.setIsa(name);
}
