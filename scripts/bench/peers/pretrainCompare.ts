/**
 * Compares `bertwright pretrain` with a PyTorch loop (transformers' BertForPreTraining) on this machine: same weights, batches and schedule,
 * each run in a process of its own. Every run's figures lie in OUTPUT as soon as it ends, so that a cut comparison goes on when the same
 * line is given again. The peer's packages come from PyPI into a virtual environment at the first run.
 *
 *   npm run build
 *   node dist/scripts/bench/peers/pretrainCompare.js --data PREPARED --output OUTPUT [--model-config mini] [--steps 500] [--rounds 3]
 *
 * loss: both in float32 without dropout; the largest difference of the losses, OUTPUT/curves.svg. floor: the peer once more with another
 * attention, that is another order of its sums. rate: tokens per second with dropout, --rate-steps of each side in turns, and our command
 * beside the bare step of `bertwright bench`. profile: what lies between the steps of our command. Further flags: --parts loss,floor,rate,profile,
 * --peers eager:bf16,eager:highest,compile:bf16 (for rate), --batch-size N, --seed N, --dropout P (for rate), --threads N, --venv DIR.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeFileAtomic } from '../../../src/checkpoint/atomicFile.js';
import { UsageError } from '../../../src/data/errors.js';
import { engineInfo, setEngine } from '../../../src/engine/index.js';
import { chooseThreads } from '../../../src/engine/threads.js';
import { printLine } from '../../cli/output.js';
import { printError } from '../../cli/printError.js';
import { describeMachine } from '../machine.js';
import { peerEnvironment, preparePython, defaultVenv } from './peerPython.js';
import { type WrittenBatches, writeBatches, writeStart } from './pretrainInputs.js';
import { type Findings, type Round, drawCurves, reportLines } from './pretrainReport.js';
import { type CurveRun, type PeerOptions, type ProfiledRun, type RunSettings, bareStep, ourCurve, ourProfiledRun, ourRun, type PeerRun, peerRun } from './pretrainRuns.js';
import { checkedChoice, readScriptFlags } from './scriptFlags.js';

const allParts = ['loss', 'floor', 'rate', 'profile'] as const;
type Part = (typeof allParts)[number];

interface Options extends RunSettings {
  readonly output: string;
  readonly modelConfig: string;
  readonly steps: number;
  readonly rateSteps: number;
  readonly rounds: number;
  readonly dropout: number;
  readonly parts: readonly Part[];
  /** Undefined: eager in every precision that this processor has. */
  readonly peers: readonly Pick<PeerOptions, 'precision' | 'mode'>[] | undefined;
  readonly venv: string;
}

function readOptions(): Options {
  const flags = readScriptFlags(['data', 'output', 'model-config', 'steps', 'rate-steps', 'rounds', 'batch-size', 'seed', 'dropout', 'parts', 'peers', 'threads', 'venv']);
  const dropout = Number(flags.text('dropout') ?? 0.1);
  if (!(dropout >= 0 && dropout < 1)) throw new UsageError(`--dropout ${flags.text('dropout')}: expected a share from 0 to below 1`);
  return {
    data: path.resolve(flags.required('data')),
    output: path.resolve(flags.required('output')),
    modelConfig: flags.text('model-config') ?? 'mini',
    steps: flags.whole('steps', 500),
    rateSteps: flags.whole('rate-steps', 200),
    rounds: flags.whole('rounds', 3),
    batchSize: flags.whole('batch-size', 32),
    seed: flags.whole('seed', 42),
    dropout,
    parts: flags.list('parts', allParts) ?? allParts,
    peers: flags.text('peers')?.split(',').map((peer) => {
      const [mode, precision] = peer.split(':');
      return { mode: checkedChoice('peers', mode, ['eager', 'compile']), precision: checkedChoice('peers', precision, ['highest', 'bf16']) };
    }),
    threads: chooseThreads(flags.text('threads') === undefined ? undefined : flags.whole('threads', 1)).threads,
    venv: path.resolve(flags.text('venv') ?? defaultVenv()),
  };
}

