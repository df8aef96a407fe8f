/** Applies --engine, --threads and --matmul-precision. */
import type { EngineInfo } from '../../src/engine/index.js';
import type { Settings } from './settings.js';

/** --matmul-precision; its values were checked when it was read. */
export function precisionOption(settings: Settings): 'highest' | 'bf16' | 'auto' {
  const value = settings.string('matmul-precision');
  return value === 'bf16' || value === 'highest' ? value : 'auto';
}

/** Sets the engine as the flags say; `forTraining` decides what precision `auto` means. */
export async function applyEngine(settings: Settings, forTraining: boolean): Promise<EngineInfo> {
  const { isEngineChoice, resolveMatmulPrecision, setEngine, setMatmulPrecision } = await import('../../src/engine/index.js');
  const choice = settings.string('engine') ?? 'auto';
  if (!isEngineChoice(choice)) throw new Error(`"${choice}" passed the check of --engine but is none`);
  await setEngine(choice, { threads: settings.number('threads') });
  return setMatmulPrecision(resolveMatmulPrecision(precisionOption(settings), forTraining));
}

/** One line: which engine was taken and why not the better ones, and how the number of threads came about. */
export function engineLine(info: EngineInfo): string {
  const others = info.notTaken.map(({ engine, why }) => `${engine}: ${why}`).join('; ');
  const details = [info.isa, `${info.threads} ${info.threads === 1 ? 'thread' : 'threads'}`, `precision ${info.matmulPrecision}`].filter((part) => part !== undefined).join(', ');
  const threads = info.engine === 'native' ? `; threads: ${info.threadsReason}` : '';
  return `engine ${info.engine} (${details}): ${info.reason}${threads}${others === '' ? '' : ` [not taken: ${others}]`}`;
}
