/** Suggestions for mistyped names: flags, tasks, files, configuration keys. */

/** Damerau-Levenshtein distance (optimal string alignment) between two strings, by code unit. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/**
 * The choice nearest to `name`, or undefined where none is near (more than a third of its letters differ).
 * Case, hyphens and underscores do not count as differences.
 */
export function nearMatch(name: string, choices: Iterable<string>): string | undefined {
  const fold = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, '');
  const wanted = fold(name);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const choice of choices) {
    const distance = editDistance(wanted, fold(choice));
    if (distance < bestDistance) {
      best = choice;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` Did you mean "x"?` where there is a near match, else the empty string. */
export function didYouMean(name: string, choices: Iterable<string>): string {
  const match = nearMatch(name, choices);
  return match === undefined ? '' : ` Did you mean "${match}"?`;
}
