/** The peer's Python: a virtual environment with pinned packages, made or completed where need be; and how its scripts are run. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BertwrightError } from '../../../src/data/errors.js';

/** What each comparison needs. */
const packages = {
  step: ['torch==2.15.0', 'numpy'],
  finetune: ['torch==2.15.0', 'numpy', 'transformers==4.57.6', 'accelerate==1.15.0'],
  pretrain: ['torch==2.15.0', 'numpy', 'transformers==4.57.6', 'safetensors==0.8.0'],
  predict: ['torch==2.15.0', 'numpy', 'transformers==4.57.6'],
} as const;

export type Comparison = keyof typeof packages;

/** The instruction sets below the processor's best, in the spelling of each of torch's libraries. */
const lowered: Readonly<Record<string, { readonly aten: string; readonly oneDnn: string; readonly mkl: string }>> = {
  avx512: { aten: 'avx512', oneDnn: 'AVX512_CORE', mkl: 'AVX512' },
  avx2: { aten: 'avx2', oneDnn: 'AVX2', mkl: 'AVX2' },
};

/** The scripts lie in the sources, not beside the compiled files. */
const scripts = fileURLToPath(new URL('../../../../scripts/bench/peers/', import.meta.url));

/** Where the environment is made unless told otherwise. */
export function defaultVenv(): string {
  return path.join(process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache'), 'bertwright', 'peers');
}

/** A command whose output goes to stderr; throws where it fails. */
function runLoudly(command: string, args: readonly string[]): void {
  console.error(`${command} ${args.join(' ')}`);
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new BertwrightError(`${command} ${args.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}`, { hint: 'the peers need Python 3.10 or newer with venv, and PyPI' });
}

/** The environment's Python, after what was missing is there. */
export function preparePython(venv: string, comparison: Comparison): string {
  const python = path.join(venv, 'bin', 'python');
  if (!existsSync(python)) runLoudly('python3', ['-m', 'venv', venv]);
  const wanted = packages[comparison];
  const check = wanted.map((requirement) => {
    const [name = '', version] = requirement.split('==');
    return `v = m.version('${name}'); assert ${version === undefined ? 'v' : `v.split('+')[0] == '${version}'`}, v`;
  });
  if (spawnSync(python, ['-c', ['import importlib.metadata as m', ...check].join('\n')], { stdio: 'ignore' }).status !== 0) runLoudly(python, ['-m', 'pip', 'install', ...wanted]);
  return python;
}

/** The environment in which torch is at its best: no page faults for every large tensor. `isa` lowers its instruction set as it lowers ours. */
export function peerEnvironment(threads: number, isa: string | undefined): NodeJS.ProcessEnv {
  const lower = isa === undefined ? undefined : lowered[isa];
  return {
    ...process.env,
    MALLOC_MMAP_THRESHOLD_: '1073741824',
    MALLOC_TRIM_THRESHOLD_: '2147483648',
    OMP_NUM_THREADS: String(threads),
    HF_HUB_OFFLINE: '1',
    TOKENIZERS_PARALLELISM: 'false',
    ...(lower === undefined ? {} : { ATEN_CPU_CAPABILITY: lower.aten, ONEDNN_MAX_CPU_ISA: lower.oneDnn, MKL_ENABLE_INSTRUCTIONS: lower.mkl }),
  };
}

/** The instruction sets that both sides can be lowered to. */
export const loweredIsas: readonly string[] = Object.keys(lowered);

/** Runs one of the scripts beside this file and parses the JSON object of its last line (NaN as null); throws with the end of its errors. */
export function runPeer(python: string, script: string, args: readonly string[], environment: NodeJS.ProcessEnv): Readonly<Record<string, unknown>> {
  const { status, stdout, stderr } = spawnSync(python, [path.join(scripts, script), ...args], { encoding: 'utf8', env: environment, maxBuffer: 2 ** 26, stdio: ['ignore', 'pipe', 'pipe'] });
  const last = stdout.trim().split('\n').at(-1) ?? '';
  if (status !== 0 || !last.startsWith('{')) throw new BertwrightError(`${script} ${args.join(' ')} failed: ${stderr.trim().split('\n').slice(-5).join('\n')}`);
  // Python writes numbers that are none as JSON cannot.
  return JSON.parse(last.replaceAll(/: (?:NaN|-?Infinity)(?=[,}])/g, ': null')) as Readonly<Record<string, unknown>>;
}
