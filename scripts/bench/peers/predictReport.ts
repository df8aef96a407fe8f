/** The findings of the comparison of predictions: which variant counts, how far both sides agree, the report as Markdown. */
import { type Machine, machineLine } from '../machine.js';
import { median } from '../measurements.js';
import type { BesideOthers, CommandRun, OurPredictions, PeerPredictions, VariantRun } from './predictRuns.js';

/** One turn of both sides. */
export interface PredictRound {
  readonly ours: BesideOthers<OurPredictions>;
  readonly peer: BesideOthers<PeerPredictions>;
  readonly ourCommand: CommandRun;
  readonly peerCommand: CommandRun;
}

export interface TaskFindings {
  readonly title: string;
  readonly split: string;
  readonly pair: boolean;
  readonly rows: number;
  readonly rounds: readonly PredictRound[];
}

export interface PredictFindings {
  readonly machine: Machine;
  readonly engine: string;
  readonly model: string;
  readonly maxLength: number;
  readonly tasks: readonly TaskFindings[];
}

/** A variant in words. */
export function describeVariant(variant: string): string {
  if (variant === 'predict') return 'bertwright, predict and evaluate';
  if (variant === 'library') return "bertwright, the library's pipeline";
  const [kind, batch, mode] = variant.split(':');
  const words = kind === 'loop' ? 'loop by hand, sorted' : mode === 'sorted' ? 'pipeline, sorted' : 'pipeline';
  return `${words}, batches of ${batch}${kind === 'loop' && mode !== undefined ? `, ${mode}` : ''}`;
}

/** Float32 without a compiler: what counts; the other variants are information. */
const counts = (variant: string): boolean => !/:(?:bf16|compile)$/.test(variant);

/** Seconds of a variant, round by round; NaN where it failed. */
function secondsOf(runs: readonly (readonly VariantRun[])[], variant: string): number[] {
  return runs.map((round) => round.find((run) => run.variant === variant)?.seconds ?? Number.NaN);
}

/** The variants that succeeded in every round, the one with the least median first. */
export function fastestFirst(runs: readonly (readonly VariantRun[])[]): string[] {
  const timed = (runs[0] ?? []).map(({ variant }) => ({ variant, time: median(secondsOf(runs, variant)), whole: secondsOf(runs, variant).every(Number.isFinite) }));
  return timed.filter(({ whole }) => whole).sort((a, b) => a.time - b.time).map(({ variant }) => variant);
}

/** The fastest variant of a kind that counts; undefined where none succeeded. */
export function fastestOf(kind: 'pipeline' | 'loop', runs: readonly (readonly VariantRun[])[]): string | undefined {
  return fastestFirst(runs).find((variant) => variant.startsWith(`${kind}:`) && counts(variant));
}

