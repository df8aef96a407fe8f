/**
 * THE table of GLUE tasks (Wang et al., 2018, https://arxiv.org/abs/1804.07461): files, columns, labels, metrics and
 * submission names of each, as data. Adding a task touches its row and its fixtures only.
 * Label order is that of the Hugging Face datasets; it is saved with every checkpoint and mapped by name, never by position.
 */
import { UsageError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';

export type GlueTaskName = 'cola' | 'sst2' | 'mrpc' | 'stsb' | 'qqp' | 'mnli' | 'qnli' | 'rte' | 'wnli' | 'ax';
export type MetricName = 'accuracy' | 'f1' | 'matthews_correlation' | 'pearson' | 'spearmanr';
export type GlueSplit = 'train' | 'dev' | 'dev_mismatched' | 'test' | 'test_mismatched';

/** Where a split's texts and label stand in its TSV file; columns are header names, or numbers from 0 in a file without one. */
export interface SplitFile {
  readonly file: string;
  readonly textA: string | number;
  readonly textB?: string | number;
  /** Absent where the split has no gold labels. */
  readonly label?: string | number;
  /** False for a file without a header line (CoLA's train and dev). */
  readonly header: boolean;
  /** Rows of the official release. */
  readonly officialRows: number;
  /** True only for QQP's train file, some rows of which are known to be broken: they are skipped and counted. */
  readonly skipMalformed?: boolean;
}

export interface GlueTask {
  readonly name: GlueTaskName;
  /** As the leaderboard writes it; also the release's folder. */
  readonly title: string;
  /** Another name of the folder, as GLUE's own download script gives it. */
  readonly folderAlias?: string;
  readonly pair: boolean;
  /** Names of the text columns in the Hub's tables, whose label column is `label`. */
  readonly hubColumns: readonly string[];
  readonly kind: 'classification' | 'regression';
  /** Names in class order. Empty for regression. */
  readonly labels: readonly string[];
  /** Label strings of the TSV and submission files, in class order, where they differ from `labels`. */
  readonly fileLabels?: readonly string[];
  /** The first is the one that picks the best checkpoint, unless `selectBy` says otherwise. */
  readonly metrics: readonly MetricName[];
  /** What picks the best checkpoint: one metric, or the mean of all. */
  readonly selectBy: MetricName | 'combined_score';
  readonly splits: Readonly<Partial<Record<GlueSplit, SplitFile>>>;
  /** Submission file of each test split. */
  readonly submission: Readonly<Partial<Record<'test' | 'test_mismatched', string>>>;
  /** The task whose model predicts this one, where it has no training set of its own. */
  readonly predictedBy?: GlueTaskName;
  /** Range of the scores of a regression task. */
  readonly range?: readonly [number, number];
}

const inference = ['entailment', 'not_entailment'] as const;
const pairColumns = { textA: 'sentence1', textB: 'sentence2', header: true } as const;

export const glueTasks: Readonly<Record<GlueTaskName, GlueTask>> = {
  cola: {
    name: 'cola', title: 'CoLA', pair: false, hubColumns: ['sentence'], kind: 'classification',
    labels: ['unacceptable', 'acceptable'], fileLabels: ['0', '1'],
    metrics: ['matthews_correlation'], selectBy: 'matthews_correlation',
    splits: {
      train: { file: 'train.tsv', textA: 3, label: 1, header: false, officialRows: 8551 },
      dev: { file: 'dev.tsv', textA: 3, label: 1, header: false, officialRows: 1043 },
      test: { file: 'test.tsv', textA: 'sentence', header: true, officialRows: 1063 },
    },
    submission: { test: 'CoLA' },
  },
  sst2: {
    name: 'sst2', title: 'SST-2', pair: false, hubColumns: ['sentence'], kind: 'classification',
    labels: ['negative', 'positive'], fileLabels: ['0', '1'],
    metrics: ['accuracy'], selectBy: 'accuracy',
    splits: {
      train: { file: 'train.tsv', textA: 'sentence', label: 'label', header: true, officialRows: 67349 },
      dev: { file: 'dev.tsv', textA: 'sentence', label: 'label', header: true, officialRows: 872 },
      test: { file: 'test.tsv', textA: 'sentence', header: true, officialRows: 1821 },
    },
    submission: { test: 'SST-2' },
  },
  mrpc: {
    name: 'mrpc', title: 'MRPC', pair: true, hubColumns: ['sentence1', 'sentence2'], kind: 'classification',
    labels: ['not_equivalent', 'equivalent'], fileLabels: ['0', '1'],
    metrics: ['accuracy', 'f1'], selectBy: 'combined_score',
    splits: {
      train: { file: 'train.tsv', textA: '#1 String', textB: '#2 String', label: 'Quality', header: true, officialRows: 3668 },
      dev: { file: 'dev.tsv', textA: '#1 String', textB: '#2 String', label: 'Quality', header: true, officialRows: 408 },
      test: { file: 'test.tsv', textA: '#1 String', textB: '#2 String', header: true, officialRows: 1725 },
    },
    submission: { test: 'MRPC' },
  },
  stsb: {
    name: 'stsb', title: 'STS-B', pair: true, hubColumns: ['sentence1', 'sentence2'], kind: 'regression', labels: [],
    metrics: ['pearson', 'spearmanr'], selectBy: 'combined_score', range: [0, 5],
    splits: {
      train: { file: 'train.tsv', ...pairColumns, label: 'score', officialRows: 5749 },
      dev: { file: 'dev.tsv', ...pairColumns, label: 'score', officialRows: 1500 },
      test: { file: 'test.tsv', ...pairColumns, officialRows: 1379 },
    },
    submission: { test: 'STS-B' },
  },
  qqp: {
    name: 'qqp', title: 'QQP', pair: true, hubColumns: ['question1', 'question2'], kind: 'classification',
    labels: ['not_duplicate', 'duplicate'], fileLabels: ['0', '1'],
    metrics: ['accuracy', 'f1'], selectBy: 'combined_score',
    splits: {
      train: { file: 'train.tsv', textA: 'question1', textB: 'question2', label: 'is_duplicate', header: true, officialRows: 363846, skipMalformed: true },
      dev: { file: 'dev.tsv', textA: 'question1', textB: 'question2', label: 'is_duplicate', header: true, officialRows: 40430 },
      test: { file: 'test.tsv', textA: 'question1', textB: 'question2', header: true, officialRows: 390965 },
    },
    submission: { test: 'QQP' },
  },
  mnli: {
    name: 'mnli', title: 'MNLI', pair: true, hubColumns: ['premise', 'hypothesis'], kind: 'classification',
    labels: ['entailment', 'neutral', 'contradiction'],
    metrics: ['accuracy'], selectBy: 'accuracy',
    splits: {
      train: { file: 'train.tsv', ...pairColumns, label: 'gold_label', officialRows: 392702 },
      dev: { file: 'dev_matched.tsv', ...pairColumns, label: 'gold_label', officialRows: 9815 },
      dev_mismatched: { file: 'dev_mismatched.tsv', ...pairColumns, label: 'gold_label', officialRows: 9832 },
      test: { file: 'test_matched.tsv', ...pairColumns, officialRows: 9796 },
      test_mismatched: { file: 'test_mismatched.tsv', ...pairColumns, officialRows: 9847 },
    },
    submission: { test: 'MNLI-m', test_mismatched: 'MNLI-mm' },
  },
  qnli: {
    name: 'qnli', title: 'QNLI', pair: true, hubColumns: ['question', 'sentence'], kind: 'classification', labels: inference,
    metrics: ['accuracy'], selectBy: 'accuracy',
    splits: {
      train: { file: 'train.tsv', textA: 'question', textB: 'sentence', label: 'label', header: true, officialRows: 104743 },
      dev: { file: 'dev.tsv', textA: 'question', textB: 'sentence', label: 'label', header: true, officialRows: 5463 },
      test: { file: 'test.tsv', textA: 'question', textB: 'sentence', header: true, officialRows: 5463 },
    },
    submission: { test: 'QNLI' },
  },
  rte: {
    name: 'rte', title: 'RTE', pair: true, hubColumns: ['sentence1', 'sentence2'], kind: 'classification', labels: inference,
    metrics: ['accuracy'], selectBy: 'accuracy',
    splits: {
      train: { file: 'train.tsv', ...pairColumns, label: 'label', officialRows: 2490 },
      dev: { file: 'dev.tsv', ...pairColumns, label: 'label', officialRows: 277 },
      test: { file: 'test.tsv', ...pairColumns, officialRows: 3000 },
    },
    submission: { test: 'RTE' },
  },
  wnli: {
    name: 'wnli', title: 'WNLI', pair: true, hubColumns: ['sentence1', 'sentence2'], kind: 'classification',
    labels: ['not_entailment', 'entailment'], fileLabels: ['0', '1'],
    metrics: ['accuracy'], selectBy: 'accuracy',
    splits: {
      train: { file: 'train.tsv', ...pairColumns, label: 'label', officialRows: 635 },
      dev: { file: 'dev.tsv', ...pairColumns, label: 'label', officialRows: 71 },
      test: { file: 'test.tsv', ...pairColumns, officialRows: 146 },
    },
    submission: { test: 'WNLI' },
  },
  ax: {
    name: 'ax', title: 'AX', folderAlias: 'diagnostic', pair: true, hubColumns: ['premise', 'hypothesis'], kind: 'classification',
    labels: ['entailment', 'neutral', 'contradiction'],
    metrics: ['matthews_correlation'], selectBy: 'matthews_correlation', predictedBy: 'mnli',
    splits: { test: { file: 'diagnostic.tsv', ...pairColumns, officialRows: 1104 } },
    submission: { test: 'AX' },
  },
};

/** All ten names in the leaderboard's order. */
export const glueTaskNames = Object.keys(glueTasks) as readonly GlueTaskName[];

/** A name without case, hyphens and underscores. */
export function foldName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '');
}

