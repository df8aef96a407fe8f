/** A model directory written anew in another layout: Hugging Face's, or ONNX beside its configuration and tokenizer. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { writeModelConfig, writeModelDirectory } from '../checkpoint/huggingFaceLayout.js';
import type { TensorData } from '../checkpoint/safetensors.js';
import { configFileName } from '../config/configFile.js';
import { configToJson } from '../config/configJson.js';
import { UsageError } from '../data/errors.js';
import { AutoTokenizer, BertTokenizer, type TextTokenizer } from '../tokenizer/index.js';
import { type LoadedArchitecture, loadArchitecture } from './architectures.js';
import { modelGraph } from './modelGraph.js';
import { writeOnnxFile } from './onnxFile.js';

/** `hf` is Hugging Face's layout; `onnx` and `transformers.js` are the same ONNX file, the second with what that library needs beside it. */
export const exportFormats = ['hf', 'onnx', 'transformers.js'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportOptions {
  /** Model directory. */
  readonly model: string;
  readonly to: ExportFormat;
  /** Directory to write. */
  readonly output: string;
  /** Class to export, as `BertForMaskedLM`; what config.json names unless given. */
  readonly architecture?: string | undefined;
  /** Writes into a directory that holds files already: those of the same names are replaced. */
  readonly overwrite?: boolean | undefined;
}

export interface ExportReport {
  readonly output: string;
  readonly to: ExportFormat;
  readonly architecture: string;
  /** Everything that was written, with its size in bytes. */
  readonly files: readonly { readonly file: string; readonly bytes: number }[];
  /** What a user would want to know: what was left out or is not there. */
  readonly notes: readonly string[];
}

/** Where transformers.js looks for the graph. */
const onnxFileName = path.join('onnx', 'model.onnx');

/**
 * Exports a model, weights as float32. Every file appears whole or not at all. On the cpu engine, the weights of the
 * model are written as they were read, without a copy.
 * @throws UsageError for an output directory with files in it, a model that fits no ONNX file, and a missing tokenizer where one is needed;
 * DataError where the checkpoint lacks the weights of its head; IoError where reading or writing fails
 */
export async function exportModel(options: ExportOptions): Promise<ExportReport> {
  const { model: directory, to, output } = options;
  refuseFiles(output, options.overwrite === true);
  const hasTokenizer = ['tokenizer.json', 'vocab.txt'].some((name) => existsSync(path.join(directory, name)));
  if (to === 'transformers.js' && !hasTokenizer) {
    throw new UsageError(`${directory} holds neither tokenizer.json nor vocab.txt, and transformers.js needs a tokenizer`, { hint: 'Copy the tokenizer files of the model there, or export with --to onnx.' });
  }
  const tokenizer = hasTokenizer ? await AutoTokenizer.fromPretrained(directory) : undefined;
  const loaded = await loadArchitecture(directory, options.architecture);
  try {
    if (to === 'hf') await writeHuggingFace(output, loaded);
    else {
      writeOnnxFile(path.join(output, onnxFileName), modelGraph(loaded));
      writeModelConfig(output, configOf(loaded, to));
    }
    if (tokenizer !== undefined) await withLimit(tokenizer, loaded.model.config.maxPositionEmbeddings).save(output);
    return { output, to, architecture: loaded.architecture, files: filesBelow(output), notes: notesOn(loaded, to, tokenizer) };
  } finally {
    loaded.model.dispose();
  }
}

/** Another model's files beside those of this one would make neither. */
function refuseFiles(output: string, overwrite: boolean): void {
  if (overwrite || statSync(output, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  const names = readdirSync(output).filter((name) => !name.startsWith('.'));
  if (names.length === 0) return;
  throw new UsageError(`${output} holds files (${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''})`, { hint: 'Choose another --output, or replace those of the same names with --overwrite.' });
}

async function writeHuggingFace(output: string, loaded: LoadedArchitecture): Promise<void> {
  const random = new Set(loaded.model.loadReport.missing);
  const tensors = new Map<string, TensorData>();
  for (const [name, variable] of loaded.model.namedParameters()) {
    if (!random.has(name)) tensors.set(name, { shape: variable.shape, data: await variable.data<'float32'>() });
  }
  writeModelDirectory(output, configOf(loaded, 'hf'), tensors);
}

/** config.json: the class that is exported; what a foreign file says of its dtype and its own ONNX files is no longer so. */
function configOf({ model, architecture }: LoadedArchitecture, to: ExportFormat): Record<string, unknown> {
  const { architectures: _, torch_dtype: __, dtype: ___, 'transformers.js_config': ____, ...rest } = configToJson(model.config);
  // In a browser transformers.js would look for a quantized file unless told otherwise.
  return { architectures: [architecture], ...rest, ...(to === 'transformers.js' ? { 'transformers.js_config': { dtype: 'fp32' } } : {}) };
}

/** A tokenizer that names no longest input takes the model's, so that every runtime cuts a text that is too long. */
function withLimit(tokenizer: TextTokenizer, maxPositionEmbeddings: number): TextTokenizer {
  if (!(tokenizer instanceof BertTokenizer) || (tokenizer.modelMaxLength ?? Number.POSITIVE_INFINITY) <= maxPositionEmbeddings) return tokenizer;
  return BertTokenizer.fromVocab(tokenizer.vocab, { ...tokenizer.options, modelMaxLength: maxPositionEmbeddings });
}

function notesOn({ model, architecture, kind, hasPooler }: LoadedArchitecture, to: ExportFormat, tokenizer: TextTokenizer | undefined): string[] {
  const { unexpected, notes = [] } = model.loadReport;
  const shown = `${unexpected.slice(0, 5).join(', ')}${unexpected.length > 5 ? ', …' : ''}`;
  return [
    ...notes,
    ...(unexpected.length === 0 ? [] : [`left out, not part of ${architecture}: ${unexpected.length === 1 ? '1 tensor' : `${unexpected.length} tensors`} (${shown})`]),
    ...(hasPooler ? [] : ['the checkpoint has no pooler, and neither has the export']),
    ...(tokenizer === undefined ? ['the model directory holds no tokenizer, and neither does the export'] : []),
    ...(to === 'transformers.js' && kind === 'preTraining' ? [`no pipeline of transformers.js takes both pretraining heads; --architecture ${architecture.replace('ForPreTraining', 'ForMaskedLM')} exports one for fill-mask`] : []),
    ...(to === 'transformers.js' && kind === 'sequenceClassification' && model.config.numLabels === 1 ? ['the text-classification pipeline of transformers.js has no regression: take the logits of AutoModelForSequenceClassification'] : []),
  ];
}

function filesBelow(output: string): ExportReport['files'] {
  const written = [configFileName, 'model.safetensors', onnxFileName, 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'vocab.txt'];
  return written.flatMap((name) => {
    const file = path.join(output, name);
    const found = statSync(file, { throwIfNoEntry: false });
    return found === undefined ? [] : [{ file, bytes: found.size }];
  });
}
