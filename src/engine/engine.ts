/** Which engine runs the tensors, and why. */
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../data/errors.js';
import { addon, nativeActive } from '../native/tensors.js';
import { startNative } from './native.js';
import { startTensorflow } from './tensorflow.js';
import { chooseThreads } from './threads.js';
import type { EngineChoice, EngineInfo, EngineName, EngineOptions, MatmulPrecision } from './types.js';
import { startWasm } from './wasm.js';

/** `tensorflow` only by name: it is slower than `native` on a CPU. */
const automaticOrder: readonly EngineName[] = ['gpu', 'native', 'wasm', 'cpu'];

const reasons: Readonly<Record<EngineName, string>> = {
  gpu: 'TensorFlow uses a GPU device',
  native: 'the C++ addon is built and loads',
  tensorflow: 'asked for by name',
  wasm: 'WebAssembly runs anywhere',
  cpu: 'plain JavaScript runs anywhere',
};

const hints: Readonly<Record<EngineName, string>> = {
  gpu: 'install @tensorflow/tfjs-node-gpu and the CUDA libraries it names, or use --engine auto',
  native: 'install a C++ compiler named c++ and run `npm run build:addon`, or use --engine auto',
  tensorflow: 'install @tensorflow/tfjs-node, or use --engine auto',
  wasm: 'use --engine cpu',
  cpu: 'use --engine auto',
};

let current: EngineInfo | undefined;

async function start(engine: EngineName, threads: number): Promise<void> {
  switch (engine) {
    case 'native':
      await startNative();
      addon().setThreads(threads);
      break;
    case 'gpu':
    case 'tensorflow':
      await startTensorflow(engine);
      break;
    case 'wasm':
      await startWasm();
      break;
    default:
      if (!(await tf.setBackend('cpu'))) throw new Error('the JavaScript backend did not start');
  }
}

/**
 * Makes an engine the one that runs all tensors made from now on; tensors of another engine move over when they are used.
 * `auto` takes the first of gpu, native, wasm, cpu that works. A named engine that does not work here is a UsageError that says why.
 */
export async function setEngine(choice: EngineChoice, options: EngineOptions = {}): Promise<EngineInfo> {
  const threadChoice = chooseThreads(options.threads);
  // Silences tfjs' advertisement for its own native package; it must come before the first use of a backend.
  tf.enableProdMode();
  const notTaken: { engine: EngineName; why: string }[] = [];
  for (const engine of choice === 'auto' ? automaticOrder : [choice]) {
    try {
      await start(engine, threadChoice.threads);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      if (choice !== 'auto') throw new UsageError(`the engine ${engine} does not work here: ${why}`, { hint: hints[engine], cause: error });
      notTaken.push({ engine, why });
      continue;
    }
    const native = engine === 'native' ? addon().info() : undefined;
    current = {
      engine,
      reason: choice === 'auto' ? reasons[engine] : 'asked for by name',
      notTaken,
      isa: native?.isa,
      threads: native?.threads ?? 1,
      threadsReason: native === undefined ? `the engine ${engine} takes no number of threads` : threadChoice.reason,
      matmulPrecision: 'highest',
      hasBf16: native?.withBf16.includes(native.isa) ?? false,
      fastBf16: native?.fastBf16 ?? false,
      tfjsVersion: tf.version_core,
    };
    return setMatmulPrecision(options.matmulPrecision === 'bf16' ? 'bf16' : 'highest');
  }
  throw new UsageError('no engine works here', { hint: notTaken.map(({ engine, why }) => `${engine}: ${why}`).join('; ') });
}

/** The engine in use; throws where none was set. */
export function engineInfo(): EngineInfo {
  if (current === undefined) throw new Error('no engine is set; call setEngine first');
  return current;
}

/** What `auto` means: bf16 for training where the machine has it and is faster with it, else highest. bf16 without the instruction is a UsageError. */
export function resolveMatmulPrecision(wanted: MatmulPrecision | 'auto', forTraining: boolean): MatmulPrecision {
  const { hasBf16, fastBf16, engine } = engineInfo();
  if (wanted === 'auto') return forTraining && fastBf16 ? 'bf16' : 'highest';
  if (wanted === 'bf16' && !hasBf16) {
    throw new UsageError(`--matmul-precision bf16: ${engine === 'native' ? 'this processor has no bfloat16 products (AVX512_BF16, AMX)' : `the engine ${engine} has no bf16 products`}`, { hint: 'use --matmul-precision highest or auto' });
  }
  return wanted;
}

/** Sets the precision of matrix products on the engine in use; bf16 where it is impossible is a UsageError. */
export function setMatmulPrecision(precision: MatmulPrecision): EngineInfo {
  const resolved = resolveMatmulPrecision(precision, true);
  if (nativeActive()) addon().setMatmulPrecision(resolved);
  current = { ...engineInfo(), matmulPrecision: resolved };
  return current;
}
