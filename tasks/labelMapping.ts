/** Labels are mapped by name through a checkpoint's id2label, never by position: orders differ between sources. */
import { UsageError } from '../src/data/errors.js';
import type { TaskSpec } from './taskSpec.js';

const fold = (name: string): string => name.toLowerCase().replaceAll(/[-_\s]/g, '');

/** True for the names that transformers gives where nobody named the labels; they say nothing. */
export function isGeneric(names: readonly string[]): boolean {
  return names.every((name, i) => fold(name) === `label${i}`);
}

/**
 * The model's class of each class of the task, where the model's names are the task's (in any order and spelling, the
 * strings of the release's files included); undefined where they are not.
 */
export function matchLabels(spec: TaskSpec, modelLabels: readonly string[]): number[] | undefined {
  if (modelLabels.length !== spec.labels.length) return undefined;
  // Letter by letter first: labels such as -1 and 1, or A and a, differ only in what is folded.
  for (const spelling of [(name: string): string => name, fold]) {
    const known = modelLabels.map(spelling);
    for (const names of [spec.labels, spec.labelAliases]) {
      const map = names.map((name) => known.indexOf(spelling(name)));
      if (map.every((index) => index >= 0) && new Set(map).size === map.length) return map;
    }
  }
  return undefined;
}

/**
 * As matchLabels, for a fine-tuned model that is to be scored: names that differ are a UsageError; names that say nothing are
 * taken in the order of the table, which `note` is told.
 */
export function requireLabels(spec: TaskSpec, modelLabels: readonly string[], note: (text: string) => void): number[] {
  const map = matchLabels(spec, modelLabels);
  if (map !== undefined) return map;
  if (modelLabels.length === spec.labels.length && isGeneric(modelLabels)) {
    note(`the model does not name its labels; taken as ${spec.labels.join(', ')} in this order`);
    return spec.labels.map((_, i) => i);
  }
  throw new UsageError(`the model's labels are ${modelLabels.join(', ')}; ${spec.title} has ${spec.labels.join(', ')}`, {
    hint: 'is this the model of another task? The names stand in its config.json under id2label',
  });
}
