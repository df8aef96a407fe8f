/** Which point of a search is the best on dev: a pure function of what was measured, so that a rerun agrees. */
import { type Trial, trialSummary } from '../../glue/trials.js';

/**
 * The point with the best mean over its seeds; undefined where none may be chosen. A loss is best where it is smallest.
 * A run without a value, above all one that diverged, counts as the worst: a point with fewer of them goes before any with more. A point with a run
 * that failed otherwise, or is not made yet, has no mean that could be compared, and is left out. Of equals the first in the grid's order is taken.
 */
export function chooseTrial(trials: readonly Trial[], metric: string): Trial | undefined {
  let best: { readonly trial: Trial; readonly worst: number; readonly mean: number } | undefined;
  for (const trial of trials) {
    const summary = trialSummary(trial);
    if (summary === undefined || trial.runs.some(({ status }) => status === 'failed' || status === 'planned')) continue;
    const worst = trial.runs.length - summary.n;
    const mean = metric === 'loss' ? -summary.mean : summary.mean;
    if (best === undefined || worst < best.worst || (worst === best.worst && mean > best.mean)) best = { trial, worst, mean };
  }
  return best?.trial;
}
