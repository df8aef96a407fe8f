/**
 * The zip format of torch.save since PyTorch 1.6: `NAME/data.pkl` holds the pickle, `NAME/data/KEY` the bytes of a storage,
 * `NAME/version` and `NAME/byteorder` a word each, where NAME is any one folder (caffe2/serialize/inline_container.cc).
 */
import { crc32 } from 'node:zlib';
import { DataError } from '../../data/errors.js';
import { maxPickleBytes, runPickle, saveAsSafetensorsHint } from './pickleMachine.js';
import { quoteText } from './pickleValues.js';
import { stateDictRules } from './pytorchGlobals.js';
import type { PytorchInput } from './pytorchInput.js';
import { tensorsOf } from './pytorchTensors.js';
import type { StoredTensor } from '../storedTensor.js';
import { readZipDirectory, type ZipEntry } from './zipDirectory.js';

/** Versions that PyTorch itself reads. */
const maxVersion = 10;

/** All tensors of a zip archive by torch.save. @throws DataError naming the entry or the tensor at fault */
export function readPytorchZip(input: PytorchInput): StoredTensor[] {
  const entries = readZipDirectory(input);
  const folder = findFolder(input, entries);
  const read = entryReader(input, entries);
  const entry = (name: string): ZipEntry | undefined => entries.get(`${folder}/${name}`);
  checkWord(input, entry('byteorder'), read, (word) => word === 'little', 'little');
  checkWord(input, entry('version') ?? entry('.data/version'), read, (word) => /^[1-9]\d?\n?$/.test(word) && Number(word) <= maxVersion, `a number from 1 to ${maxVersion}`);
  const pickle = entry('data.pkl');
  if (pickle === undefined) return input.fail(`the archive has no entry "${folder}/data.pkl"`);
  if (pickle.size > maxPickleBytes) input.fail(`entry "${pickle.name}" has ${pickle.size} bytes; a state dict takes at most ${maxPickleBytes}`);
  const { value, end } = runPickle({ file: input.file, bytes: read(pickle), within: pickle.name }, 0, stateDictRules(false));
  if (end !== pickle.size) input.fail(`entry "${pickle.name}" has ${pickle.size - end} bytes after the end of its pickle`);
  return tensorsOf(input, value, {
    byteLength: (key) => entry(`data/${key}`)?.size,
    read(key) {
      const data = entry(`data/${key}`);
      return data === undefined ? input.fail(`the archive has no entry "${folder}/data/${key}"`) : read(data);
    },
  });
}

/** The one folder that everything lies in. */
function findFolder(input: PytorchInput, entries: ReadonlyMap<string, ZipEntry>): string {
  const names = [...entries.keys()];
  const pickles = names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [found] = pickles;
  if (found === undefined || pickles.length > 1) {
    return input.fail(`the archive has ${pickles.length} entries NAME/data.pkl, expected one; it holds ${names.slice(0, 6).map(quoteText).join(', ')}${names.length > 6 ? ', …' : ''}`);
  }
  const folder = found.slice(0, -'/data.pkl'.length);
  if (entries.has(`${folder}/constants.pkl`)) {
    throw new DataError('the archive is a TorchScript program, as torch.jit.save writes it', { location: { file: input.file }, hint: saveAsSafetensorsHint });
  }
  return folder;
}

/** Reads entries whole, and compares them with the checksums in the directory. */
function entryReader(input: PytorchInput, entries: ReadonlyMap<string, ZipEntry>): (entry: ZipEntry) => Uint8Array {
  // After torch.serialization.set_crc32_options(False) all checksums are 0: such an archive has none.
  const hasChecksums = [...entries.values()].some((entry) => entry.crc32 !== 0);
  return ({ name, position, size, crc32: expected }) => {
    const bytes = input.read(position, size, `entry ${quoteText(name)}`);
    if (hasChecksums && checksum(bytes) !== expected) input.fail(`the data of entry ${quoteText(name)} do not match its checksum: the file was damaged after it was written`);
    return bytes;
  };
}

/** In pieces, since zlib takes lengths of 32 bits. */
function checksum(bytes: Uint8Array): number {
  const piece = 512 * 1024 * 1024;
  let value = 0;
  for (let at = 0; at < bytes.length; at += piece) value = crc32(bytes.subarray(at, at + piece), value);
  return value;
}

/** Archives before PyTorch 2.1 have no byteorder; it was little. */
function checkWord(input: PytorchInput, entry: ZipEntry | undefined, read: (entry: ZipEntry) => Uint8Array, allowed: (word: string) => boolean, expected: string): void {
  if (entry === undefined) return;
  const word = entry.size <= 64 ? Buffer.from(read(entry)).toString('latin1') : `${entry.size} bytes`;
  if (allowed(word)) return;
  throw new DataError(`entry ${quoteText(entry.name)} says ${quoteText(word)}; expected ${expected}`, { location: { file: input.file }, hint: saveAsSafetensorsHint });
}
