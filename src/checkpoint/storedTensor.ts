/** A tensor as a weights file holds it, whatever the format of the file. */

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
