/**
 * The output directory of a run: its lock, run.json with the settings, the rule "same settings resume, other settings refuse",
 * and the checkpoint-STEP directories with their retention.
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, InterruptedError, IoError, NonFiniteError, UsageError } from '../data/errors.js';
import { didYouMean } from '../data/nearMatch.js';
import { removeDirectory, removeLeftovers, verifyDirectory, writeDirectoryAtomic } from './atomicDirectory.js';
import { writeFileAtomic } from './atomicFile.js';
import { acquireLock, type RunLock } from './runLock.js';
import type { JsonValue } from './trainingState.js';

export type Settings = { readonly [key: string]: JsonValue };

/** running: also what a killed run leaves; diverged: ended by a NonFiniteError, whose message is in `about.error`. */
export type RunStatus = 'running' | 'interrupted' | 'failed' | 'diverged' | 'complete';

export interface RunRecord {
  /** The kind of run: 'finetune', 'pretrain'. */
  readonly kind: string;
  /** The exact command line, ready to paste. */
  readonly command: string;
  readonly status: RunStatus;
  /** What decides the result; compared at a resume, key by key. */
  readonly settings: Settings;
  /** Versions, machine, times and whatever else describes the run without deciding it. */
  readonly about: Settings;
}

export interface OpenOptions {
  readonly kind: string;
  readonly command: string;
  readonly settings: Settings;
  readonly about: Settings;
  /** Delete what an earlier run left (its checkpoints and result files) and start anew. */
  readonly overwrite?: boolean | undefined;
  /** Keys of `settings` that may differ from the earlier run's. */
  readonly acceptChanged?: readonly string[] | undefined;
  /** Told about skipped checkpoints, accepted changes, nothing to resume. */
  readonly note?: ((text: string) => void) | undefined;
}

const runFile = 'run.json';
const checkpointPattern = /^checkpoint-(\d+)$/;

export interface Checkpoint {
  readonly step: number;
  readonly path: string;
}

export class OutputDirectory {
  readonly path: string;
  /** The record of the earlier run with the same settings, where there was one. */
  readonly previous: RunRecord | undefined;
  #record: RunRecord;
  readonly #lock: RunLock;
  readonly #note: (text: string) => void;

  private constructor(directory: string, lock: RunLock, previous: RunRecord | undefined, record: RunRecord, note: (text: string) => void) {
    this.path = directory;
    this.#lock = lock;
    this.previous = previous;
    this.#record = record;
    this.#note = note;
  }

