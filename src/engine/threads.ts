/**
 * How many threads the native engine takes: what `--threads` asks for, else as many as there are processors that help. That
 * is the least of the processors in the affinity mask, the physical cores among them (two hyper-threads share one core's
 * multipliers, which a matrix product keeps busy alone) and the CPU quota of the control groups that the process is in.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { UsageError } from '../data/errors.js';

/** Most threads that may be asked for. */
export const maxThreads = 256;

export interface ThreadChoice {
  readonly threads: number;
  /** How the number came about, for people. */
  readonly reason: string;
}

/** Where the facts come from; tests put other machines here. */
export interface ThreadSources {
  /** The directory that holds proc/ and sys/. */
  readonly root: string;
  /** Processors that the runtime reports, for systems without /proc. */
  readonly available: number;
}

interface Limit {
  readonly threads: number;
  readonly text: string;
}

interface Mount {
  /** The control group that appears at the mount point. */
  readonly group: string;
  readonly point: string;
}

/** Throws a UsageError for a number of threads that is not one. */
export function checkThreads(threads: number): void {
  if (!Number.isSafeInteger(threads) || threads < 1 || threads > maxThreads) {
    throw new UsageError(`--threads ${threads}: expected a whole number from 1 to ${maxThreads}`);
  }
}

/** The threads to start: `asked`, checked, or the default of this machine. */
export function chooseThreads(asked: number | undefined, sources: ThreadSources = { root: '/', available: os.availableParallelism() }): ThreadChoice {
  if (asked === undefined) return defaultThreads(sources);
  checkThreads(asked);
  return { threads: asked, reason: 'asked for' };
}

/** The least of what affinity, physical cores and quota allow, from 1 to `maxThreads`. */
export function defaultThreads(sources: ThreadSources): ThreadChoice {
  const { root } = sources;
  const processors = allowedProcessors(root);
  const limits: Limit[] =
    processors === undefined
      ? [{ threads: sources.available, text: count(sources.available, 'processor') }]
      : [{ threads: processors.length, text: `${count(processors.length, 'processor')} allowed` }, ...physicalCores(root, processors)];
  const quota = quotaCores(root);
  // Rounded up: two threads use a quota of 1.5 cores whole, one would leave a third of it.
  if (quota !== undefined) limits.push({ threads: Math.ceil(quota), text: `a CPU quota of ${count(Number(quota.toFixed(2)), 'core')}` });
  if (limits.some(({ threads }) => threads > maxThreads)) limits.push({ threads: maxThreads, text: `${maxThreads}, the most that are started` });
  const threads = Math.max(1, Math.min(...limits.map((limit) => limit.threads)));
  const texts = limits.map(({ text }) => text);
  return { threads, reason: texts.length === 1 ? texts.join() : `the least of ${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}` };
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** A file's text, or undefined where it cannot be read: other systems, and sandboxes that hide parts of /proc and /sys. */
function read(root: string, file: string): string | undefined {
  try {
    return readFileSync(path.join(root, file), 'utf8');
  } catch {
    return undefined;
  }
}

/** The numbers of a list in the kernel's spelling, '0-3,8'; undefined where it is not one. */
export function parseProcessorList(text: string): number[] | undefined {
  const numbers = new Set<number>();
  for (const part of text.trim().split(',')) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1]);
    for (let i = first; i <= Number(match[2] ?? first); i++) numbers.add(i);
  }
  return numbers.size === 0 ? undefined : [...numbers];
}

/** The processors that this process may run on; cpusets are taken into account by the kernel. */
function allowedProcessors(root: string): number[] | undefined {
  const line = /^Cpus_allowed_list:\s*(.+)$/m.exec(read(root, 'proc/self/status') ?? '');
  return line === null ? undefined : parseProcessorList(line[1] ?? '');
}

/** The cores that hold these processors; nothing where the system does not tell which ones are siblings. */
function physicalCores(root: string, processors: readonly number[]): Limit[] {
  const cores = new Set<string>();
  for (const processor of processors) {
    const siblings = read(root, `sys/devices/system/cpu/cpu${processor}/topology/thread_siblings_list`);
    if (siblings === undefined) return [];
    cores.add(siblings.trim());
  }
  return [{ threads: cores.size, text: count(cores.size, 'physical core') }];
}

/** The smallest quota, in cores, of the process' control groups and all groups above them; undefined without a limit. */
function quotaCores(root: string): number | undefined {
  const memberships = (read(root, 'proc/self/cgroup') ?? '').split('\n');
  const mounts = (read(root, 'proc/self/mountinfo') ?? '').split('\n');
  const quotas: number[] = [];
  for (const membership of memberships) {
    // "0::/path" is version 2, "4:cpu,cpuacct:/path" names version 1's controllers.
    const match = /^\d+:([^:]*):(.*)$/.exec(membership);
    if (match === null) continue;
    const [controllers = '', group = '/'] = match.slice(1);
    const unified = controllers === '';
    if (!unified && !controllers.split(',').includes('cpu')) continue;
    const readQuota = unified ? quotaOfVersion2 : quotaOfVersion1;
    for (const directory of directoriesOf(group, mounts.flatMap((line) => mountOf(line, unified)))) {
      const quota = readQuota(root, directory);
      if (quota !== undefined) quotas.push(quota);
    }
  }
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

/** A line of mountinfo as the mount of version 2's hierarchy, or of version 1's cpu controller; empty for other lines. */
function mountOf(line: string, unified: boolean): Mount[] {
  const [place = '', kind = ''] = line.split(' - ');
  const [, , , group, point] = place.split(' ').map(unescapeOctal);
  const [type, , options = ''] = kind.split(' ');
  if (group === undefined || point === undefined) return [];
  const wanted = unified ? type === 'cgroup2' : type === 'cgroup' && options.split(',').includes('cpu');
  return wanted ? [{ group, point }] : [];
}

/** Blanks stand as \040 in mountinfo. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The directories of a group and of those above it, as far as they are mounted. */
function directoriesOf(group: string, mounts: readonly Mount[]): string[] {
  return mounts.flatMap(({ group: top, point }) => {
    // In a container the path may be the host's, or lead out of what is mounted: then the mount's own top is the group to look at.
    const below = top === '/' ? group : group.startsWith(`${top}/`) ? group.slice(top.length) : '/';
    const names = below.includes('/..') ? [] : below.split('/').filter((name) => name !== '');
    return [point, ...names.map((_, i) => path.posix.join(point, ...names.slice(0, i + 1)))];
  });
}

function quotaOfVersion2(root: string, directory: string): number | undefined {
  const [quota, period] = (read(root, `${directory}/cpu.max`) ?? 'max').trim().split(' ');
  return coresOf(quota, period);
}

function quotaOfVersion1(root: string, directory: string): number | undefined {
  return coresOf(read(root, `${directory}/cpu.cfs_quota_us`), read(root, `${directory}/cpu.cfs_period_us`));
}

/** Microseconds of processor time in a period, as cores; no limit is 'max' in version 2 and -1 in version 1. */
function coresOf(quota: string | undefined, period: string | undefined): number | undefined {
  const cores = Number(quota ?? 'max') / Number(period ?? 'max');
  return Number.isFinite(cores) && cores > 0 ? cores : undefined;
}
