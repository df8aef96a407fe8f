/** The lock of an output directory: one living process holds it; what a dead one left is taken over. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { BusyError, IoError } from '../data/errors.js';

const lockName = '.lock';

interface LockOwner {
  readonly pid: number;
  /** Start of the process in the kernel's clock ticks, which tells a reused pid; '' where the system does not say. */
  readonly processStart: string;
  readonly host: string;
  readonly id: string;
}

export interface RunLock {
  release(): Promise<void>;
}

/** Field 22 of /proc/PID/stat, counted after the command name, which may hold anything. */
function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function holds(owner: LockOwner): boolean {
  if (owner.host !== os.hostname()) return true;
  return isAlive(owner.pid) && (owner.processStart === '' || processStart(owner.pid) === owner.processStart);
}

/** The owner in a lock file; undefined where there is none or its content is not ours (a cut write). */
async function readOwner(file: string): Promise<LockOwner | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return undefined;
    const text = (key: string): string => String((value as Record<string, unknown>)[key] ?? '');
    return { pid: value.pid, processStart: text('processStart'), host: text('host'), id: text('id') };
  } catch {
    return undefined;
  }
}

function busy(directory: string, owner: LockOwner): BusyError {
  const elsewhere = owner.host !== os.hostname();
  return new BusyError(`${directory} is in use by process ${owner.pid}${elsewhere ? ` on ${owner.host}` : ''}`, {
    hint: elsewhere
      ? `if that process is gone, delete ${path.join(directory, lockName)}; else choose another --output`
      : 'wait for it, stop it, or choose another --output',
  });
}

/**
 * Takes the lock of an existing directory. Throws a BusyError that names the holder's process id.
 * The lock file appears with its content at once (a hard link), so that no reader sees it empty.
 */
export async function acquireLock(directory: string): Promise<RunLock> {
  const file = path.join(directory, lockName);
  const owner: LockOwner = { pid: process.pid, processStart: processStart(process.pid), host: os.hostname(), id: randomUUID() };
  const own = `${file}.${owner.id}`;
  try {
    await writeFile(own, JSON.stringify(owner), { flag: 'wx' });
  } catch (cause) {
    throw new IoError(`cannot write into ${directory}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      if (await tryLink(own, file)) {
        return { release: () => release(file, owner) };
      }
      const holder = await readOwner(file);
      if (holder !== undefined && holds(holder)) throw busy(directory, holder);
      await removeStale(file, `${own}.stale`, directory);
    }
    throw new BusyError(`${directory}: other runs keep taking the lock`, { hint: 'try again' });
  } finally {
    await unlink(own).catch(() => undefined);
  }
}

async function tryLink(own: string, file: string): Promise<boolean> {
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw new IoError(`cannot lock ${path.dirname(file)}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Moves a dead run's lock aside; where another run replaced it in between, puts that one back and gives way. */
async function removeStale(file: string, aside: string, directory: string): Promise<void> {
  try {
    await rename(file, aside);
  } catch {
    return; // gone already: the next attempt decides
  }
  const moved = await readOwner(aside);
  if (moved !== undefined && holds(moved)) {
    await tryLink(aside, file);
    await unlink(aside).catch(() => undefined);
    throw busy(directory, moved);
  }
  await unlink(aside).catch(() => undefined);
}

async function release(file: string, owner: LockOwner): Promise<void> {
  const holder = await readOwner(file);
  if (holder?.id === owner.id) await unlink(file).catch(() => undefined);
}
