/**
 * Text files -> a prepared corpus: tokenized sentences in Arrow shards, the document index, the tokenizer's files and manifest.json,
 * which is written last. Everything is made in a folder of its own inside `output` and moved up when it is whole: until then an older
 * corpus stays as it was, and a killed run is gone on with. The reading is writeCorpus.ts's.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { removeLeftovers } from '../src/checkpoint/atomicDirectory.js';
import { syncDirectory } from '../src/checkpoint/atomicFile.js';
import { acquireLock } from '../src/checkpoint/runLock.js';
import { DataError, IoError, UsageError } from '../src/data/errors.js';
import { readStoreFile } from '../src/data/tokenStore.js';
import { hashFile } from './hashFile.js';
import { type CorpusFile, type PrepareSettings, type PreparedManifest, documentsName, manifestName, readManifest, shardPattern } from './manifest.js';
import { type InputFile, findInputFiles } from './prepare/inputFiles.js';
import { type PrepareOptions, resolveSettings, resolveWorkers, settingsDifferences } from './prepare/options.js';
import { type RunIdentity, type UnfinishedRun, readRows, readUnfinished } from './prepare/resume.js';
import { type WriteJob, writeCorpus } from './prepare/writeCorpus.js';

export type { CorpusTokenizer } from './prepare/encodeBlock.js';
export type { PrepareOptions, PrepareProgress } from './prepare/options.js';

export interface PrepareResult {
  readonly manifest: PreparedManifest;
  /** True where the folder already held this corpus with these settings. */
  readonly reused: boolean;
}

/** The folder inside the output in which a corpus is made. */
const workName = '.preparing';
const tokenizerFiles = new Set(['vocab.txt', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']);

/**
 * Prepares a corpus in `output`. A folder that already holds it is left as it is; what a killed run left is gone on with. Errors: UsageError
 * for absent files, settings out of range and a folder with another corpus, DataError (`file:line:column`) for text that is not UTF-8 and
 * for an empty corpus, BusyError, IoError, InterruptedError.
 */
export async function prepare(options: PrepareOptions): Promise<PrepareResult> {
  const inputs = await findInputFiles(options.corpus);
  const settings = await resolveSettings(options, inputs);
  resolveWorkers(options.workers, 0);
  const { output } = options;
  await makeFolder(output);
  const lock = await acquireLock(output);
  try {
    await removeLeftovers(output);
    const found = await readManifest(output);
    if (found !== undefined && options.overwrite !== true) {
      await refuseOtherCorpus(output, found, settings, inputs);
      if (await isIntact(output, found)) {
        await removeWork(output);
        return { manifest: found, reused: true };
      }
      options.note?.(`${output} is damaged; preparing it again`);
    }
    if (found === undefined && options.overwrite !== true) await refuseForeignFiles(output);
    return { manifest: await makeCorpus(options, settings, inputs), reused: false };
  } finally {
    await lock.release();
  }
}

async function makeCorpus(options: PrepareOptions, settings: PrepareSettings, inputs: readonly InputFile[]): Promise<PreparedManifest> {
  const { output } = options;
  const work = path.join(output, workName);
  const identity: RunIdentity = { settings, shardTokens: options.shardTokens ?? 1 << 23, inputs: inputs.map(({ file, bytes, modified }) => ({ file, bytes, modified })) };
  await makeFolder(work);
  await removeLeftovers(work);
  const run = await matchingRun(options, work, identity);
  // A run that was killed while it moved its files has nothing left to write.
  const whole = run === undefined ? undefined : await readManifest(work);
  if (whole !== undefined) {
    await moveUp(output, work, whole);
    return whole;
  }
  const unfinished = run === undefined ? undefined : await loadUnfinished(options, work, run);
  if (unfinished === undefined) {
    await removeWork(output);
    await makeFolder(work);
  }
  const manifest = await writeCorpus({ options, identity, inputs, folder: work, unfinished });
  await moveUp(output, work, manifest);
  return manifest;
}

/** The killed run in the work folder, where it was the same one. Other settings are refused, unless overwriting. */
async function matchingRun(options: PrepareOptions, work: string, identity: RunIdentity): Promise<UnfinishedRun | undefined> {
  const run = await readUnfinished(work);
  if (run === undefined) return undefined;
  const differences = settingsDifferences(run.settings, identity.settings);
  if (differences.length > 0) {
    if (options.overwrite === true) return undefined;
    throw new UsageError(`${options.output} holds an unfinished corpus that was prepared otherwise: ${differences.join('; ')}`, { hint: 'Use --overwrite to prepare it anew, or another --output.' });
  }
  const changed = changedInput(run, identity);
  if (changed === undefined) return run;
  options.note?.(`${changed}; preparing the corpus anew`);
  return undefined;
}

async function loadUnfinished(options: PrepareOptions, work: string, run: UnfinishedRun): Promise<WriteJob['unfinished']> {
  try {
    const rows = await readRows(work, run);
    options.note?.(`going on after ${run.shards.length} finished ${run.shards.length === 1 ? 'shard' : 'shards'}, ${run.counts.tokens} tokens`);
    return { run, rows };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    options.note?.(`what an earlier run left is damaged (${error.message}); preparing the corpus anew`);
    return undefined;
  }
}

function changedInput(run: UnfinishedRun, { inputs, shardTokens }: RunIdentity): string | undefined {
  if (run.shardTokens !== shardTokens) return 'the size of the shards has changed';
  if (run.inputs.length !== inputs.length) return 'an earlier run had other files';
  const at = inputs.findIndex(({ file, bytes, modified }, i) => run.inputs[i]?.file !== file || run.inputs[i]?.bytes !== bytes || run.inputs[i]?.modified !== modified);
  return at < 0 ? undefined : `${inputs[at]?.file} has changed since an earlier run was stopped`;
}

/** Puts the whole corpus in the place of an older one. May be cut anywhere and done again: the manifest goes first and comes last. */
async function moveUp(output: string, work: string, manifest: PreparedManifest): Promise<void> {
  await rm(path.join(output, manifestName), { force: true });
  const waiting = new Set(await readdir(work));
  const names = [manifest.documents.name, ...manifest.shards.map(({ name }) => name)];
  for (const name of [...tokenizerFiles, ...names]) if (waiting.has(name)) await rename(path.join(work, name), path.join(output, name));
  const kept = new Set(names);
  for (const name of await readdir(output)) if (shardPattern.test(name) && !kept.has(name)) await rm(path.join(output, name));
  syncDirectory(output);
  await rename(path.join(work, manifestName), path.join(output, manifestName));
  syncDirectory(output);
  await removeWork(output);
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new IoError(`cannot create ${folder} (${String(cause)})`, { cause });
  });
}

