/** `bertwright submission`: the leaderboard's zip from a suite, and the check of any such zip. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from '../../src/data/errors.js';
import { printJson, printLine } from '../cli/output.js';
import type { Settings } from '../cli/settings.js';
import type { CommandSpec } from '../cli/spec.js';
import { oneOf } from '../cli/textFormat.js';

export const submissionCommand: CommandSpec = {
  name: 'submission',
  summary: 'Make the zip for the GLUE leaderboard from the runs of a suite, or check one.',
  positional: { name: 'SUITE_DIR', describe: 'folder of a suite with predictions of the test sets', required: false, many: false },
  options: {
    output: { type: 'string', describe: 'the zip to write (default: submission.zip in SUITE_DIR)', letter: 'o' },
    check: { type: 'string', describe: 'check this zip instead: every fault is listed, and the exit code is 65 where there is one' },
    system: { type: 'string', describe: 'which system, where the folder has runs of several (its name as in the report)' },
    seed: { type: 'number', whole: true, describe: 'take this seed of each task (default: the one with the best dev score)' },
    wnli: { type: 'string', describe: 'majority: one class, since its dev set misleads; train: the run trained on it (default: majority)', choices: ['majority', 'train'] },
    missing: { type: 'string', describe: 'a test set without predictions: refuse, or fill its file with the majority class (default: refuse)', choices: ['refuse', 'majority'] },
  },
  examples: [
    ['bertwright submission runs/glue --output submission.zip', 'the best dev seed of each task'],
    ['bertwright submission runs/glue --missing majority', 'also where the test set of QQP is not at hand'],
    ['bertwright submission --check submission.zip', 'names, header, rows, order, labels'],
  ],
  async run(settings, words) {
    const check = settings.string('check');
    const [directory] = words;
    if ((check === undefined) === (directory === undefined)) throw new UsageError('submission: give the folder of a suite, or a zip with --check', { hint: 'bertwright submission --help shows examples' });
    if (check !== undefined) await checkZip(settings, check);
    else await writeZip(settings, directory as string);
  },
};

async function checkZip(settings: Settings, file: string): Promise<void> {
  const { submissionFaults } = await import('../../glue/submissionZip.js');
  const { inputFileSize } = await import('../../src/data/fileBytes.js');
  await inputFileSize(file);
  const faults = submissionFaults(await readFile(file), file);
  if (settings.boolean('json') === true) printJson({ file, faults });
  else for (const fault of faults) printLine(fault);
  if (faults.length > 0) throw new DataError(`${faults.length === 1 ? 'a fault' : `${faults.length} faults`}: the leaderboard would refuse it`, { location: { file } });
  if (settings.boolean('json') !== true) printLine(`${file}: valid`);
}

async function writeZip(settings: Settings, directory: string): Promise<void> {
  const { writeSubmission } = await import('../../glue/submission.js');
  const { output, system, files, notes } = await writeSubmission({
    directory,
    output: settings.string('output') ?? path.join(directory, 'submission.zip'),
    system: settings.string('system'),
    seed: settings.number('seed'),
    wnli: oneOf(['majority', 'train'], settings.string('wnli')),
    missing: oneOf(['refuse', 'majority'], settings.string('missing')),
  });
  if (settings.boolean('json') === true) {
    printJson({ output, system, notes, files: files.map(({ run, ...file }) => ({ ...file, ...(run === undefined ? {} : { directory: run.directory, seed: run.seed }) })) });
    return;
  }
  printLine(system);
  for (const { name, run, devScore, constant, rows } of files) {
    const source = run === undefined ? `"${constant ?? ''}" for every row` : `seed ${run.seed}, ${((devScore ?? 0) * 100).toFixed(1)} on dev, ${run.directory}`;
    printLine(`  ${name.padEnd(12)} ${String(rows).padStart(6)} rows  ${source}`);
  }
  for (const note of notes) printLine(`note: ${note}`);
  printLine(output);
}
