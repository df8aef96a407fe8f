/** Reads, encodes and writes a corpus: from the first line, or from where a killed run stopped. Memory does not depend on the text's size. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { writeFileAtomic } from '../../src/checkpoint/atomicFile.js';
import { DataError, InterruptedError } from '../../src/data/errors.js';
import { readTextBytes, type TextPosition } from '../../src/data/textLines.js';
import { BertTokenizer, type TextTokenizer } from '../../src/tokenizer/index.js';
import { GenericTokenizer } from '../../src/tokenizer/genericTokenizer.js';
import { CorpusWriter, startOfCorpus, type WriterRows, type WrittenCorpus } from './corpusWriter.js';
import { type CorpusFile, type PreparedManifest, hashText, manifestName, manifestText } from '../manifest.js';
import type { CorpusTokenizer, EncodedBlock } from './encodeBlock.js';
import { type Encoder, localEncoder, threadedEncoder } from './encoders.js';
import { chooseHeldOut, countRepeated, sortedHashes } from './heldOut.js';
import type { InputFile } from './inputFiles.js';
import { maxRecordBytes } from '../../src/data/jsonLines.js';
import { type PrepareOptions, resolveWorkers } from './options.js';
import { ResumeLog, type RunIdentity, type UnfinishedRun } from './resume.js';

export interface WriteJob {
  readonly options: PrepareOptions;
  readonly identity: RunIdentity;
  readonly inputs: readonly InputFile[];
  /** Where everything is written, the manifest last. */
  readonly folder: string;
  /** A killed run to go on with. */
  readonly unfinished: { readonly run: UnfinishedRun; readonly rows: readonly WriterRows[] } | undefined;
}

/** What one step of the reading gave: a block that is being encoded, or the end of a file. */
interface Step {
  readonly file: number;
  readonly block?: { readonly encoded: Promise<EncodedBlock>; readonly position: TextPosition };
}

/** Writes the whole corpus. Errors as `prepare`'s. */
export async function writeCorpus(job: WriteJob): Promise<PreparedManifest> {
  const { options, identity, inputs, folder, unfinished } = job;
  await options.tokenizer.save(folder);
  const fileHashes = [...(unfinished?.run.fileHashes ?? [])];
  const log = new ResumeLog(folder, identity, unfinished?.run.rows ?? []);
  const writer = new CorpusWriter({
    folder,
    shardTokens: identity.shardTokens,
    ...expectedSizes(job),
    dropLines: identity.settings.dropRepeated === 'lines' || identity.settings.dropRepeated === 'both',
    dropDocuments: identity.settings.dropRepeated === 'documents' || identity.settings.dropRepeated === 'both',
    onShard: (progress) => log.keep(progress, fileHashes),
  });
  if (unfinished !== undefined) writer.resume(unfinished.run, unfinished.rows);
  const encoder = createEncoder(job);
  try {
    await readAll(job, encoder, writer, fileHashes);
  } finally {
    await encoder.close();
  }
  if (writer.tokenCount === 0) {
    const names = inputs.map(({ file }) => file);
    throw new DataError(`the corpus is empty: ${names.join(', ')} ${names.length === 1 ? 'has' : 'have'} no line with text`, { hint: 'Expected one sentence a line, with a blank line between documents.' });
  }
  const corpus = inputs.map(({ file, bytes }, i): CorpusFile => ({ file, bytes, sha256: fileHashes[i] as string }));
  const manifest = manifestOf(writer.finish(), identity.settings, corpus, options.tokenizer.vocabSize);
  writeFileAtomic(path.join(folder, manifestName), manifestText(manifest));
  return manifest;
}

/** Bytes of a usual line, of a document, and of the text that a packed byte stands for. */
const lineBytes = 32;
const documentBytes = 512;
const packedShare = 6;

/** About how many lines and documents the table of repeats must hold, told from the sizes of the files. */
function expectedSizes({ inputs, identity }: WriteJob): { expectedLines: number; expectedDocuments: number } {
  const textBytes = inputs.reduce((sum, { file, bytes }) => sum + bytes * (/\.(?:gz|zst)$/i.test(file) ? packedShare : 1), 0);
  const byLine = identity.settings.documents === 'line';
  return { expectedLines: textBytes / lineBytes, expectedDocuments: textBytes / (byLine ? lineBytes : documentBytes) };
}

function createEncoder({ options, identity, inputs, folder }: WriteJob): Encoder {
  const { documents, textKey, splitSentences, unicodeNormalization } = identity.settings;
  const settings = { documents, textKey, splitSentences, unicodeNormalization };
  const workers = resolveWorkers(options.workers, inputs.reduce((sum, { bytes }) => sum + bytes, 0));
  // Other threads have the tokenizer from its files; one that is not ours may have none that they can read.
  if (workers === 1 || !isOurs(options.tokenizer)) return localEncoder(options.tokenizer, settings);
  return threadedEncoder(workers, { tokenizerFolder: path.resolve(folder), settings });
}

