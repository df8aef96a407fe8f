/**
 * Weights as torch.save writes a state dict, pytorch_model.bin among them: in the zip format of PyTorch 1.6 and later, or in
 * the stream before it. Both hold a pickle, which is read as data only (pickleMachine.ts); nothing of a file is executed.
 */
import { DataError } from '../../data/errors.js';
import { saveAsSafetensorsHint } from './pickleMachine.js';
import { PytorchInput } from './pytorchInput.js';
import { readPytorchStream, streamStart } from './pytorchStream.js';
import { readPytorchZip } from './pytorchZip.js';
import type { StoredTensor } from '../storedTensor.js';

/** Enough for the `ustar` of a tar archive, at byte 257. */
const startBytes = 512;

/** What files in place of the weights turn out to be. */
const others: readonly { readonly is: (start: Buffer) => boolean; readonly found: string; readonly hint: string }[] = [
  { is: (start) => start.toString('latin1').startsWith('version https://git-lfs'), found: 'a pointer of Git LFS, not the weights', hint: 'Run `git lfs pull` where the file was cloned, or download it.' },
  { is: (start) => start.toString('latin1', 257, 262) === 'ustar', found: 'a tar archive, as torch.save wrote before PyTorch 0.1.10', hint: saveAsSafetensorsHint },
  { is: (start) => start.toString('latin1', 1, 4) === 'HDF', found: 'an HDF5 file', hint: 'Use the weights of PyTorch or safetensors.' },
  { is: (start) => start[8] === 0x7b && start.readBigUInt64LE(0) < 100_000_000n, found: 'a safetensors file', hint: 'Rename it to model.safetensors.' },
  { is: (start) => start[0] === 0x80, found: 'a pickle that torch.save did not write', hint: saveAsSafetensorsHint },
  { is: (start) => /^\s*<(!doctype|html)/i.test(start.toString('latin1')), found: 'a web page', hint: 'Download the file itself.' },
];

/**
 * All tensors of a state dict, in its order, with the names that the file gives them. Each storage is read once: tied weights
 * share their bytes, tensors that are not row-major are copied into that order. Tensors of whatever device become plain data.
 * @param file path, whatever its name
 * @returns dtypes F32, F16, BF16, F64, I64, I32, I16, I8, U8, BOOL
 * @throws IoError where the file cannot be read; DataError where it is damaged, in another format, no state dict, or has a
 * pickle that names anything but tensors: it names the file, and the byte, entry or tensor at fault
 */
export function readPytorchFile(file: string): StoredTensor[] {
  const input = new PytorchInput(file);
  try {
    const start = Buffer.from(input.read(0, Math.min(startBytes, input.size), 'the start'));
    if (start.length >= 4 && start.readUInt32LE(0) === 0x04034b50) return readPytorchZip(input);
    if (start.subarray(0, streamStart.length).equals(streamStart)) return readPytorchStream(input);
    const other = start.length > 8 ? others.find(({ is }) => is(start)) : undefined;
    throw new DataError(`the file is ${other?.found ?? `no checkpoint of PyTorch: it has ${input.size} bytes and begins with ${start.length === 0 ? 'none' : `0x${start.subarray(0, 8).toString('hex')}`}`}; expected the zip format of torch.save or the stream before it`, {
      location: { file },
      hint: other?.hint ?? 'Copy or download the file again; if that does not help, it is damaged.',
    });
  } finally {
    input.close();
  }
}
