/** A tensor as a weights file holds it, whatever the format of the file. */
import { DataError } from '../data/errors.js';
import { widenToFloat32 } from './widenToFloat32.js';

export interface TensorEntry {
  /** Named as in safetensors: F32, F16, BF16, I64, … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Row-major, little endian. */
  readonly bytes: Uint8Array;
  /**
   * The values as float32: F32 without a copy where it is aligned, F16 and BF16 widened exactly, F64 rounded.
   * @throws DataError naming the tensor for any other dtype
   */
  readonly data: Float32Array;
}

export interface StoredTensor {
  /** In the words of Hugging Face's checkpoints; for safetensors and PyTorch files as the file spells it. */
  readonly name: string;
  readonly file: string;
  readonly entry: TensorEntry;
}

/** An entry of bytes that are in memory; `name` and `file` are for errors. */
export function tensorEntry(file: string, name: string, dtype: string, shape: readonly number[], bytes: Uint8Array): TensorEntry {
  return {
    dtype,
    shape,
    bytes,
    get data(): Float32Array {
      const values = widenToFloat32(bytes, dtype);
      if (values !== undefined) return values;
      throw new DataError(`tensor "${name}" has dtype ${dtype}; expected F32, F16, BF16 or F64`, { location: { file } });
    },
  };
}
