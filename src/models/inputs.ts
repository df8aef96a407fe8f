/**
 * The public door between padded [batch, seq] inputs and the packed representation inside. This module owns the
 * shape errors of the door: who, found, expected.
 */
import * as tf from '@tensorflow/tfjs';
import type { EncoderConfig } from '../config/encoderConfig.js';
import { UsageError } from '../data/errors.js';
import type { PackedBatch } from '../data/packedBatch.js';
import { gatherRows } from '../ops/index.js';

/** Integers [batch, seq]: a tensor, or rows of equal length. */
export type PaddedIntegers = tf.Tensor | readonly ArrayLike<number>[];
/** One number for each sequence, [batch]. */
export type PerSequence = tf.Tensor | ArrayLike<number>;

export interface ModelInputs {
  /** Token ids, [batch, seq]. */
  readonly inputIds: PaddedIntegers;
  /** 1 where a token counts, 0 where it is padding, [batch, seq]; all 1 unless given. Any mask of 0 and 1 is accepted. */
  readonly attentionMask?: PaddedIntegers | undefined;
  /** Segment ids, [batch, seq]; all 0 unless given. */
  readonly tokenTypeIds?: PaddedIntegers | undefined;
}

/** Labels with this value are ignored. */
export const ignoredLabel = -100;

/** The packed tokens of a padded batch, and the way back. */
export interface UnpaddedInputs {
  readonly batch: PackedBatch;
  readonly batchSize: number;
  readonly seqLength: number;
  /** For each cell of [batch, seq] its packed token, or T where it is padding, [batch * seq]. */
  readonly tokenOfCell: Int32Array;
  /** For each row its packed sequence, or B where the whole row is padding, [batch]. */
  readonly sequenceOfRow: Int32Array;
}

/**
 * Drops the padding; a token's position id is its column.
 * @throws UsageError for ragged or empty inputs, shapes that differ, ids out of range, masks other than 0 and 1
 */
export function unpadInputs(inputs: ModelInputs, config: EncoderConfig): UnpaddedInputs {
  const { rows: batchSize, cols: seqLength, values: ids } = toMatrix(inputs.inputIds, 'inputIds');
  if (seqLength > config.maxPositionEmbeddings) {
    throw new UsageError(`inputIds has ${seqLength} columns; the model takes at most ${config.maxPositionEmbeddings} (maxPositionEmbeddings)`, {
      hint: 'Truncate the text: encode(text, undefined, {maxLength, truncation: true}).',
    });
  }
  const mask = matching(inputs.attentionMask, 'attentionMask', batchSize, seqLength, 1);
  const types = matching(inputs.tokenTypeIds, 'tokenTypeIds', batchSize, seqLength, 0);
  requireRange(mask, 'attentionMask', 2, seqLength, 'either 0 or 1');
  requireRange(ids, 'inputIds', config.vocabSize, seqLength, `a token id from 0 to ${config.vocabSize - 1}`);
  requireRange(types, 'tokenTypeIds', config.typeVocabSize, seqLength, `a segment id from 0 to ${config.typeVocabSize - 1}`);

  const kept: number[] = [];
  const starts: number[] = [];
  const tokenOfCell = new Int32Array(batchSize * seqLength).fill(-1);
  const sequenceOfRow = new Int32Array(batchSize).fill(-1);
  for (let row = 0; row < batchSize; row++) {
    const start = kept.length;
    for (let cell = row * seqLength; cell < (row + 1) * seqLength; cell++) {
      if (mask[cell] === 0) continue;
      tokenOfCell[cell] = kept.length;
      kept.push(cell);
    }
    if (kept.length === start) continue;
    sequenceOfRow[row] = starts.length;
    starts.push(start);
  }
  // A batch of nothing but padding is run as one token that no output shows, so that no kernel meets an empty tensor.
  if (kept.length === 0) {
    kept.push(0);
    starts.push(0);
  }
  const pick = (values: Int32Array): Int32Array => Int32Array.from(kept, (cell) => values[cell] ?? 0);
  return {
    batch: {
      inputIds: pick(ids),
      tokenTypeIds: pick(types),
      positionIds: Int32Array.from(kept, (cell) => cell % seqLength),
      cuSeqlens: Int32Array.from([...starts, kept.length]),
    },
    batchSize,
    seqLength,
    tokenOfCell: tokenOfCell.map((token) => (token < 0 ? kept.length : token)),
    sequenceOfRow: sequenceOfRow.map((sequence) => (sequence < 0 ? starts.length : sequence)),
  };
}

/** Packed tokens back in their cells, zeros at the padding: [T, N] -> [batch, seq, N]. Differentiable. */
export function padTokens(packed: tf.Tensor2D, inputs: UnpaddedInputs): tf.Tensor3D {
  return tf.tidy(() => spread(packed, inputs.tokenOfCell).reshape([inputs.batchSize, inputs.seqLength, packed.shape[1]]));
}

/** Packed sequences back in their rows, zeros where a row is all padding: [B, N] -> [batch, N]. Differentiable. */
export function padSequences(packed: tf.Tensor2D, inputs: UnpaddedInputs): tf.Tensor2D {
  return tf.tidy(() => spread(packed, inputs.sequenceOfRow));
}

