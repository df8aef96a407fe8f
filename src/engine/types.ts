/** What the engine layer tells and takes. */

/** The engines: our C++ backend, TensorFlow on a GPU, TensorFlow on the CPU, WebAssembly, plain JavaScript. */
export const engineNames = ['native', 'gpu', 'tensorflow', 'wasm', 'cpu'] as const;
export type EngineName = (typeof engineNames)[number];
/** `auto` takes the best that works. */
export type EngineChoice = EngineName | 'auto';

export type MatmulPrecision = 'highest' | 'bf16';

export interface EngineOptions {
  /** Threads of the native engine, 1 to 256; default: see threads.ts. */
  readonly threads?: number | undefined;
  /** `auto` means `highest` here; a training command resolves it with `resolveMatmulPrecision`. */
  readonly matmulPrecision?: MatmulPrecision | 'auto' | undefined;
}

export interface EngineInfo {
  readonly engine: EngineName;
  /** Why this one was taken. */
  readonly reason: string;
  /** Better engines that were not taken. */
  readonly notTaken: readonly { readonly engine: EngineName; readonly why: string }[];
  /** Instruction set of the native engine. */
  readonly isa: string | undefined;
  readonly threads: number;
  /** How the number of threads came about. */
  readonly threadsReason: string;
  readonly matmulPrecision: MatmulPrecision;
  /** Whether bf16 matrix products are faster here than float32's. */
  readonly fastBf16: boolean;
  /** Whether bf16 matrix products are possible here. */
  readonly hasBf16: boolean;
  readonly tfjsVersion: string;
}

/** Whether a text names an engine or `auto`. */
export function isEngineChoice(text: string): text is EngineChoice {
  return text === 'auto' || engineNames.some((name) => name === text);
}
