/** Hashes of what a run depends on, so that a resume notices a changed model, tokenizer or data file. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { findModelFiles, type ModelFiles } from '../src/checkpoint/modelFiles.js';
import { requireIntact } from '../src/checkpoint/outputDirectory.js';
import { IoError, UsageError } from '../src/data/errors.js';
import { didYouMeanPath } from '../src/data/nearPath.js';

/** SHA-256 over the contents of files, in the order given. */
export async function hashFiles(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash, { end: false });
  return hash.digest('hex');
}

export interface ModelFingerprint {
  /** Of config.json and, unless weights start anew, of the weight files. */
  readonly model: string;
  readonly tokenizer: string;
}

/** The files of a model directory; an absent one is a UsageError with the near match, and so is one without a configuration. */
export async function requireModelFiles(directory: string): Promise<ModelFiles> {
  let found: ModelFiles;
  try {
    found = findModelFiles(directory);
  } catch (cause) {
    if (!(cause instanceof IoError)) throw cause;
    throw new UsageError(`no model directory ${directory}.${await didYouMeanPath(directory)}`, { hint: 'a model directory holds config.json, model.safetensors and vocab.txt', cause });
  }
  if (!existsSync(found.config)) {
    throw new UsageError(`${directory} holds no config.json`, { hint: `it holds: ${found.names.slice(0, 12).join(', ') || 'nothing'}; give a checkpoint directory` });
  }
  return found;
}

/** Hashes of a model directory. Throws as `requireModelFiles` does, and a DataError where a checkpoint's file is damaged. */
export async function fingerprintModel(directory: string, withWeights: boolean): Promise<ModelFingerprint> {
  const { config, weights, names } = await requireModelFiles(directory);
  // An intermediate checkpoint lists its files' hashes; a damaged one that was asked for is refused.
  if (names.includes('manifest.json')) await requireIntact(directory);
  const tokenizer = names.filter((name) => ['vocab.txt', 'tokenizer.json', 'tokenizer_config.json'].includes(name));
  return { model: await hashFiles([config, ...(withWeights ? weights : [])]), tokenizer: await hashFiles(tokenizer.map((name) => path.join(directory, name))) };
}
