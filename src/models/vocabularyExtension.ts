/** Gives a checkpoint rows for new entries of its tokenizer's vocabulary. Which words those are is for tokenizer/vocabExtension.ts. */
import { writeModelDirectory } from '../checkpoint/huggingFaceLayout.js';
import { findModelFiles, readStoredTensors } from '../checkpoint/modelFiles.js';
import type { TensorData } from '../checkpoint/safetensors.js';
import type { StoredTensor } from '../checkpoint/storedTensor.js';
import { readConfigJson } from '../config/configJson.js';
import { DataError } from '../data/errors.js';
import { modelTypeRow } from './modelTypes.js';
import { checkVocabularyRows } from './vocabularyRows.js';

/** Tensors of the masked language model's head with a row, or a value, for each entry. */
const headTables: ReadonlySet<string> = new Set(['cls.predictions.decoder.weight', 'cls.predictions.decoder.bias', 'cls.predictions.bias']);

/** Keys of config.json that name the type of the weights, which are written as float32. */
const dtypeKeys: ReadonlySet<string> = new Set(['torch_dtype', 'dtype']);

/** True where the directory holds the weights of a model, and not a tokenizer alone. */
export function holdsModel(directory: string): boolean {
  return findModelFiles(directory).weights.length > 0;
}

/**
 * Writes the model of `directory` to `output`: the word embeddings and the language model's decoder with rows for ids `entries`,
 * `entries + 1`, …, each the mean of the rows of its pieces (likewise the values of the decoder's bias), all else as it was, as float32. Rows that
 * the model had beyond `entries` are taken first; `vocab_size` is raised where they do not suffice.
 * @param entries of the old tokenizer
 * @param pieces for each new entry the old ids that it replaces
 * @returns rows of the new word embeddings
 * @throws DataError where the weights are damaged, not of a known model, or have fewer rows than entries; IoError where writing fails
 */
export function extendCheckpoint(directory: string, output: string, entries: number, pieces: readonly (readonly number[])[]): number {
  const { config: file } = findModelFiles(directory);
  const json = readConfigJson(file);
  const name = json['model_type'] ?? 'bert';
  const { type } = modelTypeRow(typeof name === 'string' ? name : JSON.stringify(name), file);
  const { vocabSize: oldRows } = type.configFromJson(json, file);
  checkVocabularyRows(directory, oldRows, { entries, file: directory });
  const rows = Math.max(oldRows, entries + pieces.length);
  const { prefix, wordEmbeddings } = type.weightNames;
  const isEmbeddings = (tensor: StoredTensor): boolean => tensor.name === wordEmbeddings || prefix + tensor.name === wordEmbeddings;
  // Position ids are 0, 1, 2, … and nobody reads them.
  const stored = readStoredTensors(directory).filter((tensor) => !tensor.name.endsWith('embeddings.position_ids'));
  if (!stored.some(isEmbeddings)) throw new DataError(`tensor "${wordEmbeddings}" is not in the checkpoint`, { location: { file: directory } });
  const tensors = new Map<string, TensorData>();
  for (const tensor of stored) {
    const { shape, data } = tensor.entry;
    const isTable = isEmbeddings(tensor) || headTables.has(tensor.name);
    if (isTable && shape[0] !== oldRows) {
      throw new DataError(`tensor "${tensor.name}" has shape [${shape.join(', ')}]; expected ${oldRows} rows, as vocab_size says`, { location: { file: tensor.file }, hint: 'config.json and the weights disagree: copy both from the same model.' });
    }
    tensors.set(tensor.name, isTable ? { shape: [rows, ...shape.slice(1)], data: withMeans(data, oldRows, rows, entries, pieces) } : { shape, data });
  }
  const kept = Object.fromEntries(Object.entries(json).filter(([key]) => !dtypeKeys.has(key)));
  writeModelDirectory(output, { ...kept, model_type: name, vocab_size: rows }, tensors);
  return rows;
}

/** A longer copy of a table [oldRows, width] in which row `entries` + i is the mean of the rows `pieces[i]`, summed in float64. */
function withMeans(table: Float32Array, oldRows: number, rows: number, entries: number, pieces: readonly (readonly number[])[]): Float32Array {
  const width = table.length / oldRows;
  const larger = new Float32Array(rows * width);
  larger.set(table);
  pieces.forEach((ids, i) => {
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (const id of ids) sum += table[id * width + column] as number;
      larger[(entries + i) * width + column] = sum / ids.length;
    }
  });
  return larger;
}
