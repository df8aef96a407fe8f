/**
 * Compares predictions of a fine-tuned classifier with transformers' text-classification pipeline on this machine, in turns: same model folder, rows,
 * threads and longest length, float32. Other work should be stopped; the report says how much there was. The peer's packages come from PyPI
 * into a virtual environment at the first run.
 *
 *   npm run build
 *   node dist/scripts/bench/peers/predictCompare.js --model DIR --data GLUE_DIR --tasks mrpc,sst2 [--rounds 3]
 *
 * Prints Markdown: rows a second of `predict`, of the library's pipeline and of every variant of the peer (batch sizes; rows as they come and sorted; a
 * loop by hand, sorted), the time of whole commands, and how far labels and logits agree. The peer's fastest pipeline counts. Further flags:
 * --split dev, --batch-sizes 1,8,32,64,128, --extras bf16,compile (of the loop, as information), --max-seq-length 128, --max-samples N,
 * --threads N, --venv DIR.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BertwrightError, UsageError } from '../../../src/data/errors.js';
import { chooseThreads } from '../../../src/engine/threads.js';
import { printLine } from '../../cli/output.js';
import { printError } from '../../cli/printError.js';
import { defaultVenv, peerEnvironment, preparePython } from './peerPython.js';
import { fastestOf, type PredictFindings, type PredictRound, predictReportLines, type TaskFindings } from './predictReport.js';
import { ourCommand, ourRates, peerCommand, peerRates, type PredictRequest, writeRows } from './predictRuns.js';
import { checkedWhole, readScriptFlags } from './scriptFlags.js';

interface Options extends Omit<PredictRequest, 'rows'> {
  readonly data: string;
  readonly tasks: readonly string[];
  readonly split: string;
  readonly rounds: number;
  readonly variants: readonly string[];
  readonly maxSamples: number | undefined;
  readonly venv: string;
}

function readOptions(): Options {
  const flags = readScriptFlags(['model', 'data', 'tasks', 'split', 'rounds', 'batch-sizes', 'extras', 'max-seq-length', 'max-samples', 'threads', 'venv']);
  const batchSizes = (flags.text('batch-sizes') ?? '1,8,32,64,128').split(',').map((size) => checkedWhole('batch-sizes', size));
  return {
    model: path.resolve(flags.required('model')),
    data: path.resolve(flags.required('data')),
    tasks: (flags.text('tasks') ?? 'mrpc,sst2').split(','),
    split: flags.text('split') ?? 'dev',
    rounds: flags.whole('rounds', 3),
    variants: peerVariants(batchSizes, flags.list('extras', ['bf16', 'compile']) ?? []),
    maxLength: flags.whole('max-seq-length', 128),
    maxSamples: flags.text('max-samples') === undefined ? undefined : flags.whole('max-samples', 1),
    threads: chooseThreads(flags.text('threads') === undefined ? undefined : flags.whole('threads', 1)).threads,
    venv: path.resolve(flags.text('venv') ?? defaultVenv()),
  };
}

/** The pipeline and the loop with each batch size, the pipeline with sorted rows, too: of one row there is nothing to sort for. Extras take the loop's middle size. */
function peerVariants(batchSizes: readonly number[], extras: readonly string[]): string[] {
  const extraSize = batchSizes[Math.floor(batchSizes.length / 2)];
  return [
    ...batchSizes.flatMap((size) => [`pipeline:${size}`, ...(size === 1 ? [] : [`pipeline:${size}:sorted`])]),
    ...batchSizes.map((size) => `loop:${size}`),
    ...extras.map((extra) => `loop:${extraSize}:${extra}`),
  ];
}

async function compareTask(options: Options, name: string, python: string, folder: string): Promise<TaskFindings> {
  const { model, maxLength, threads, data, split, maxSamples, variants } = options;
  const request: PredictRequest = { model, maxLength, threads, rows: path.join(folder, `${name}.jsonl`) };
  const written = await writeRows(request.rows, data, name, split, maxSamples);
  // The tokenizer of the peer's loop takes all texts at once and has threads for it; that of its pipeline takes one.
  const environment = { ...peerEnvironment(threads, undefined), TOKENIZERS_PARALLELISM: 'true', RAYON_NUM_THREADS: String(threads) };
  const rounds: PredictRound[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    console.error(`${name}, ${written.rows} rows, round ${round} …`);
    const ours = ourRates(request);
    const peer = peerRates(python, environment, request, variants);
    const fastest = fastestOf('pipeline', [peer.runs]);
    if (fastest === undefined) throw new BertwrightError(`no pipeline of the peer succeeded: ${peer.failed.map(({ variant, error }) => `${variant}: ${error}`).join('; ')}`);
    rounds.push({
      ours,
      peer,
      ourCommand: ourCommand(request, written.pair, path.join(folder, 'ours.jsonl')),
      peerCommand: peerCommand(python, environment, request, fastest, path.join(folder, 'peer.jsonl')),
    });
  }
  return { ...written, split, rounds };
}

async function compare(options: Options): Promise<PredictFindings> {
  const python = preparePython(options.venv, 'predict');
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-predict-'));
  try {
    const tasks: TaskFindings[] = [];
    for (const name of options.tasks) tasks.push(await compareTask(options, name, python, folder));
    const first = tasks[0]?.rounds[0];
    if (first === undefined) throw new UsageError('no task was given', { hint: 'for example --tasks mrpc,sst2' });
    return { machine: first.ours.machine, engine: first.peer.engine, model: path.basename(options.model), maxLength: options.maxLength, tasks };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  for (const line of predictReportLines(await compare(readOptions()))) printLine(line);
} catch (error) {
  process.exitCode = printError(error);
}
