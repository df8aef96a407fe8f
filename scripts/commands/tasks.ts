/** `bertwright tasks`: the table of tasks. */
import { glueTaskNames, glueTasks } from '../../glue/tasks.js';
import { printJson, printLine } from '../cli/output.js';
import type { CommandSpec } from '../cli/spec.js';

export const tasksCommand: CommandSpec = {
  name: 'tasks',
  summary: 'The table of GLUE tasks: kind, labels, metrics, rows.',
  options: {},
  examples: [['bertwright tasks', 'all ten'], ['bertwright tasks --json', 'as JSON']],
  run(settings) {
    if (settings.boolean('json') === true) {
      printJson(Object.values(glueTasks));
      return Promise.resolve();
    }
    const head = ['name', 'title', 'texts', 'labels', 'metrics', 'train', 'dev', 'test'];
    const rows = glueTaskNames.map((name) => {
      const task = glueTasks[name];
      const rowCount = (...splits: readonly (keyof typeof task.splits)[]): string => splits.flatMap((split) => task.splits[split]?.officialRows ?? []).join('+') || '-';
      return [
        name, task.title, task.pair ? 'pair' : 'single', task.kind === 'regression' ? `${task.range?.join(' to ') ?? ''}` : task.labels.join(', '),
        task.metrics.join(', '), rowCount('train'), rowCount('dev', 'dev_mismatched'), rowCount('test', 'test_mismatched'),
      ];
    });
    const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
    for (const row of [head, ...rows]) printLine(row.map((text, i) => text.padEnd(widths[i] ?? 0)).join('  ').trimEnd());
    return Promise.resolve();
  },
};
