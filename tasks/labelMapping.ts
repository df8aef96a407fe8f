/** Labels are mapped by name, through a checkpoint's id2label or --label-order, never by position: orders differ between sources. */
import { UsageError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';
import type { TaskSpec } from './taskSpec.js';

const fold = (name: string): string => name.toLowerCase().replaceAll(/[-_\s]/g, '');

/** Letter by letter first: labels such as -1 and 1, or A and a, differ only in what is folded. */
const spellings: readonly ((name: string) => string)[] = [(name) => name, fold];

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
  for (const spelling of spellings) {
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
    note(`the model does not name its labels; taken as ${spec.labels.join(', ')} in this order (--label-order gives another)`);
    return spec.labels.map((_, i) => i);
  }
  throw new UsageError(`the model's labels are ${modelLabels.join(', ')}; ${spec.title} has ${spec.labels.join(', ')}`, {
    hint: `is this the model of another task? The names stand in its config.json under id2label${modelLabels.length === spec.labels.length ? '; --label-order gives them in the order of its outputs' : ''}`,
  });
}

/** The task's class that a name stands for; -1 for none. */
function classOfName(spec: TaskSpec, name: string): number {
  for (const spelling of spellings) {
    for (const names of [spec.labels, spec.labelAliases]) {
      const index = names.findIndex((known) => spelling(known) === spelling(name));
      if (index >= 0) return index;
    }
  }
  return -1;
}

/**
 * --label-order as the names of a model's outputs: for a task in the task's own spelling, for own data (without `spec`) as
 * given. Throws a UsageError where a name is none of the task's (with the near match), stands twice, or is left out.
 */
export function checkedLabelOrder(order: readonly string[], spec?: TaskSpec): string[] {
  if (spec?.kind === 'regression') throw new UsageError(`--label-order ${order.join(',')}: ${spec.title} has scores, not labels`, { hint: 'leave the flag out' });
  const names = order.map((name) => {
    if (spec === undefined) return name;
    const label = spec.labels[classOfName(spec, name)];
    if (label !== undefined) return label;
    throw new UsageError(`--label-order: ${spec.title} has no label "${name}".${didYouMean(name, spec.labels)}`, { hint: `its labels are ${spec.labels.join(', ')}: give them in the order of the model's outputs` });
  });
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) throw new UsageError(`--label-order ${order.join(',')} has "${repeated}" twice`, { hint: 'give each label once, in the order of the model\'s outputs' });
  if (spec !== undefined && names.length !== spec.labels.length) {
    throw new UsageError(`--label-order ${order.join(',')} has ${names.length} ${names.length === 1 ? 'label' : 'labels'}; ${spec.title} has ${spec.labels.length}: ${spec.labels.join(', ')}`, { hint: 'give all of them, in the order of the model\'s outputs' });
  }
  return names;
}
