/** What a result depends on beside its settings: versions, engine, machine. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { engineInfo } from '../engine/index.js';

/** Version of this package. */
export function packageVersion(): string {
  // dist/src/train/environment.js -> the package's root.
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
}

export interface Environment {
  readonly engine: string;
  /** Instruction set of the native engine, '' elsewhere. */
  readonly isa: string;
  readonly threads: number;
  /** How the number of threads came about. */
  readonly threadsReason: string;
  readonly machine: string;
  readonly versions: { readonly [name: string]: string };
}

/** What a run computes with, for its records. */
export function environment(): Environment {
  const info = engineInfo();
  const cpus = os.cpus();
  return {
    engine: info.engine,
    isa: info.isa ?? '',
    threads: info.threads,
    threadsReason: info.threadsReason,
    machine: `${cpus[0]?.model.trim() ?? 'unknown processor'}, ${cpus.length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.arch()}`,
    versions: { bertwright: packageVersion(), node: process.versions.node, tfjs: info.tfjsVersion },
  };
}
