/** The machine that figures belong to, and the most memory that a process held. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { EngineInfo } from '../../src/engine/index.js';
import { addon } from '../../src/native/tensors.js';
import { packageVersion } from '../cli/version.js';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly threads: number;
  /** Of the native engine. */
  readonly instructionSet?: string;
  /** That built the native engine. */
  readonly compiler?: string;
  readonly memoryGib: number;
  readonly platform: string;
  readonly node: string;
  readonly bertwright: string;
}

/** With the engine that is set. */
export function describeMachine(info: EngineInfo): Machine {
  return {
    processor: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    threads: info.threads,
    ...(info.isa === undefined ? {} : { instructionSet: info.isa, compiler: addon().info().compiler }),
    memoryGib: Number((os.totalmem() / 2 ** 30).toFixed(1)),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    bertwright: packageVersion(),
  };
}

export function machineLine(machine: Machine): string {
  const { processor, cores, threads, instructionSet, compiler, memoryGib, platform, node, bertwright } = machine;
  const native = instructionSet === undefined ? [] : [instructionSet, compiler ?? ''];
  return [`${processor}, ${cores} cores`, `${threads} ${threads === 1 ? 'thread' : 'threads'}`, ...native, `${memoryGib} GiB`, `${platform}`, `Node ${node}`, `bertwright ${bertwright}`].join(', ');
}

/**
 * The most resident memory that this process held, in MiB. On Linux from /proc: getrusage counts the parent's memory
 * of the moment of the fork, too.
 */
export function peakRssMb(): number {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kib !== undefined) return Number(kib) / 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS / 1024;
}
