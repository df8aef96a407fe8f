/**
 * Published GLUE results, in percent, each marked as test or dev: the two are never ranked together.
 * Sources: google-research/bert README (the small models; BERT-base and -large rows of Devlin et al., 2019, table 1),
 * transformers' text-classification example README (bert-base-cased), and the papers of MiniLM, ELECTRA, Cramming, MosaicBERT and ModernBERT.
 */
import { UsageError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';
import type { SystemMetrics } from './averages.js';

export interface PublishedResult {
  /** What `--published` takes. */
  readonly id: string;
  readonly name: string;
  readonly split: 'test' | 'dev';
  readonly source: string;
  /** In percent. A metric that the source does not give, or does not name, is absent. */
  readonly metrics: SystemMetrics;
  /** The average that the source prints, with its definition. */
  readonly printedAverage?: { readonly value: number; readonly definition: string };
}

const google = 'google-research/bert, GLUE test; 4 epochs, best of batch {8, 16, 32, 64, 128} x rate {3e-4, 1e-4, 5e-5, 3e-5}';
const paper = 'Devlin et al., 2019, table 1, GLUE test';

/** A row of Google's small models, in the order of the published table. */
function googleRow(id: string, name: string, score: number, cells: readonly number[]): PublishedResult {
  const [cola = 0, sst2 = 0, mrpcF1 = 0, mrpcAcc = 0, pearson = 0, spearmanr = 0, qqpF1 = 0, qqpAcc = 0, m = 0, mm = 0, qnli = 0, rte = 0, wnli = 0, ax = 0] = cells;
  return {
    id, name, split: 'test', source: google,
    printedAverage: { value: score, definition: 'Leaderboard' },
    metrics: {
      cola: { matthews_correlation: cola },
      sst2: { accuracy: sst2 },
      mrpc: { f1: mrpcF1, accuracy: mrpcAcc },
      stsb: { pearson, spearmanr },
      qqp: { f1: qqpF1, accuracy: qqpAcc },
      mnli: { accuracy: m, accuracy_mm: mm },
      qnli: { accuracy: qnli },
      rte: { accuracy: rte },
      wnli: { accuracy: wnli },
      ax: { matthews_correlation: ax },
    },
  };
}

/** A row of the BERT paper's table. */
function paperRow(id: string, name: string, score: number, cells: readonly number[]): PublishedResult {
  const [cola = 0, sst2 = 0, mrpc = 0, stsb = 0, qqp = 0, m = 0, mm = 0, qnli = 0, rte = 0] = cells;
  return {
    id, name, split: 'test', source: paper,
    printedAverage: { value: score, definition: 'BERT paper' },
    metrics: {
      cola: { matthews_correlation: cola },
      sst2: { accuracy: sst2 },
      mrpc: { f1: mrpc },
      stsb: { spearmanr: stsb },
      qqp: { f1: qqp },
      mnli: { accuracy: m, accuracy_mm: mm },
      qnli: { accuracy: qnli },
      rte: { accuracy: rte },
    },
  };
}

/** Published results as their sources print them, with what is known of split and metrics. */
export const publishedResults: readonly PublishedResult[] = [
  googleRow('bert-tiny', 'BERT-tiny (2/128)', 64.2, [0, 83.2, 81.1, 71.1, 74.3, 73.6, 62.2, 83.4, 70.2, 70.3, 81.5, 57.2, 62.3, 21]),
  googleRow('bert-mini', 'BERT-mini (4/256)', 65.8, [0, 85.9, 81.1, 71.8, 75.4, 73.3, 66.4, 86.2, 74.8, 74.3, 84.1, 57.9, 62.3, 26.1]),
  googleRow('bert-small', 'BERT-small (4/512)', 71.2, [27.8, 89.7, 83.4, 76.2, 78.8, 77, 68.1, 87, 77.6, 77, 86.4, 61.8, 62.3, 28.6]),
  googleRow('bert-medium', 'BERT-medium (8/512)', 73.5, [38, 89.6, 86.6, 81.6, 80.4, 78.4, 69.6, 87.9, 80, 79.1, 87.7, 62.2, 62.3, 30.5]),
  paperRow('bert-base', 'BERT-base', 79.6, [52.1, 93.5, 88.9, 85.8, 71.2, 84.6, 83.4, 90.5, 66.4]),
  paperRow('bert-large', 'BERT-large', 82.1, [60.5, 94.9, 89.3, 86.5, 72.1, 86.7, 85.9, 92.7, 70.1]),
  {
    id: 'bert-base-cased-dev', name: 'bert-base-cased, transformers example', split: 'dev',
    source: 'transformers, text-classification example; rate 2e-5, batch 32, 3 epochs (MRPC 5), length 128',
    metrics: {
      cola: { matthews_correlation: 56.5 }, sst2: { accuracy: 92.3 }, mrpc: { f1: 88.9, accuracy: 84.1 }, stsb: { pearson: 88.6, spearmanr: 88.5 },
      qqp: { accuracy: 90.7, f1: 87.5 }, mnli: { accuracy: 83.9, accuracy_mm: 84.1 }, qnli: { accuracy: 90.7 }, rte: { accuracy: 65.7 },
    },
  },
  {
    id: 'crammed-bert-dev', name: 'Crammed BERT (24 h, one A6000)', split: 'dev', source: 'Geiping and Goldstein, 2022',
    printedAverage: { value: 78.6, definition: "the paper's own" },
    metrics: {
      cola: { matthews_correlation: 44.5 }, sst2: { accuracy: 92.2 }, mnli: { accuracy: 83.9, accuracy_mm: 84.1 }, qnli: { accuracy: 89.5 }, rte: { accuracy: 53.8 },
    },
  },
  {
    id: 'minilm-l12-dev', name: 'MiniLM L12-H384', split: 'dev', source: 'Wang et al., 2020 (MiniLM)',
    metrics: { cola: { matthews_correlation: 58.5 }, sst2: { accuracy: 93 }, mnli: { accuracy: 85.7 }, qnli: { accuracy: 91.5 }, rte: { accuracy: 73.3 } },
  },
  {
    id: 'minilm-l6-dev', name: 'MiniLM L6-H384', split: 'dev', source: 'Wang et al., 2020 (MiniLM)',
    metrics: { cola: { matthews_correlation: 47.5 }, sst2: { accuracy: 91.5 }, mnli: { accuracy: 83.3 }, qnli: { accuracy: 90.5 }, rte: { accuracy: 68.8 } },
  },
  {
    id: 'electra-small-dev', name: 'ELECTRA-small', split: 'dev', source: 'Clark et al., 2020 (ELECTRA)',
    metrics: { cola: { matthews_correlation: 57 }, sst2: { accuracy: 91.2 }, mnli: { accuracy: 81.3 }, qnli: { accuracy: 88.4 }, rte: { accuracy: 66.7 } },
  },
  {
    id: 'mosaicbert-base-dev', name: 'MosaicBERT-base (5 seeds)', split: 'dev', source: 'Portes et al., 2023 (MosaicBERT)',
    printedAverage: { value: 84.3, definition: "the paper's own" },
    metrics: { cola: { matthews_correlation: 55.1 }, sst2: { accuracy: 92.5 }, mnli: { accuracy: 85 }, qnli: { accuracy: 90.7 }, rte: { accuracy: 81.4 } },
  },
  {
    id: 'modernbert-base-dev', name: 'ModernBERT-base', split: 'dev', source: 'Warner et al., 2024 (ModernBERT)',
    metrics: { cola: { matthews_correlation: 65.1 }, sst2: { accuracy: 96 }, mnli: { accuracy: 89.1 }, qnli: { accuracy: 93.9 }, rte: { accuracy: 87.4 } },
  },
];

/** The rows of a list of ids; throws a UsageError with the near match for an unknown one. */
export function publishedRows(ids: readonly string[]): readonly PublishedResult[] {
  const known = publishedResults.map((row) => row.id);
  return ids.map((id) => {
    const row = publishedResults.find((candidate) => candidate.id === id);
    if (row === undefined) throw new UsageError(`no published result "${id}".${didYouMean(id, known)}`, { hint: `published: ${known.join(', ')}` });
    return row;
  });
}
