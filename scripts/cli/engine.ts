/** Applies --engine, --threads and --matmul-precision. */
import type { EngineInfo } from '../../src/engine/index.js';
import type { Settings } from './settings.js';

/** Sets the engine as the flags say; `forTraining` decides what precision `auto` means. */
export async function applyEngine(settings: Settings, forTraining: boolean): Promise<EngineInfo> {
  const { isEngineChoice, resolveMatmulPrecision, setEngine, setMatmulPrecision } = await import('../../src/engine/index.js');
  const choice = settings.string('engine') ?? 'auto';
  if (!isEngineChoice(choice)) throw new Error(`"${choice}" passed the check of --engine but is none`);
  const threads = settings.number('threads');
  await setEngine(choice, threads === undefined ? {} : { threads });
  const wanted = settings.string('matmul-precision');
  setMatmulPrecision(resolveMatmulPrecision(wanted === 'bf16' || wanted === 'highest' ? wanted : 'auto', forTraining));
  const { engineInfo } = await import('../../src/engine/index.js');
  return engineInfo();
}

/** One line: which engine was taken and why not the better ones. */
export function engineLine(info: EngineInfo): string {
  const others = info.notTaken.map(({ engine, why }) => `${engine}: ${why}`).join('; ');
  const details = [info.isa, `${info.threads} ${info.threads === 1 ? 'thread' : 'threads'}`, `precision ${info.matmulPrecision}`].filter((part) => part !== undefined).join(', ');
  return `engine ${info.engine} (${details}): ${info.reason}${others === '' ? '' : ` [not taken: ${others}]`}`;
}
