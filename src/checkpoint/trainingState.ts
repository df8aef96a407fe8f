/**
 * training_state/ of a checkpoint: the optimizer's tensors as optimizer.safetensors and everything else as state.json.
 * It does not know what the numbers mean; src/train says that.
 */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from '../data/errors.js';
import { writeFileAtomic } from './atomicFile.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface TrainingState {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly values: { readonly [key: string]: JsonValue };
}

const folder = 'training_state';
const formatVersion = 1;

/** Writes `<directory>/training_state/`; `directory` should be a temporary one that is renamed as a whole afterwards. */
export async function saveTrainingState(directory: string, state: TrainingState): Promise<void> {
  const target = path.join(directory, folder);
  await mkdir(target, { recursive: true });
  writeSafetensors(path.join(target, 'optimizer.safetensors'), state.tensors);
  writeFileAtomic(path.join(target, 'state.json'), `${JSON.stringify({ formatVersion, ...state.values }, null, 1)}\n`);
}

/** Reads what `saveTrainingState` wrote. A missing or unreadable part is a DataError naming the file. */
export async function loadTrainingState(directory: string): Promise<TrainingState> {
  const file = path.join(directory, folder, 'state.json');
  let values: { readonly [key: string]: JsonValue };
  try {
    values = JSON.parse(await readFile(file, 'utf8')) as { readonly [key: string]: JsonValue };
  } catch (cause) {
    throw new DataError(`no readable training state: ${cause instanceof Error ? cause.message : String(cause)}`, { location: { file }, cause });
  }
  if (values['formatVersion'] !== formatVersion) {
    throw new DataError(`training state of format ${String(values['formatVersion'])}, expected ${formatVersion}`, { location: { file } });
  }
  const tensors = new Map<string, HostTensor>();
  for (const [name, tensor] of readSafetensors(path.join(directory, folder, 'optimizer.safetensors'))) {
    tensors.set(name, { shape: tensor.shape, data: tensor.data });
  }
  return { tensors, values };
}
