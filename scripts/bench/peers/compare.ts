/**
 * Races this package against PyTorch on this machine, in turns, each run in a process of its own, and prints the ratios.
 * Other work should be stopped; the peer's packages come from PyPI into a virtual environment at the first run.
 *
 *   npm run build
 *   node dist/scripts/bench/peers/compare.js --what step --model-config mini,minilm-l6,base [--rounds 3] [--isa avx2]
 *   node dist/scripts/bench/peers/compare.js --what finetune --task mrpc|cola [--model DIR] [--data GLUE_DIR] [--padding max_length,group]
 *
 * step: a pretraining step, against torch eager and compiled. finetune: an epoch from all-MiniLM-L6-v2 or another checkpoint, against
 * transformers' Trainer. f32, and bf16 where the processor has it; the peer's fastest variant counts. Further flags: --venv DIR,
 * --threads N, --steps N, --fraction F (of an epoch that is padded to the limit, scaled), --max-train-samples N, --precision highest|bf16
 * and --torch-modes eager (for more rounds of what counts), --json.
 */
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BertwrightError, UsageError } from '../../../src/data/errors.js';
import { chooseThreads } from '../../../src/engine/threads.js';
import { printJson, printLine } from '../../cli/output.js';
import { printError } from '../../cli/printError.js';
import { tableLines } from '../../cli/table.js';
import { type Machine, machineLine } from '../machine.js';
import { type Comparison, defaultVenv, loweredIsas, peerEnvironment, preparePython, runPeer } from './peerPython.js';
import { type Precision, type Ratio, type Run, ratiosOf } from './ratios.js';
import { checkedChoice, readScriptFlags } from './scriptFlags.js';

const torchModes = ['eager', 'compile'] as const;
const paddings = ['max_length', 'longest', 'group'] as const;
/** How the Trainer is usually run on each task: padded to the limit, and the better way for its lengths. */
const usualPaddings = { mrpc: ['max_length', 'group'], cola: ['max_length', 'longest'] } as const;

interface Options {
  readonly what: Comparison;
  readonly modelConfigs: readonly string[];
  readonly task: keyof typeof usualPaddings;
  readonly model: string;
  readonly data: string;
  readonly paddings: readonly string[];
  readonly rounds: number;
  readonly steps: number;
  readonly fraction: number;
  readonly maxTrainSamples: string | undefined;
  readonly isa: string | undefined;
  readonly precision: 'highest' | 'bf16' | 'auto';
  readonly torchModes: readonly string[];
  readonly threads: number;
  readonly venv: string;
  readonly json: boolean;
}

function readOptions(): Options {
  const flags = readScriptFlags(['what', 'model-config', 'task', 'model', 'data', 'padding', 'rounds', 'steps', 'fraction', 'max-train-samples', 'isa', 'threads', 'venv', 'precision', 'torch-modes'], ['json']);
  const task = flags.choice('task', ['mrpc', 'cola'], 'mrpc');
  const shared = process.env['BERTWRIGHT_SHARED'];
  const isa = flags.text('isa');
  const fraction = Number(flags.text('fraction') ?? 0.2);
  if (!(fraction > 0)) throw new UsageError(`--fraction ${flags.text('fraction')}: expected a number above 0`);
  return {
    what: flags.choice('what', ['step', 'finetune'], 'step'),
    modelConfigs: (flags.text('model-config') ?? 'mini,minilm-l6').split(','),
    task,
    model: flags.text('model') ?? (shared === undefined ? 'all-MiniLM-L6-v2' : path.join(shared, 'models', 'all-minilm-l6-v2')),
    data: flags.text('data') ?? process.env['GLUE_DIR'] ?? (shared === undefined ? 'glue_data' : path.join(shared, 'data', 'glue')),
    paddings: flags.list('padding', paddings) ?? usualPaddings[task],
    precision: flags.choice('precision', ['highest', 'bf16', 'auto'], 'auto'),
    torchModes: flags.list('torch-modes', torchModes) ?? torchModes,
    rounds: flags.whole('rounds', 3),
    steps: flags.whole('steps', 10),
    fraction,
    maxTrainSamples: flags.text('max-train-samples'),
    isa: isa === undefined ? undefined : checkedChoice('isa', isa, loweredIsas),
    threads: chooseThreads(flags.text('threads') === undefined ? undefined : flags.whole('threads', 1)).threads,
    venv: path.resolve(flags.text('venv') ?? defaultVenv()),
    json: flags.has('json'),
  };
}

