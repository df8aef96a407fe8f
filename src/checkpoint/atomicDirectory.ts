/**
 * Directories that appear whole or not at all, and that can tell whether they still are what was written:
 * built under a temporary name, listed with sizes and hashes in manifest.json, flushed, renamed.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { IoError } from '../data/errors.js';
import { syncDirectory, temporarySuffix, writeFileAtomic } from './atomicFile.js';

const manifestName = 'manifest.json';
/** Marks what an interrupted save left; see `removeLeftovers`. */
const temporaryMark = '.partial-';

interface ManifestEntry {
  readonly bytes: number;
  readonly sha256: string;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Paths of all files below `root`, relative, with forward slashes, sorted. */
async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort();
}

async function flush(target: string): Promise<void> {
  const handle = await open(target, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Lets `write` fill a temporary directory beside `target`, then puts it in `target`'s place (an older one is replaced).
 * Where anything fails, `target` stays as it was and an IoError (or what `write` threw) says so.
 */
export async function writeDirectoryAtomic(target: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${target}${temporaryMark}${process.pid}`;
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    await write(temporary);
    const files: Record<string, ManifestEntry> = {};
    const names = await filesBelow(temporary);
    for (const name of names) {
      const file = path.join(temporary, name);
      files[name] = { bytes: (await stat(file)).size, sha256: await sha256Of(file) };
      await flush(file);
    }
    writeFileAtomic(path.join(temporary, manifestName), `${JSON.stringify({ files }, null, 1)}\n`);
    for (const folder of new Set(names.map((name) => path.dirname(name)))) syncDirectory(path.join(temporary, folder));
    syncDirectory(temporary);
    const replaced = `${target}${temporaryMark}old-${process.pid}`;
    const existed = await rename(target, replaced).then(
      () => true,
      () => false,
    );
    await rename(temporary, target);
    syncDirectory(path.dirname(target));
    if (existed) await rm(replaced, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof Error && 'code' in error && error.constructor === Error) {
      throw new IoError(`cannot write ${target}: ${error.message}`, { hint: 'what was there before is unchanged; free some space or choose another --output', cause: error });
    }
    throw error;
  }
}

/** Deletes a directory so that no half of it remains under its own name if the process dies meanwhile. */
export async function removeDirectory(target: string): Promise<void> {
  const aside = `${target}${temporaryMark}removed-${process.pid}`;
  await rename(target, aside);
  await rm(aside, { recursive: true, force: true });
}

/** Removes what interrupted saves left in `directory`. Call only while holding its lock. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.includes(temporaryMark) || (name.startsWith('.') && name.endsWith(temporarySuffix))) await rm(path.join(directory, name), { recursive: true, force: true });
  }
}

/** What differs from the manifest, one line per file (empty: all as written). No readable manifest is a difference, too. */
export async function verifyDirectory(directory: string): Promise<string[]> {
  let files: Record<string, ManifestEntry>;
  try {
    const manifest: unknown = JSON.parse(await readFile(path.join(directory, manifestName), 'utf8'));
    files = (manifest as { files: Record<string, ManifestEntry> }).files;
    if (typeof files !== 'object' || files === null) throw new TypeError('no list of files');
  } catch (error) {
    return [`${manifestName}: ${error instanceof Error ? error.message : String(error)}`];
  }
  const problems: string[] = [];
  for (const [name, expected] of Object.entries(files)) {
    const file = path.join(directory, name);
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) problems.push(`${name}: missing`);
    else if (found.size !== expected.bytes) problems.push(`${name}: ${found.size} bytes, expected ${expected.bytes}`);
    else if ((await sha256Of(file)) !== expected.sha256) problems.push(`${name}: content differs from its hash`);
  }
  return problems;
}
