/**
 * Whether one system beats another on the rows of a dev set: the paired bootstrap (Efron and Tibshirani, 1993; for NLP Koehn, 2004) over rows and over seeds,
 * so that both the choice of the rows and that of the seed count as chance.
 */
import { Random } from '../../src/data/random.js';
import type { ResampledMetric } from './resampledMetrics.js';

/** One system on one set of rows: for each of its seeds its score on a resample. */
export type SeedScores = readonly ResampledMetric[];

/** A set of rows that both systems predicted, MNLI's two sets being two. */
export interface PairedRows {
  readonly rows: number;
  readonly a: SeedScores;
  readonly b: SeedScores;
}

export interface BootstrapResult {
  /** Score of a less that of b on the rows as they are, means over seeds, averaged over the sets. In the unit of the scores. */
  readonly difference: number;
  /** 95 % percentile interval of the difference. */
  readonly low: number;
  readonly high: number;
  /** Two-sided: twice the share of resamples on the other side of 0, at least 1 / resamples. */
  readonly p: number;
  readonly resamples: number;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Compares two systems on one task.
 * @param sets sets of rows whose scores are averaged; both systems have at least one seed on each, in the same order of seeds
 * @param resamples how many times rows and seeds are drawn
 * @param seed of the draws: the same call gives the same result
 */
export function pairedBootstrap(sets: readonly PairedRows[], resamples = 2000, seed = 1): BootstrapResult {
  const random = new Random(seed, resamples);
  const ones = sets.map(({ rows }) => new Float64Array(rows).fill(1));
  const score = (system: 'a' | 'b', seeds: readonly number[], weights: readonly Float64Array[]): number =>
    mean(sets.map((set, i) => mean(seeds.map((s) => (set[system][s] as ResampledMetric)(weights[i] as Float64Array)))));
  const [countA, countB] = [sets[0]?.a.length ?? 0, sets[0]?.b.length ?? 0];
  const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const draw = (count: number): number[] => all(count).map(() => random.integer(count));
  const difference = score('a', all(countA), ones) - score('b', all(countB), ones);
  const weights = ones.map((values) => values.slice());
  const differences = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    for (const values of weights) {
      values.fill(0);
      for (let i = 0; i < values.length; i++) {
        const row = random.integer(values.length);
        values[row] = (values[row] as number) + 1;
      }
    }
    differences[r] = score('a', draw(countA), weights) - score('b', draw(countB), weights);
  }
  differences.sort();
  const quantile = (q: number): number => differences[Math.min(resamples - 1, Math.max(0, Math.round(q * resamples - 0.5)))] as number;
  const below = differences.filter((value) => value <= 0).length / resamples;
  const above = differences.filter((value) => value >= 0).length / resamples;
  return { difference, low: quantile(0.025), high: quantile(0.975), p: Math.max(1 / resamples, Math.min(1, 2 * Math.min(below, above))), resamples };
}