async function removeWork(output: string): Promise<void> {
  await rm(path.join(output, workName), { recursive: true, force: true });
}

/** Throws a UsageError that names what differs between the corpus in the folder and the one asked for. */
async function refuseOtherCorpus(output: string, found: PreparedManifest, settings: PrepareSettings, inputs: readonly InputFile[]): Promise<void> {
  const differences = settingsDifferences(found.settings, settings);
  if (found.corpus.length !== inputs.length) differences.push(`the corpus had ${found.corpus.length} files, now ${inputs.length}`);
  else {
    for (const [i, { file, bytes }] of inputs.entries()) {
      const was = found.corpus[i] as CorpusFile;
      if (was.bytes !== bytes) differences.push(`${file} had ${was.bytes} bytes, now ${bytes}`);
      else if ((await hashFile(file)) !== was.sha256) differences.push(`the text of ${file} has changed`);
    }
  }
  if (differences.length === 0) return;
  throw new UsageError(`${output} holds a corpus that was prepared otherwise: ${differences.join('; ')}`, { hint: 'Use --overwrite to prepare it anew, or another --output.' });
}

async function isIntact(folder: string, manifest: PreparedManifest): Promise<boolean> {
  try {
    for (const file of [manifest.documents, ...manifest.shards]) await readStoreFile(folder, file);
    return (await readdir(folder)).includes('tokenizer.json');
  } catch (error) {
    if (error instanceof DataError) return false;
    throw error;
  }
}

function isOurs(name: string): boolean {
  return name.startsWith('.') || name === documentsName || name === manifestName || shardPattern.test(name) || tokenizerFiles.has(name);
}

async function refuseForeignFiles(folder: string): Promise<void> {
  const foreign = (await readdir(folder)).find((name) => !isOurs(name));
  if (foreign === undefined) return;
  throw new UsageError(`${folder} holds other files (${foreign}); expected an empty or new folder, or a prepared corpus`, { hint: 'Name another --output, or write among them with --overwrite.' });
}
