/** The runs of the comparison of predictions, each in a process of its own: rates from memory to labels, and whole commands. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { glueSplit, glueTask } from '../../../glue/tasks.js';
import { BertwrightError, UsageError } from '../../../src/data/errors.js';
import { loadGlueSplit } from '../../../tasks/taskData.js';
import type { Machine } from '../machine.js';
import { besideOthers } from './otherWork.js';
import { runPeer } from './peerPython.js';

/** What both sides are given. */
export interface PredictRequest {
  readonly model: string;
  /** File of JSON lines: text, and text_pair in the rows of pairs. */
  readonly rows: string;
  /** Longest row, in tokens. */
  readonly maxLength: number;
  readonly threads: number;
}

/** One way to classify all rows. */
export interface VariantRun {
  /** Ours: `predict` or `library`; the peer's: as torch_predict.py spells them. */
  readonly variant: string;
  readonly seconds: number;
  /** In the rows' order. */
  readonly labels: readonly string[];
  /** [rows][classes], of the variants that tell them. */
  readonly logits?: readonly (readonly number[])[];
}

export interface OurPredictions {
  readonly machine: Machine;
  readonly runs: readonly VariantRun[];
}

export interface PeerPredictions {
  /** Versions. */
  readonly engine: string;
  readonly runs: readonly VariantRun[];
  readonly failed: readonly { readonly variant: string; readonly error: string }[];
}

/** With the share of the machine's processors that other work took meanwhile; absent where the system does not tell. */
export type BesideOthers<Result> = Result & { readonly others?: number };

function withOthers<Result extends object>(work: () => Result): BesideOthers<Result> {
  const { result, others } = besideOthers(work);
  return { ...result, ...(others === undefined ? {} : { others }) };
}

/** Writes the first rows of a split to `file`; returns whether they are pairs, and how many there are. A task of scores is refused: labels are compared. */
export async function writeRows(file: string, data: string, name: string, split: string, limit: number | undefined): Promise<{ readonly title: string; readonly pair: boolean; readonly rows: number }> {
  const task = glueTask(name);
  if (task.kind === 'regression') throw new UsageError(`--tasks ${name}: ${task.title} has scores; expected tasks with labels`);
  const examples = (await loadGlueSplit(data, task, glueSplit(task, split))).examples.slice(0, limit);
  writeFileSync(file, examples.map(({ textA, textB }) => `${JSON.stringify({ text: textA, text_pair: textB })}\n`).join(''));
  return { title: task.title, pair: task.pair, rows: examples.length };
}

function runNode(script: string, args: readonly string[]): string {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'pipe'] });
  if (status !== 0) throw new BertwrightError(`${script} ${args.join(' ')} failed: ${stderr.trim()}`);
  return stdout;
}

/** Rates of our two paths. */
export function ourRates(request: PredictRequest): BesideOthers<OurPredictions> {
  return withOthers(() => JSON.parse(runNode('./predictOurs.js', [JSON.stringify(request)])) as OurPredictions);
}

function peerArguments({ model, rows, maxLength, threads }: PredictRequest, variants: readonly string[]): string[] {
  return ['--model', model, '--rows', rows, '--max-length', String(maxLength), '--threads', String(threads), '--variants', variants.join(',')];
}

/** Rates of the peer's variants; those that failed stand apart. */
export function peerRates(python: string, environment: NodeJS.ProcessEnv, request: PredictRequest, variants: readonly string[]): BesideOthers<PeerPredictions> {
  return withOthers(() => {
    const { engine, runs } = runPeer(python, 'torch_predict.py', peerArguments(request, variants), environment) as unknown as { readonly engine: string; readonly runs: readonly (VariantRun & { readonly error?: string })[] };
    return {
      engine,
      runs: runs.filter(({ error }) => error === undefined),
      failed: runs.flatMap(({ variant, error }) => (error === undefined ? [] : [{ variant, error }])),
    };
  });
}

/** A whole command, from its start to the written file. */
export interface CommandRun {
  readonly seconds: number;
  readonly others?: number;
}

function timedCommand(work: () => void): CommandRun {
  const begun = performance.now();
  const { others } = besideOthers(work);
  return { seconds: (performance.now() - begun) / 1000, ...(others === undefined ? {} : { others }) };
}

/** `bertwright predict` over the file of rows. */
export function ourCommand({ model, rows, maxLength, threads }: PredictRequest, pair: boolean, output: string): CommandRun {
  const args = ['predict', '--model', model, '--file', rows, '--text-column-names', pair ? 'text,text_pair' : 'text', '--max-seq-length', String(maxLength), '--threads', String(threads), '--output', output, '--quiet'];
  return timedCommand(() => void runNode('../../cli.js', args));
}

/** The same with one variant of the peer. */
export function peerCommand(python: string, environment: NodeJS.ProcessEnv, request: PredictRequest, variant: string, output: string): CommandRun {
  return timedCommand(() => void runPeer(python, 'torch_predict.py', [...peerArguments(request, [variant]), '--write', output], environment));
}
