/** The runs of the comparison of pretraining, each in a process of its own: our command, our bare step, the peer's loop. */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BertwrightError } from '../../../src/data/errors.js';
import type { ChromeTrace } from '../../../src/native/profile.js';
import type { StepValues } from './curves.js';
import { besideOthers } from './otherWork.js';
import { runPeer } from './peerPython.js';
import type { Precision } from './ratios.js';
import { type StepGaps, stepGaps } from './stepGaps.js';

/** What every run of one comparison has in common. */
export interface RunSettings {
  readonly data: string;
  readonly batchSize: number;
  readonly seed: number;
  readonly threads: number;
}

/** Of a training run. */
export interface Speed {
  readonly precision: Precision;
  /** Real ones, without any padding. */
  readonly tokens: number;
  /** Of the loop: batches, steps, log, checkpoints; no evaluation. */
  readonly tokensPerSecond: number;
  /** Share of the machine's processors that other work took meanwhile; absent where the system does not tell. */
  readonly others?: number;
}

export interface OurRun extends Speed {
  /** Of the whole command, its start and the final checkpoint included. */
  readonly wallSeconds: number;
  readonly loopSeconds: number;
}

/** A run that logs every step. */
export interface CurveRun extends Speed {
  readonly steps: readonly StepValues[];
}

function bertwright(args: readonly string[]): Readonly<Record<string, unknown>> {
  const cli = fileURLToPath(new URL('../../cli.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args, '--json', '--quiet'], { encoding: 'utf8', maxBuffer: 2 ** 26, stdio: ['ignore', 'pipe', 'pipe'] });
  if (status !== 0) throw new BertwrightError(`bertwright ${args.join(' ')} failed: ${stderr.trim()}`);
  return JSON.parse(stdout) as Readonly<Record<string, unknown>>;
}

/** `bertwright pretrain` with defaults but for `more`; an evaluation, where documents are held out, comes last and is not counted. */
function pretrainCommand({ data, batchSize, seed, threads }: RunSettings, start: string, output: string, steps: number, more: readonly string[]): OurRun {
  const args = ['pretrain', '--data', data, '--model', start, '--output', output, '--max-steps', String(steps), '--eval-steps', String(steps), '--per-device-train-batch-size', String(batchSize), '--seed', String(seed), '--threads', String(threads), ...more];
  const begun = performance.now();
  const { result, others } = besideOthers(() => bertwright(args));
  const wallSeconds = (performance.now() - begun) / 1000;
  const evaluation = typeof result['eval_runtime'] === 'number' ? result['eval_runtime'] : 0;
  const [tokens, loopSeconds] = [Number(result['train_tokens']), Number(result['train_runtime']) - evaluation];
  const precision = result['precision'] === 'bf16' ? 'bf16' : 'highest';
  return { precision, tokens, tokensPerSecond: tokens / loopSeconds, wallSeconds: wallSeconds - evaluation, loopSeconds, ...(others === undefined ? {} : { others }) };
}

/** Our run in float32 with a log line for each step. A cut one goes on where it was cut. */
export function ourCurve(settings: RunSettings, start: string, output: string, steps: number): CurveRun {
  const speed = pretrainCommand(settings, start, output, steps, ['--matmul-precision', 'highest', '--logging-steps', '1']);
  const lines = readFileSync(path.join(output, 'metrics.jsonl'), 'utf8').trim().split('\n');
  const values = lines.map((line) => JSON.parse(line) as StepValues).filter(({ loss }) => loss !== undefined);
  if (values.length !== steps) throw new BertwrightError(`${output}: ${values.length} log lines; expected ${steps}`);
  return { ...speed, steps: values };
}

/** Our run in the precision that is the default here. */
export function ourRun(settings: RunSettings, start: string, output: string, steps: number): OurRun {
  const run = pretrainCommand(settings, start, output, steps, ['--overwrite']);
  rmSync(output, { recursive: true, force: true });
  return run;
}

export interface ProfiledRun extends OurRun, StepGaps {}

/** The same with a profile; its own cost falls on the steps. */
export function ourProfiledRun(settings: RunSettings, start: string, output: string, steps: number): ProfiledRun {
  const trace = `${output}-trace.json`;
  const run = pretrainCommand(settings, start, output, steps, ['--overwrite', '--profile', trace]);
  const gaps = stepGaps(JSON.parse(readFileSync(trace, 'utf8')) as ChromeTrace);
  if (gaps.steps !== steps) throw new BertwrightError(`${trace} holds ${gaps.steps} of ${steps} steps`, { hint: 'take fewer with --rate-steps' });
  rmSync(output, { recursive: true, force: true });
  rmSync(trace);
  return { ...run, ...gaps };
}

/** Tokens per second of our bare step on random tokens, as `bertwright bench` measures it. */
export function bareStep({ batchSize, threads }: RunSettings, start: string, seqLength: number, precision: Precision): number {
  const document = bertwright(['bench', '--what', 'step', '--model-config', path.join(start, 'config.json'), '--per-device-train-batch-size', String(batchSize), '--max-seq-length', String(seqLength), '--steps', '20', '--threads', String(threads), '--matmul-precision', precision]);
  const [result] = document['results'] as readonly { readonly tokensPerSecond: number }[];
  return result?.tokensPerSecond ?? Number.NaN;
}

/** A step of the peer; `rounded_norm` is the norm as torch's clipping sums it, in float32. */
export interface PeerStep extends StepValues {
  readonly rounded_norm: number;
}

export interface PeerOptions {
  readonly precision: Precision;
  readonly mode: 'eager' | 'compile';
  readonly attention: 'sdpa' | 'eager';
  /** Clip by a norm of the gradients that is summed in float64: torch's own is off in the fourth digit. */
  readonly exactNorm: boolean;
}

export interface PeerRun extends Omit<CurveRun, 'steps'> {
  readonly steps: readonly PeerStep[];
  readonly engine: string;
  readonly peakRssMb: number;
}

/** The peer's loop over the batches in a file. */
export function peerRun(python: string, environment: NodeJS.ProcessEnv, { threads }: RunSettings, start: string, batches: string, steps: number, { precision, mode, attention, exactNorm }: PeerOptions): PeerRun {
  const args = ['--model', start, '--batches', batches, '--steps', String(steps), '--precision', precision, '--mode', mode, '--attention', attention, '--threads', String(threads), ...(exactNorm ? ['--exact-norm'] : [])];
  const { result, others } = besideOthers(() => runPeer(python, 'torch_pretrain.py', args, environment));
  return { ...(result as unknown as PeerRun), ...(others === undefined ? {} : { others }) };
}