interface OurDocument {
  readonly machine: Machine;
  readonly results: readonly { readonly engine: string; readonly precision: Precision; readonly medianMs?: number; readonly secondsPerEpoch?: number; readonly peakRssMb: number }[];
}

/** Our side: `bertwright bench`, in the precision asked for, or else in all that the machine has. */
function runOurs(args: readonly string[], { threads, isa, what, precision }: Options): OurDocument {
  const cli = fileURLToPath(new URL('../../cli.js', import.meta.url));
  const line = ['bench', '--what', what, ...args, '--threads', String(threads), '--matmul-precision', precision, ...(isa === undefined ? [] : ['--isa', isa]), '--json', '--quiet'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...line], { encoding: 'utf8', maxBuffer: 2 ** 26, stdio: ['ignore', 'pipe', 'pipe'] });
  if (status !== 0) throw new BertwrightError(`bertwright ${line.join(' ')} failed: ${stderr.trim()}`);
  return JSON.parse(stdout) as OurDocument;
}

/** One run of the peer; one that fails is told and left out, since another variant may do. */
interface PeerRun {
  readonly group: string;
  readonly variant: string;
  readonly precision: Precision;
  readonly script: string;
  readonly args: readonly string[];
}

function peerRunsOf(options: Options, group: string, precisions: readonly Precision[]): PeerRun[] {
  const { threads } = options;
  return precisions.flatMap((precision) =>
    options.what === 'step'
      ? options.torchModes.map((mode) => ({
          group, precision, variant: `torch ${mode}`, script: 'torch_step.py',
          args: ['--model-config', group, '--precision', precision, '--mode', mode, '--steps', String(options.steps), '--threads', String(threads)],
        }))
      : [{
          group, precision, variant: 'Trainer', script: 'trainer_finetune.py',
          args: [
            '--task', options.task, '--model', options.model, '--data', options.data, '--padding', group, '--precision', precision, '--threads', String(threads),
            ...(group === 'max_length' ? ['--fraction', String(options.fraction)] : []),
            ...(options.maxTrainSamples === undefined ? [] : ['--max-train-samples', options.maxTrainSamples]),
          ],
        }],
  );
}