/** The figures in a file of OUTPUT, made by `work` where the file is not there yet. */
async function kept<Figures>(output: string, name: string, work: () => Figures | Promise<Figures>): Promise<Figures> {
  const file = path.join(output, `${name}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Figures;
  console.error(`${name} …`);
  const figures = await work();
  writeFileAtomic(file, `${JSON.stringify(figures)}\n`);
  return figures;
}

/** Figures of other settings, or of another processor, are not added to. */
function claim({ output, data, modelConfig, steps, rateSteps, batchSize, seed, dropout, threads }: Options): void {
  mkdirSync(output, { recursive: true });
  const settings = `${JSON.stringify({ data, modelConfig, steps, rateSteps, batchSize, seed, dropout, threads, processor: os.cpus()[0]?.model })}\n`;
  const file = path.join(output, 'settings.json');
  const found = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  if (found === undefined) writeFileAtomic(file, settings);
  else if (found !== settings) throw new UsageError(`${output} holds a comparison with other settings: ${found.trim()}; now ${settings.trim()}`, { hint: 'choose another --output' });
}

async function compare(options: Options): Promise<Findings> {
  const { output, data, modelConfig, seed, steps, rateSteps, dropout, batchSize, threads } = options;
  claim(options);
  await setEngine('auto', { threads });
  const info = engineInfo();
  const [plain, dropping, batches] = ['start', 'start-dropout', 'batches.safetensors'].map((name) => path.join(output, name)) as [string, string, string];
  if (!existsSync(plain)) await writeStart(plain, { data, modelConfig, dropout: 0, seed });
  if (!existsSync(dropping)) await writeStart(dropping, { data, modelConfig, dropout, seed });
  const written = await kept<WrittenBatches>(output, 'batches', () => writeBatches(batches, { data, model: plain, output, seed, perDeviceTrainBatchSize: batchSize }, Math.max(steps, rateSteps)));
  const python = preparePython(options.venv, 'pretrain');
  const environment = peerEnvironment(threads, undefined);
  const peer = (start: string, count: number, how: PeerOptions): PeerRun => peerRun(python, environment, options, start, batches, count, how);

  let ours: CurveRun | undefined;
  let theirs: PeerRun | undefined;
  let floor: PeerRun | undefined;
  if (options.parts.includes('loss')) {
    ours = await kept(output, 'loss-ours', () => ourCurve(options, plain, path.join(output, 'loss'), steps));
    theirs = await kept(output, 'loss-peer', () => peer(plain, steps, { precision: 'highest', mode: 'eager', attention: 'sdpa', exactNorm: true }));
    requireSameTokens(ours, theirs);
  }
  if (options.parts.includes('floor')) floor = await kept(output, 'loss-floor', () => peer(plain, steps, { precision: 'highest', mode: 'eager', attention: 'eager', exactNorm: true }));

  const rounds: Round[] = [];
  if (options.parts.includes('rate')) {
    const seqLength = Math.round(written.tokens / (written.steps * batchSize));
    const peers = options.peers ?? (info.hasBf16 ? (['bf16', 'highest'] as const) : (['highest'] as const)).map((precision) => ({ precision, mode: 'eager' as const }));
    const { precision } = await kept(output, 'precision', () => ({ precision: ourRun(options, dropping, path.join(output, 'run'), 2).precision }));
    for (let round = 1; round <= options.rounds; round++) {
      const bare = (when: string): Promise<number> => kept(output, `round-${round}-bare-${when}`, () => bareStep(options, dropping, seqLength, precision));
      const before = await bare('before');
      const own = await kept(output, `round-${round}-ours`, () => ourRun(options, dropping, path.join(output, 'run'), rateSteps));
      const after = await bare('after');
      const variants: PeerRun[] = [];
      for (const how of peers) {
        const name = `round-${round}-peer-${how.mode}-${how.precision}`;
        const run = await kept(output, name, () => peer(dropping, rateSteps, { ...how, attention: 'sdpa', exactNorm: false }));
        requireSameTokens(own, run);
        variants.push(run);
      }
      rounds.push({ ours: own, bareBefore: before, bareAfter: after, seqLength, peers: variants });
    }
  }
  const profile = options.parts.includes('profile') ? await kept<ProfiledRun>(output, 'profile', () => ourProfiledRun(options, dropping, path.join(output, 'run'), rateSteps)) : undefined;
  return { machine: describeMachine(info), modelConfig, written, rounds, rateSteps, ours, theirs, floor, profile };
}

/** Both sides saw the same text, or the comparison is none. */
function requireSameTokens(ours: { readonly tokens: number }, theirs: { readonly tokens: number }): void {
  if (ours.tokens !== theirs.tokens) throw new Error(`our run saw ${ours.tokens} tokens, the peer's ${theirs.tokens}`);
}

try {
  const options = readOptions();
  const findings = await compare(options);
  const svg = drawCurves(findings);
  if (svg !== undefined) writeFileAtomic(path.join(options.output, 'curves.svg'), svg);
  for (const line of reportLines(findings)) printLine(line);
} catch (error) {
  process.exitCode = printError(error);
}