/** rows[i] of `packed`, where the index past its end stands for a row of zeros. */
function spread(packed: tf.Tensor2D, rows: Int32Array): tf.Tensor2D {
  const [count, width] = packed.shape;
  if (rows.length === count && rows.every((row, i) => row === i)) return packed.clone();
  return gatherRows(tf.concat([packed, tf.zeros<tf.Rank.R2>([1, width])], 0), rows);
}

/**
 * Packed positions and values of the token labels that count: not -100, and not at padding.
 * @throws UsageError where the shape differs or a label is no token id
 */
export function tokenLabels(labels: PaddedIntegers, inputs: UnpaddedInputs, vocabSize: number): { positions: Int32Array; labels: Int32Array } {
  const { batchSize, seqLength, tokenOfCell, batch } = inputs;
  const values = matching(labels, 'labels', batchSize, seqLength, ignoredLabel);
  const cells = Array.from(values.keys()).filter((cell) => values[cell] !== ignoredLabel && (tokenOfCell[cell] ?? 0) < batch.inputIds.length);
  const picked = Int32Array.from(cells, (cell) => values[cell] ?? 0);
  requireRange(picked, 'labels', vocabSize, 0, `a token id from 0 to ${vocabSize - 1}, or ${ignoredLabel}`);
  return { positions: Int32Array.from(cells, (cell) => tokenOfCell[cell] ?? 0), labels: picked };
}

/**
 * Rows and values of the class labels that count (not -100).
 * @throws UsageError where there is not one label for each row, or one is no class
 */
export function sequenceLabels(labels: PerSequence, name: string, batchSize: number, classes: number): { rows: Int32Array; labels: Int32Array } {
  const values = perSequence(labels, name, batchSize);
  const rows = Array.from(values.keys()).filter((row) => values[row] !== ignoredLabel);
  const picked = rows.map((row) => values[row] ?? 0);
  requireRange(picked, name, classes, 0, `a class from 0 to ${classes - 1}, or ${ignoredLabel}`);
  return { rows: Int32Array.from(rows), labels: Int32Array.from(picked) };
}

/** One number for each row. */
export function perSequence(values: PerSequence, name: string, batchSize: number): Float32Array {
  const list = values instanceof tf.Tensor ? values.dataSync() : values;
  if (list.length !== batchSize) throw new UsageError(`${name} has ${list.length} values; expected one for each of the ${batchSize} rows of inputIds`);
  return Float32Array.from(list);
}

function toMatrix(value: PaddedIntegers, name: string): { rows: number; cols: number; values: Int32Array } {
  if (value instanceof tf.Tensor) {
    const [rows = 0, cols = 0] = value.shape;
    if (value.rank !== 2 || rows === 0 || cols === 0) throw new UsageError(`${name} has shape [${value.shape.join(', ')}]; expected [batch, seq], neither of them 0`);
    return { rows, cols, values: integers(value.dataSync(), name, cols) };
  }
  const [first] = value;
  if (first === undefined || typeof first === 'number' || !(first.length > 0)) {
    throw new UsageError(`${name} is ${first === undefined ? 'an empty list' : 'a list of numbers'}; expected [batch, seq], a list of rows`, { hint: 'Wrap a single sequence: [ids].' });
  }
  const cols = first.length;
  const flat: number[] = [];
  value.forEach((row, i) => {
    if (row.length !== cols) {
      throw new UsageError(`${name}: row ${i} has ${row.length} columns, row 0 has ${cols}`, { hint: 'Pad the rows to one length and set attentionMask to 0 at the padding.' });
    }
    for (let j = 0; j < cols; j++) flat.push(row[j] ?? Number.NaN);
  });
  return { rows: value.length, cols, values: integers(flat, name, cols) };
}

function matching(value: PaddedIntegers | undefined, name: string, rows: number, cols: number, fallback: number): Int32Array {
  if (value === undefined) return new Int32Array(rows * cols).fill(fallback);
  const matrix = toMatrix(value, name);
  if (matrix.rows !== rows || matrix.cols !== cols) throw new UsageError(`${name} has shape [${matrix.rows}, ${matrix.cols}]; expected [${rows}, ${cols}], as inputIds`);
  return matrix.values;
}

function integers(values: ArrayLike<number>, name: string, cols: number): Int32Array {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isInteger(values[i])) throw new UsageError(`${name}[${Math.floor(i / cols)}][${i % cols}] is ${values[i]}; expected an integer`);
  }
  return Int32Array.from(values);
}

/** Every value from 0 to limit - 1; `cols` 0 means a list without columns. */
function requireRange(values: ArrayLike<number>, name: string, limit: number, cols: number, expected: string): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (value >= 0 && value < limit && Number.isInteger(value)) continue;
    const where = cols === 0 ? '' : `[${Math.floor(i / cols)}][${i % cols}]`;
    throw new UsageError(`${name}${where} has the value ${value}; expected ${expected}`);
  }
}