function compare(options: Options): { machine: Machine; runs: Run[]; peers: Readonly<Record<string, unknown>>[] } {
  const python = preparePython(options.venv, options.what);
  const environment = peerEnvironment(options.threads, options.isa);
  const groups = options.what === 'step' ? options.modelConfigs : options.paddings;
  const runs: Run[] = [];
  const peers: Readonly<Record<string, unknown>>[] = [];
  let machine: Machine | undefined;
  const unit = options.what === 'step' ? 'ms' : 's';
  const add = (run: Run): void => {
    runs.push(run);
    console.error(`round ${run.round + 1}: ${run.group}, ${run.variant}, ${run.precision}: ${run.time.toFixed(1)} ${unit}, ${run.peakRssMb.toFixed(0)} MiB`);
  };
  const ours = (round: number, into: readonly string[], args: readonly string[]): readonly Precision[] => {
    const document = runOurs(args, options);
    machine ??= document.machine;
    for (const { engine, precision, medianMs, secondsPerEpoch, peakRssMb } of document.results) {
      for (const group of into) add({ side: 'ours', group, variant: `bertwright ${engine}`, precision, round, time: medianMs ?? secondsPerEpoch ?? Number.NaN, peakRssMb });
    }
    return document.results.map(({ precision }) => precision);
  };
  const theirs = (round: number, group: string, precisions: readonly Precision[]): void => {
    for (const { variant, precision, script, args } of peerRunsOf(options, group, precisions)) {
      try {
        const result = runPeer(python, script, args, environment);
        peers.push({ round, variant, ...result });
        // Its time counts all the same: leaving the run out could only flatter us.
        if (typeof result['loss'] !== 'number') console.error(`${variant}, ${precision}: the loss is not a number`);
        add({ side: 'peer', group, variant, precision, round, time: Number(result['medianMs'] ?? result['secondsPerEpoch']), peakRssMb: Number(result['peakRssMb']) });
      } catch (error) {
        console.error(`left out: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  for (let round = 0; round < options.rounds; round++) {
    if (options.what === 'finetune') {
      // Our rows are never padded: one run stands against each of the peer's ways.
      const args = ['--task', options.task, '--model', options.model, '--data', options.data, ...(options.maxTrainSamples === undefined ? [] : ['--max-train-samples', options.maxTrainSamples])];
      const precisions = ours(round, groups, args);
      for (const group of groups) theirs(round, group, precisions);
    } else {
      for (const group of groups) theirs(round, group, ours(round, [group], ['--model-config', group, '--steps', String(options.steps)]));
    }
  }
  if (machine === undefined) throw new Error('no round was run');
  return { machine, runs, peers };
}

function ratioRow({ group, precision, ours, peer, ratio, least, most, memoryRatio, memoryRatioToLeast }: Ratio): string[] {
  return [
    group, precision, ours.precision, ours.time.toFixed(1), ours.peakRssMb.toFixed(0), `${peer.variant}, ${peer.precision}`, peer.time.toFixed(1), peer.peakRssMb.toFixed(0),
    ratio.toFixed(2), `${least.toFixed(2)} to ${most.toFixed(2)}`, memoryRatio.toFixed(2), memoryRatioToLeast.toFixed(2),
  ];
}

function main(): void {
  const options = readOptions();
  const { machine, runs, peers } = compare(options);
  const ratios = ratiosOf(runs);
  const scaled = peers.some((peer) => peer['scaled'] === true);
  if (options.json) {
    printJson({ what: options.what, ...(options.what === 'finetune' ? { task: options.task } : {}), machine, ...(options.isa === undefined ? {} : { isa: options.isa }), rounds: options.rounds, loadAverage: os.loadavg(), ratios, runs, peers });
  } else {
    const unit = options.what === 'step' ? 'ms' : 's';
    printLine(`${options.what}${options.what === 'finetune' ? ` ${options.task}` : ''}: ${machineLine(machine)}${options.isa === undefined ? '' : `, both sides lowered to ${options.isa}`}`);
    printLine(`medians of ${options.rounds} ${options.rounds === 1 ? 'round' : 'rounds'}; ratio: the peer's time over ours; memory: ours over the peer's fastest, and over its least; load average ${os.loadavg()[0]?.toFixed(1)}`);
    if (scaled) printLine(`epochs padded to the limit: ${options.fraction} of an epoch, scaled`);
    for (const broken of new Set(peers.flatMap((peer) => (typeof peer['loss'] === 'number' ? [] : `${String(peer['modelConfig'])}, ${String(peer['variant'])}, ${String(peer['precision'])}`)))) {
      printLine(`the loss of ${broken} is not a number; its time counts all the same`);
    }
    for (const line of tableLines([options.what === 'step' ? 'model' : 'padding', 'precision', 'ours', unit, 'MiB', 'peer', unit, 'MiB', 'ratio', 'of the rounds', 'memory', 'to least'], ratios.map(ratioRow))) printLine(line);
  }
  if (ratios.length === 0) throw new BertwrightError('no run of the peer succeeded');
}

try {
  main();
} catch (error) {
  process.exitCode = printError(error);
}
