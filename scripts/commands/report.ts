/** `bertwright report`: leaderboard-style report of finished runs. */
import path from 'node:path';
import { printJson, printLine } from '../cli/output.js';
import type { CommandSpec } from '../cli/spec.js';

export const reportCommand: CommandSpec = {
  name: 'report',
  summary: 'Write the leaderboard-style report of finished runs, and the curves of pretraining runs, as Markdown, HTML, LaTeX, CSV and JSON.',
  positional: { name: 'DIR', describe: 'folders with runs of finetune, suite or pretrain (searched to any depth)', required: true, many: true },
  options: {
    output: { type: 'string', describe: 'folder for report.md, .html, .tex, .csv and .json (default: the first DIR)', letter: 'o' },
    published: { type: 'list', describe: 'published results to show beside ours, by id: bert-tiny, bert-mini, bert-small, bert-medium, bert-base, bert-large, …' },
    data: { type: 'string', describe: 'folder with CoLA, SST-2, …: shows the texts of the rows that systems are most surely wrong about' },
    title: { type: 'string', describe: 'heading of the report (default: GLUE report, or Pretraining report)' },
  },
  examples: [
    ['bertwright report runs/suite --published bert-tiny,bert-base', 'report.md, .html, .tex, .csv and .json in runs/suite'],
    ['bertwright report runs/mini runs/mini-2 -o runs/compare', 'the curves of two pretraining runs in one drawing'],
  ],
  async run(settings, words) {
    const { writeReport } = await import('../../glue/report/writeReport.js');
    const title = settings.string('title');
    const files = await writeReport(words, {
      output: settings.string('output') ?? words[0] ?? '.',
      published: settings.list('published') ?? [],
      ...(title === undefined ? {} : { title }),
      data: settings.string('data'),
    });
    if (settings.boolean('json') === true) printJson(files.data);
    else for (const file of [files.markdown, files.html, files.latex, files.csv, files.json]) printLine(path.relative('.', file));
  },
};