/** Rows with other labels. Throws where the rows are not as many. */
export function differingLabels(a: readonly string[], b: readonly string[]): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} labels beside ${b.length}`);
  return a.filter((label, i) => label !== b[i]).length;
}

/** The largest difference of two tables of logits of the same shape. */
export function largestDifference(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number {
  if (a.length !== b.length) throw new RangeError(`logits of ${a.length} rows beside ${b.length}`);
  let largest = 0;
  a.forEach((row, i) => {
    const other = b[i] ?? [];
    if (row.length !== other.length) throw new RangeError(`row ${i}: ${row.length} logits beside ${other.length}`);
    // Math.max keeps a NaN of either side.
    row.forEach((value, c) => {
      largest = Math.max(largest, Math.abs(value - (other[c] ?? Number.NaN)));
    });
  });
  return largest;
}

/** The median with the ends of the rounds. */
function spread(values: readonly number[], write: (value: number) => string): string {
  return values.length === 1 ? write(median(values)) : `${write(median(values))} (${write(Math.min(...values))} to ${write(Math.max(...values))}, ${values.length} rounds)`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const times = (ratio: number): string => ratio.toFixed(2);
const seconds = (value: number): string => `${value.toFixed(2)} s`;
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** Least and most of what other work took during the runs of a task. */
function othersLine({ rounds }: TaskFindings): string {
  const shares = rounds.flatMap(({ ours, peer, ourCommand, peerCommand }) => [ours, peer, ourCommand, peerCommand].flatMap(({ others }) => (others === undefined ? [] : [others])));
  return shares.length === 0 ? 'How much other work there was is not known here.' : `Other work took ${percent(Math.min(...shares))} to ${percent(Math.max(...shares))} of the processors.`;
}

function agreementLine({ rounds }: TaskFindings): string {
  const [first] = rounds;
  const ours = first?.ours.runs.find(({ logits }) => logits !== undefined)?.logits;
  const theirs = first?.peer.runs.find(({ logits }) => logits !== undefined)?.logits;
  return ours === undefined || theirs === undefined ? 'No logits to compare.' : `Largest difference of the logits, predict beside the loop: ${largestDifference(ours, theirs).toExponential(1)}.`;
}

function taskLines(task: TaskFindings): string[] {
  const { title, split, pair, rounds, rows } = task;
  const [ours, peers] = [rounds.map((round) => round.ours.runs), rounds.map(({ peer }) => peer.runs)];
  const reference = ours[0]?.find(({ variant }) => variant === 'predict')?.labels ?? [];
  const variantLine = (runs: readonly (readonly VariantRun[])[], variant: string): string => {
    const rates = secondsOf(runs, variant).map((time) => rows / time);
    const labels = runs[0]?.find((run) => run.variant === variant)?.labels ?? [];
    return row([describeVariant(variant), ...[median(rates), Math.min(...rates), Math.max(...rates)].map((rate) => rate.toFixed(rate < 100 ? 1 : 0)), String(differingLabels(reference, labels))]);
  };
  const ratio = (mine: string, kind: 'pipeline' | 'loop'): string => {
    const theirs = fastestOf(kind, peers);
    if (theirs === undefined) return `no ${kind} of the peer succeeded`;
    const own = secondsOf(ours, mine);
    return `${spread(secondsOf(peers, theirs).map((time, i) => time / (own[i] ?? Number.NaN)), times)} times the peer's fastest ${kind} (${describeVariant(theirs)})`;
  };
  const failed = rounds[0]?.peer.failed ?? [];
  return [
    `## ${title}, ${split}: ${rows} ${pair ? 'pairs' : 'single texts'}`,
    '',
    row(['variant', 'rows a second, median', 'least', 'most', 'labels unlike those of predict']),
    '|---|---:|---:|---:|---:|',
    ...fastestFirst(ours).map((variant) => variantLine(ours, variant)),
    ...fastestFirst(peers).map((variant) => variantLine(peers, variant)),
    '',
    ...failed.map(({ variant, error }) => `Failed: ${describeVariant(variant)}: ${error}.`),
    `**predict: ${ratio('predict', 'pipeline')}**; ${ratio('predict', 'loop')}.`,
    `The library's pipeline: ${ratio('library', 'pipeline')}.`,
    `The whole command, its start and loading included: ours ${spread(rounds.map(({ ourCommand }) => ourCommand.seconds), seconds)}, a script with the peer's fastest pipeline ${spread(rounds.map(({ peerCommand }) => peerCommand.seconds), seconds)}; ratio ${spread(rounds.map(({ ourCommand, peerCommand }) => peerCommand.seconds / ourCommand.seconds), times)}.`,
    `${agreementLine(task)} ${othersLine(task)}`,
    '',
  ];
}

/** The report, line by line. */
export function predictReportLines({ machine, engine, model, maxLength, tasks }: PredictFindings): string[] {
  return [
    `${machineLine(machine)}; ${engine}.`,
    `${model}, at most ${maxLength} tokens, float32 on both sides but where bf16 is named. From texts in memory to labels, after a pass over all rows that is not counted; the model is loaded before.`,
    '',
    ...tasks.flatMap(taskLines),
  ];
}