function isOurs(tokenizer: CorpusTokenizer): tokenizer is TextTokenizer {
  return tokenizer instanceof BertTokenizer || tokenizer instanceof GenericTokenizer;
}

async function readAll(job: WriteJob, encoder: Encoder, writer: CorpusWriter, fileHashes: string[]): Promise<void> {
  const under: Step[] = [];
  const report = progressReporter(job, writer);
  const finishOldest = async (): Promise<void> => {
    const step = under.shift();
    if (step?.block !== undefined) writer.addBlock(await step.block.encoded, step.file, step.block.position);
    else if (step !== undefined) writer.endFile(step.file);
  };
  const start = job.unfinished?.run.point ?? startOfCorpus;
  for (let file = 0; file < job.inputs.length; file++) {
    const input = job.inputs[file] as InputFile;
    if (file < start.file) {
      report.skip(input.bytes);
      continue;
    }
    const hash = createHash('sha256');
    const onFileBytes = (bytes: Uint8Array): void => {
      hash.update(bytes);
      report.read(bytes.length);
    };
    const from = file === start.file && start.block.offset > 0 ? start.block : undefined;
    const maxLineBytes = input.format === 'json-lines' ? maxRecordBytes : undefined;
    for await (const block of readTextBytes(input.file, { onFileBytes, start: from, maxLineBytes })) {
      const { signal } = job.options;
      if (signal?.aborted === true) throw InterruptedError.from(signal, 'stopped while preparing the corpus; the same command goes on after the last whole shard');
      const encoded = encoder.encode({ file: input.file, format: input.format, block });
      // Whoever fails first in the order of the text is told; the others must not end the process.
      encoded.catch(() => undefined);
      under.push({ file, block: { encoded, position: { offset: block.offset, line: block.firstLine, insideLine: block.partial } } });
      while (under.length > encoder.depth) await finishOldest();
      report.tell();
    }
    fileHashes[file] = hash.digest('hex');
    under.push({ file });
  }
  while (under.length > 0) await finishOldest();
  report.tell();
}

function progressReporter({ options, inputs, unfinished }: WriteJob, writer: CorpusWriter): { skip(bytes: number): void; read(bytes: number): void; tell(): void } {
  const totalBytes = inputs.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytes = 0;
  let begun = unfinished === undefined ? { at: performance.now(), bytes } : undefined;
  return {
    skip(count) {
      bytes += count;
    },
    read(count) {
      bytes += count;
    },
    tell() {
      // What a resumed run only reads over is no part of the rate.
      begun ??= { at: performance.now(), bytes };
      const seconds = Math.max(1e-3, (performance.now() - begun.at) / 1000);
      const bytesPerSecond = (bytes - begun.bytes) / seconds;
      options.progress?.({ bytes, totalBytes, bytesPerSecond, secondsLeft: bytesPerSecond > 0 ? (totalBytes - bytes) / bytesPerSecond : Number.POSITIVE_INFINITY, documents: writer.documentCount, tokens: writer.tokenCount });
    },
  };
}

function manifestOf(written: WrittenCorpus, settings: PreparedManifest['settings'], corpus: readonly CorpusFile[], vocabSize: number): PreparedManifest {
  const { index, tokensOf, counts, documents, shards } = written;
  const sorted = sortedHashes(index.hashes);
  const heldOut = chooseHeldOut(sorted, settings);
  let heldOutDocuments = 0;
  let heldOutTokens = 0;
  index.hashes.forEach((hash, i) => {
    if (!heldOut.has(hash)) return;
    heldOutDocuments += 1;
    heldOutTokens += tokensOf[i] as number;
  });
  return {
    settings,
    corpus,
    counts: { documents: tokensOf.length, sentences: counts.sentences, tokens: counts.tokens, heldOutDocuments, heldOutTokens, emptySentences: counts.emptySentences, lines: counts.lines, longLines: counts.longLines },
    repeats: {
      linesCompared: counts.linesCompared,
      allLinesCompared: written.allLinesCompared,
      repeatedLines: counts.repeatedLines,
      droppedLines: counts.droppedLines,
      repeatedDocuments: countRepeated(sorted) + counts.droppedDocuments,
      droppedDocuments: counts.droppedDocuments,
    },
    vocabSize,
    heldOut: [...heldOut].map(hashText).sort(),
    documents,
    shards,
  };
}
