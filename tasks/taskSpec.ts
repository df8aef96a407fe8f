/** What a classification or regression task is to the runners, whether it comes from GLUE's table or from a user's files. */
import type { GlueTask } from '../glue/tasks.js';
import { fileLabels } from '../glue/tasks.js';

export interface TaskSpec {
  /** GLUE's name in lower case, or the stem of the user's training file. */
  readonly name: string;
  readonly title: string;
  readonly pair: boolean;
  readonly kind: 'classification' | 'regression';
  /** In class order; empty for regression. */
  readonly labels: readonly string[];
  /** Other spellings of the labels, in the same order ('0' and '1' in the release's files). */
  readonly labelAliases: readonly string[];
  /** Names as result files write them. */
  readonly metrics: readonly string[];
  /** The metric, `combined_score` included, that picks the best checkpoint. */
  readonly selectBy: string;
  /** The row of GLUE's table, where it is one. */
  readonly glue?: GlueTask | undefined;
}

/** One row of text to classify, or two. */
export interface TextPair {
  readonly index?: number | undefined;
  readonly textA: string;
  readonly textB?: string | undefined;
  /** Class by the spec's order, or the score; undefined without a gold label. */
  readonly label?: number | undefined;
}

export interface TaskExample extends TextPair {
  readonly index: number;
}

export interface TaskSplit {
  /** As predictions/NAME.jsonl: train, dev, dev_mm, test, test_mm, ax. */
  readonly name: string;
  /** Ending of the metrics' names: `_mm` for MNLI's mismatched sets. */
  readonly suffix: string;
  /** In the order of the rows. */
  readonly files: readonly string[];
  readonly examples: readonly TaskExample[];
  readonly officialRows?: number | undefined;
  readonly skipped: number;
}

export interface TaskData {
  readonly spec: TaskSpec;
  readonly train: TaskSplit;
  /** One set, two for MNLI, none for own data without a validation file. */
  readonly dev: readonly TaskSplit[];
  readonly test: readonly TaskSplit[];
}

/** The spec of a row of GLUE's table. */
export function specOfGlue(task: GlueTask): TaskSpec {
  return {
    name: task.name,
    title: task.title,
    pair: task.pair,
    kind: task.kind,
    labels: task.labels,
    labelAliases: fileLabels(task),
    metrics: task.metrics,
    selectBy: task.selectBy,
    glue: task,
  };
}
