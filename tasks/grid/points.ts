/** The points of a search: the cross product of the grid that was asked for and the recipe's, for what neither sets nor searches. */
import { flagName, pointText } from '../../glue/trials.js';
import { UsageError } from '../../src/data/errors.js';
import { chosenAdapter } from '../adapterChoice.js';
import { checkedMaxLength } from '../encodeSplit.js';
import { type FinetuneFacts, planFinetune } from '../finetunePlan.js';
import type { AdapterOptions, FinetuneOptions, HyperparameterOptions } from '../options.js';
import { recipe } from '../recipes.js';
import type { TaskSpec } from '../taskSpec.js';
import { type GridKey, type GridOptions, type GridPoint, gridKey } from './gridKeys.js';

/** What a search starts from. */
export interface SearchOptions extends HyperparameterOptions, AdapterOptions {
  readonly grid?: GridOptions | undefined;
}

/** The values to try by key: those of `grid`, then those of the recipe's own grid for what is neither searched nor set. */
function searchedValues(options: SearchOptions): Map<GridKey, readonly (number | string)[]> {
  const searched = new Map<GridKey, readonly (number | string)[]>();
  for (const [name, values] of Object.entries(options.grid ?? {}) as [string, readonly (number | string)[] | undefined][]) {
    if (values === undefined) continue;
    const key = gridKey(name);
    if (!Array.isArray(values) || values.length === 0) throw new UsageError(`--grid ${flagName(key)}: no values; expected at least one`);
    if ((options as FinetuneOptions)[key] !== undefined) {
      throw new UsageError(`--grid ${flagName(key)} and --${flagName(key)} are both given`, { hint: 'search it or set it: leave one of the two out' });
    }
    searched.set(key, values);
  }
  // What the recipe searches is its default, which a flag or a grid replaces key by key.
  const own: Readonly<Record<string, readonly number[]>> = options.recipe === undefined ? {} : (recipe(options.recipe).grid ?? {});
  for (const [name, values] of Object.entries(own)) {
    const key = gridKey(name);
    const byTokens = key === 'perDeviceTrainBatchSize' && (options.tokensPerBatch !== undefined || searched.has('tokensPerBatch'));
    if (!byTokens && !searched.has(key) && (options as FinetuneOptions)[key] === undefined) searched.set(key, values);
  }
  return searched;
}

/**
 * The points in the grid's order, the first key the slowest; empty where nothing is searched.
 * @throws UsageError for an unknown key, a key without values or that is set as well, a recipe with a grid of its own among those searched
 */
export function gridPoints(options: SearchOptions): GridPoint[] {
  const searched = searchedValues(options);
  const nested = (searched.get('recipe') ?? []).find((name) => recipe(String(name)).grid !== undefined);
  if (nested !== undefined) throw new UsageError(`--grid recipe: ${nested} is a grid itself`, { hint: `search it alone: --recipe ${nested}` });
  let points: Readonly<Record<string, number | string>>[] = [{}];
  for (const [key, values] of searched) points = points.flatMap((point) => values.map((value) => ({ ...point, [key]: value })));
  return points.length > 1 ? (points as GridPoint[]) : [];
}

/** Stands for the rows of any task: plans are compared and their values checked before data are read. */
const anyRows: FinetuneFacts = { trainRows: 1_000_000, trainLengths: new Int32Array(1000).fill(1), devRows: 1000, hiddenSize: 768 };

/**
 * Checks every point on every task before anything runs.
 * @throws UsageError that names the point for a value out of range, for two points that are the same run, and for a `grid` of one point
 */
export function checkPoints(options: SearchOptions, points: readonly GridPoint[], tasks: readonly TaskSpec[]): void {
  if (points.length === 0 && Object.values(options.grid ?? {}).some((values) => values !== undefined)) {
    throw new UsageError('--grid has one point: there is nothing to choose from', { hint: 'give a second value, or the flag itself' });
  }
  for (const spec of tasks) {
    const known = new Map<string, GridPoint>();
    for (const point of points) {
      const run = JSON.stringify(settingsOf({ ...options, ...point }, spec, point));
      const same = known.get(run);
      if (same !== undefined) throw new UsageError(`--grid: ${pointText(same)} and ${pointText(point)} are the same run of ${spec.title}`, { hint: 'does another setting make the searched one void?' });
      known.set(run, point);
    }
  }
}

/** What decides a point's result, its values checked. */
function settingsOf(options: SearchOptions, spec: TaskSpec, point: GridPoint): unknown {
  try {
    const adapter = chosenAdapter(options);
    const plan = planFinetune({ ...options, model: '', output: '' }, spec, { ...anyRows, adapted: adapter !== undefined });
    checkedMaxLength(plan.maxSeqLength, plan.maxSeqLength);
    return [plan, adapter];
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`--grid, point ${pointText(point)}: ${error.message}`, { hint: error.hint, cause: error });
  }
}