/**
 * The task of a name in any case, with or without a hyphen or underscore (`SST-2`, `sst2`, `STS_B`).
 * Throws a UsageError with the near match for any other name.
 */
export function glueTask(name: string): GlueTask {
  const found = glueTaskNames.find((candidate) => candidate === foldName(name));
  if (found !== undefined) return glueTasks[found];
  throw new UsageError(`unknown task "${name}".${didYouMean(name, glueTaskNames)}`, { hint: `tasks: ${glueTaskNames.join(', ')}` });
}

const splitAliases: Readonly<Record<string, GlueSplit>> = {
  train: 'train', dev: 'dev', test: 'test', validation: 'dev',
  dev_matched: 'dev', validation_matched: 'dev', dev_mismatched: 'dev_mismatched', validation_mismatched: 'dev_mismatched',
  test_matched: 'test', test_mismatched: 'test_mismatched', dev_mm: 'dev_mismatched', test_mm: 'test_mismatched', diagnostic: 'test',
};

/** The split of a name as people write it (validation, dev_matched, …). Throws a UsageError where the task has no such split. */
export function glueSplit(task: GlueTask, name: string): GlueSplit {
  const spellings = Object.entries(splitAliases).filter(([, meant]) => meant in task.splits);
  const split = spellings.find(([alias]) => foldName(alias) === foldName(name))?.[1];
  if (split === undefined) {
    const choices = Object.keys(task.splits);
    throw new UsageError(`${task.title} has no split "${name}".${didYouMean(name, spellings.map(([alias]) => alias))}`, { hint: `splits of ${task.title}: ${choices.join(', ')}` });
  }
  return split;
}

/** The label strings as the TSV files and the submission write them, in class order. */
export function fileLabels(task: GlueTask): readonly string[] {
  return task.fileLabels ?? task.labels;
}

/** The class of a label in any spelling, the files' own included, or the score itself; NaN for what the task does not have. */
export function classNumbers(task: GlueTask): (value: unknown) => number {
  if (task.kind === 'regression') return (value) => (typeof value === 'number' ? value : Number.NaN);
  const numbers = new Map([...task.labels, ...fileLabels(task)].map((name, i) => [foldName(name), i % task.labels.length]));
  return (value) => (typeof value === 'string' ? (numbers.get(foldName(value)) ?? Number.NaN) : Number.NaN);
}
