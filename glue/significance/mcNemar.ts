/** McNemar's test of two runs that classified the same rows (McNemar, 1947; in its exact form, as Dietterich, 1998, recommends for one pair of classifiers). */

export interface McNemarResult {
  /** Rows that only a has right, and that only b has right. */
  readonly onlyA: number;
  readonly onlyB: number;
  /** Two-sided, of the binomial distribution with p = 1/2; 1 where the two never differ. */
  readonly p: number;
}

/** Compares the correctness of two lists of predictions; all three lists are of one length. */
export function mcNemar(a: ArrayLike<number>, b: ArrayLike<number>, references: ArrayLike<number>): McNemarResult {
  if (a.length !== references.length || b.length !== references.length) throw new RangeError(`${a.length} and ${b.length} predictions against ${references.length} references`);
  let [onlyA, onlyB] = [0, 0];
  for (let i = 0; i < references.length; i++) {
    const [rightA, rightB] = [a[i] === references[i], b[i] === references[i]];
    if (rightA && !rightB) onlyA += 1;
    if (rightB && !rightA) onlyB += 1;
  }
  return { onlyA, onlyB, p: binomialTwoSided(Math.min(onlyA, onlyB), onlyA + onlyB) };
}

/** Chance that of n fair coins k or fewer, or n - k or more, fall on one side. */
function binomialTwoSided(k: number, n: number): number {
  if (n === 0) return 1;
  // Terms in logarithms: C(n, k) / 2^n leaves the range of a double from n = 1075 on.
  let term = -n * Math.LN2;
  let tail = Math.exp(term);
  for (let i = 1; i <= k; i++) {
    term += Math.log((n - i + 1) / i);
    tail += Math.exp(term);
  }
  return Math.min(1, 2 * tail);
}
