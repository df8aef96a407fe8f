/** The packed representation that every encoder takes: no padding, sequences end to end. */

/** T = tokens of all sequences, B = sequences. */
export interface PackedBatch {
  /** Token ids, [T]. */
  readonly inputIds: Int32Array;
  /** Segment ids, [T]. */
  readonly tokenTypeIds: Int32Array;
  /** Position of each token within its sequence, [T]. */
  readonly positionIds: Int32Array;
  /** Where each sequence starts, and T at the end, [B + 1]. */
  readonly cuSeqlens: Int32Array;
}

/** One tokenized sequence; segment ids default to 0. */
export interface TokenSequence {
  readonly inputIds: ArrayLike<number>;
  readonly tokenTypeIds?: ArrayLike<number> | undefined;
}

/** Lays sequences end to end. Empty sequences are an error of the caller and throw a RangeError. */
export function packSequences(sequences: readonly TokenSequence[]): PackedBatch {
  const cuSeqlens = new Int32Array(sequences.length + 1);
  sequences.forEach((sequence, b) => {
    if (sequence.inputIds.length === 0) throw new RangeError(`packSequences: sequence ${b} is empty; every sequence needs at least one token`);
    cuSeqlens[b + 1] = (cuSeqlens[b] ?? 0) + sequence.inputIds.length;
  });
  const tokens = cuSeqlens[sequences.length] ?? 0;
  const inputIds = new Int32Array(tokens);
  const tokenTypeIds = new Int32Array(tokens);
  const positionIds = new Int32Array(tokens);
  sequences.forEach((sequence, b) => {
    const start = cuSeqlens[b] ?? 0;
    inputIds.set(sequence.inputIds, start);
    if (sequence.tokenTypeIds !== undefined) tokenTypeIds.set(sequence.tokenTypeIds, start);
    for (let i = 0; i < sequence.inputIds.length; i++) positionIds[start + i] = i;
  });
  return { inputIds, tokenTypeIds, positionIds, cuSeqlens };
}