  /**
   * Creates or opens and locks `directory`. Throws BusyError (another living run), UsageError (a run with other settings, with
   * the difference; or files that are no run), IoError. `close()` releases the lock.
   */
  static async open(directory: string, options: OpenOptions): Promise<OutputDirectory> {
    const note = options.note ?? (() => undefined);
    await mkdir(directory, { recursive: true }).catch((cause: unknown) => {
      throw new IoError(`cannot create ${directory}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    });
    const lock = await acquireLock(directory);
    try {
      await removeLeftovers(directory);
      let previous = await readRunRecord(directory);
      if (previous === undefined) await refuseForeignFiles(directory, options);
      else if (options.overwrite === true) {
        await clearRun(directory);
        previous = undefined;
      } else refuseOtherSettings(directory, previous, options, note);
      const record: RunRecord = { kind: options.kind, command: options.command, status: 'running', settings: options.settings, about: options.about };
      const opened = new OutputDirectory(directory, lock, previous, record, note);
      if (previous?.status !== 'complete') opened.#writeRecord();
      return opened;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Writes run.json with this status; `about` entries are merged into the record's. */
  setStatus(status: RunStatus, about: Settings = {}): void {
    this.#record = { ...this.#record, status, about: { ...this.#record.about, ...about } };
    this.#writeRecord();
  }

  /** Notes in run.json how the run ended; on a full disk that fails, too, and must not hide the first error. */
  recordFailure(error: unknown): void {
    try {
      if (error instanceof NonFiniteError) this.setStatus('diverged', { error: error.message });
      else this.setStatus(error instanceof InterruptedError ? 'interrupted' : 'failed');
    } catch {
      // run.json still says "running", which means the same to a later run: go on from the last checkpoint.
    }
  }

  #writeRecord(): void {
    this.writeJson(runFile, { ...this.#record });
  }

  /** Writes a JSON file of the directory, atomically. */
  writeJson(name: string, value: unknown): void {
    writeFileAtomic(path.join(this.path, name), `${JSON.stringify(value, null, 2)}\n`);
  }

  /** All checkpoint-STEP directories, the newest first. */
  async checkpoints(): Promise<Checkpoint[]> {
    return listCheckpoints(this.path);
  }

  /** The newest checkpoint whose files are as they were written; damaged ones are reported and passed over. */
  async latestCheckpoint(): Promise<Checkpoint | undefined> {
    for (const checkpoint of await this.checkpoints()) {
      const problems = await verifyDirectory(checkpoint.path);
      if (problems.length === 0) return checkpoint;
      this.#note(`${checkpoint.path} is damaged and was passed over: ${problems.join('; ')}`);
    }
    return undefined;
  }

  /** Writes checkpoint-STEP through a temporary directory that `write` fills; returns its path. */
  async saveCheckpoint(step: number, write: (temporary: string) => Promise<void>): Promise<string> {
    const target = path.join(this.path, `checkpoint-${step}`);
    await writeDirectoryAtomic(target, write);
    return target;
  }

  /**
   * Deletes the oldest checkpoints until `limit` are left (at least 1), never one of `keep` nor the newest.
   * Call after the newest was saved.
   */
  async retain(limit: number, keep: readonly number[] = []): Promise<void> {
    const all = await this.checkpoints();
    const spare = all.slice(1).filter((checkpoint) => !keep.includes(checkpoint.step));
    const kept = all.length - spare.length;
    for (const checkpoint of spare.slice(Math.max(0, Math.max(1, limit) - kept))) await removeDirectory(checkpoint.path);
  }

  /** Deletes all checkpoints: for a complete run that does not keep them. */
  async removeCheckpoints(): Promise<void> {
    for (const checkpoint of await this.checkpoints()) await removeDirectory(checkpoint.path);
  }

  /** Releases the lock. */
  async close(): Promise<void> {
    await this.#lock.release();
  }
}

/** The checkpoint-STEP directories of a directory, the newest first, unverified. */
export async function listCheckpoints(directory: string): Promise<Checkpoint[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries
    .flatMap((entry) => {
      const step = checkpointPattern.exec(entry.name)?.[1];
      return step === undefined || !entry.isDirectory() ? [] : [{ step: Number(step), path: path.join(directory, entry.name) }];
    })
    .sort((a, b) => b.step - a.step);
}

/** Throws a DataError naming each damaged file of a checkpoint that the user named explicitly. */
export async function requireIntact(checkpoint: string): Promise<void> {
  const problems = await verifyDirectory(checkpoint);
  if (problems.length > 0) {
    throw new DataError(`damaged checkpoint: ${problems.join('; ')}`, {
      location: { file: checkpoint },
      hint: 'use another checkpoint; if you changed its files yourself, delete its manifest.json',
    });
  }
}

/** run.json of a directory; undefined where there is none. One that cannot be read is a DataError. */
export async function readRunRecord(directory: string): Promise<RunRecord | undefined> {
  const file = path.join(directory, runFile);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'settings' in value && 'status' in value) return value as RunRecord;
    throw new TypeError('no settings in it');
  } catch (cause) {
    throw new DataError(`not the record of a run: ${cause instanceof Error ? cause.message : String(cause)}`, {
      location: { file },
      hint: 'start anew with --overwrite, or choose another --output',
      cause,
    });
  }
}

/** The settings as JSON texts by key; those of a group by `group.key`. */
function flatSettings(settings: Settings, group = ''): Map<string, string> {
  return new Map(
    Object.entries(settings).flatMap(([key, value]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) ? [...flatSettings(value as Settings, `${group}${key}.`)] : [[`${group}${key}`, JSON.stringify(value)] as const],
    ),
  );
}

/** The key that a name means, spelled as the key or as a flag; throws a UsageError with the near match for any other. */
function acceptedKey(name: string, keys: readonly string[]): string {
  const fold = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, '');
  const found = keys.find((key) => fold(key) === fold(name));
  if (found === undefined) throw new UsageError(`--accept-changed ${name}: no such setting.${didYouMean(name, keys)}`, { hint: `settings: ${keys.join(', ')}` });
  return found;
}

function refuseOtherSettings(directory: string, previous: RunRecord, options: OpenOptions, note: (text: string) => void): void {
  if (previous.kind !== options.kind) {
    throw new UsageError(`${directory} holds a run of \`${previous.kind}\``, { hint: 'choose another --output, or start anew with --overwrite' });
  }
  const earlier = flatSettings(previous.settings);
  const current = flatSettings(options.settings);
  const keys = [...new Set([...earlier.keys(), ...current.keys()])].sort();
  const accepted = new Set((options.acceptChanged ?? []).map((name) => acceptedKey(name, keys)));
  const differences: string[] = [];
  for (const key of keys) {
    const before = earlier.get(key) ?? 'not set';
    const now = current.get(key) ?? 'not set';
    if (before === now) continue;
    if (accepted.has(key)) note(`${key} changed from ${before} to ${now}, accepted`);
    else differences.push(`${key}: was ${before}, now ${now}`);
  }
  if (differences.length === 0) return;
  throw new UsageError(`${directory} holds a run with other settings:\n  ${differences.join('\n  ')}`, {
    hint: 'start anew with --overwrite, choose another --output, or go on with --accept-changed KEY for each',
  });
}

/** A folder with foreign files is not overwritten by accident; hidden files (the lock) do not count. */
async function refuseForeignFiles(directory: string, options: OpenOptions): Promise<void> {
  const names = (await readdir(directory)).filter((name) => !name.startsWith('.'));
  if (names.length === 0) return;
  if (options.overwrite === true) return;
  throw new UsageError(`${directory} is not empty and holds no run (${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''})`, {
    hint: 'choose another --output, or write into it all the same with --overwrite',
  });
}

/** Removes what a run writes: checkpoints, results, logs, the note that it was chosen among others. Other files stay. */
export async function clearRun(directory: string): Promise<void> {
  const written = /^(?:checkpoint-\d+|run\.json|metrics\.jsonl|rates\.jsonl|stages\.json|trials\.json|trainer_state\.json|(?:all|train|eval|test)_results\.json|predict_results_.*\.txt|predictions|runs|training_state|manifest\.json|model\.safetensors|adapter_config\.json|adapter_model\.safetensors)$/;
  for (const name of await readdir(directory)) {
    if (!written.test(name)) continue;
    const target = path.join(directory, name);
    if ((await stat(target)).isDirectory()) await removeDirectory(target);
    else await rm(target, { force: true });
  }
}
