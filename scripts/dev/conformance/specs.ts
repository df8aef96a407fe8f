/**
 * tfjs-core's specs for one backend, as jasmine definitions. bundle.ts packs this module with its dependencies into one file:
 * the specs are written for a bundler (imports without file endings) and must share one copy of tfjs-core with the backend.
 */
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import type { NativeAddon } from '../../../src/native/addon.js';
import { nativeKernels, registerNativeBackend } from '../../../src/native/registerBackend.js';

export interface SpecsOptions {
  readonly backend: 'native' | 'cpu';
  readonly addon: NativeAddon;
  /** As the backend's option of that name. */
  readonly checkPool: boolean;
  readonly onKernel: (name: string, native: boolean) => void;
}

/** Registers the backend and defines every spec with jasmine's globals. Gives the names of the native kernels. */
export async function defineSpecs({ backend, addon, checkPool, onKernel }: SpecsOptions): Promise<string[]> {
  registerNativeBackend(addon, { checkPool, onKernel });
  setTestEnvs([{ name: backend, backendName: backend, flags: {}, isDataSync: true }]);
  // Only now: the specs' modules define them for the environments set by then.
  await import('@tensorflow/tfjs-core/dist/tests.js');
  return [...nativeKernels.keys()];
}
