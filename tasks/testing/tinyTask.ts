/** A tiny BERT with random weights and a few invented sentences as GLUE files, for tests. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bertConfig } from '../../src/config/bertConfig.js';
import { BertForSequenceClassification, BertModel } from '../../src/models/index.js';
import { BertTokenizer } from '../../src/tokenizer/index.js';

const subjects = ['the old sailor', 'a young painter', 'my neighbour', 'the tall baker'];
const good = ['mended the broken clock', 'sang a song in the garden', 'carried bread to the harbour', 'painted the door green'];
const bad = ['mend the broke clock the', 'garden sang the in song', 'carried to bread harbour the', 'green paint the door did'];

/** 32 rows of CoLA's kind: whole sentences (1) and scrambled ones (0). */
export const acceptabilityRows: readonly (readonly [sentence: string, label: 0 | 1])[] = subjects.flatMap((subject) => [
  ...good.map((rest) => [`${subject} ${rest} .`, 1] as const),
  ...bad.map((rest) => [`${subject} ${rest} .`, 0] as const),
]);

const words = [...new Set([...subjects, ...good, ...bad].join(' ').split(' '))];
export const vocabulary: readonly string[] = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '.', ...words];

const tinyShape = { vocabSize: vocabulary.length, hiddenSize: 32, numHiddenLayers: 2, numAttentionHeads: 2, intermediateSize: 64, maxPositionEmbeddings: 48 } as const;

/** Writes a model directory: hidden 32, 2 layers, 2 heads, with dropout. */
export async function writeTinyModel(directory: string, seed = 3): Promise<void> {
  await mkdir(directory, { recursive: true });
  const model = BertModel.fromConfig(bertConfig(tinyShape), { seed });
  await model.savePretrained(directory);
  model.dispose();
  await BertTokenizer.fromVocab([...vocabulary], { lowercase: true }).save(directory);
}

/** The same with a classifier's head of random weights, wide enough that labels differ. */
export async function writeTinyClassifier(directory: string, id2label: Readonly<Record<number, string>>): Promise<void> {
  await mkdir(directory, { recursive: true });
  const model = BertForSequenceClassification.fromConfig({ ...tinyShape, initializerRange: 0.5, id2label }, { seed: 3 });
  await model.savePretrained(directory);
  model.dispose();
  await BertTokenizer.fromVocab([...vocabulary], { lowercase: true }).save(directory);
}

async function writeLines(file: string, lines: readonly string[]): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, lines.map((line) => `${line}\n`).join(''));
}

/** CoLA: the 32 rows as train and as dev, three of them as test. */
export async function writeCola(folder: string): Promise<void> {
  const rows = acceptabilityRows.map(([sentence, label]) => `tt\t${label}\t\t${sentence}`);
  await writeLines(path.join(folder, 'CoLA', 'train.tsv'), rows);
  await writeLines(path.join(folder, 'CoLA', 'dev.tsv'), rows);
  await writeLines(path.join(folder, 'CoLA', 'test.tsv'), ['index\tsentence', ...[0, 9, 17].map((row, i) => `${i}\t${acceptabilityRows[row]?.[0]}`)]);
}

/** STS-B: pairs of the sentences, scored 5 where they are equal and less the less they share. */
export async function writeStsb(folder: string): Promise<void> {
  const rows = subjects.flatMap((subject, i) => good.map((rest, j) => [`${subject} ${rest} .`, `${subjects[(i + j) % 4]} ${rest} .`, j === 0 ? 5 : 5 - j] as const));
  const header = 'index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2';
  const line = (i: number): string => `${i}\tg\tf\t0\t0\ts\ts\t${rows[i]?.[0]}\t${rows[i]?.[1]}`;
  const scored = [`${header}\tscore`, ...rows.map(([, , score], i) => `${line(i)}\t${score.toFixed(3)}`)];
  await writeLines(path.join(folder, 'STS-B', 'train.tsv'), scored);
  await writeLines(path.join(folder, 'STS-B', 'dev.tsv'), scored);
  await writeLines(path.join(folder, 'STS-B', 'test.tsv'), [header, line(0), line(1)]);
}

/** MNLI: matched and mismatched dev sets of different sizes, and the diagnostic set. */
export async function writeMnli(folder: string): Promise<void> {
  const labels = ['neutral', 'contradiction', 'entailment'];
  const rows = subjects.flatMap((subject, i) => good.map((rest, j) => [`${subject} ${rest} .`, `${subject} ${good[(j + (i % 3)) % 4]} .`, labels[i % 3] ?? ''] as const));
  const header = 'index\tsentence1\tsentence2';
  const labelled = (count: number): string[] => [`${header}\tgold_label`, ...rows.slice(0, count).map(([a, b, label], i) => `${i}\t${a}\t${b}\t${label}`)];
  await writeLines(path.join(folder, 'MNLI', 'train.tsv'), labelled(16));
  await writeLines(path.join(folder, 'MNLI', 'dev_matched.tsv'), labelled(11));
  await writeLines(path.join(folder, 'MNLI', 'dev_mismatched.tsv'), labelled(13));
  await writeLines(path.join(folder, 'AX', 'diagnostic.tsv'), [header, ...rows.slice(0, 5).map(([a, b], i) => `${i}\t${a}\t${b}`)]);
}
