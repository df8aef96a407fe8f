/** The findings of the comparison of pretraining as Markdown, and the drawing of the curves. */
import { type Machine, machineLine } from '../machine.js';
import { median } from '../measurements.js';
import { type Curve, type StepValues, curvesSvg, differenceOf } from './curves.js';
import type { WrittenBatches } from './pretrainInputs.js';
import type { CurveRun, OurRun, PeerRun, ProfiledRun, Speed } from './pretrainRuns.js';

/** One turn of both sides, between two measurements of our bare step. */
export interface Round {
  readonly ours: OurRun;
  /** Tokens per second. */
  readonly bareBefore: number;
  readonly bareAfter: number;
  /** Of the bare step's sequences: the mean of the data's. */
  readonly seqLength: number;
  readonly peers: readonly PeerRun[];
}

export interface Findings {
  readonly machine: Machine;
  readonly modelConfig: string;
  readonly written: WrittenBatches;
  readonly rateSteps: number;
  readonly rounds: readonly Round[];
  readonly ours?: CurveRun | undefined;
  readonly theirs?: PeerRun | undefined;
  readonly floor?: PeerRun | undefined;
  readonly profile?: ProfiledRun | undefined;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [row(head), `|${head.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`, ...rows.map(row), ''];
const busy = ({ others }: Speed): string => (others === undefined ? '-' : percent(others));

/** Medians over the rounds, and the least and the most of them. */
function spread(values: readonly number[], write: (value: number) => string): string {
  const ends = values.length === 1 ? '' : ` (${write(Math.min(...values))} to ${write(Math.max(...values))}, ${values.length} rounds)`;
  return `${write(median(values))}${ends}`;
}

/** What our command reaches of the bare step's speed. */
export function endToEndShare({ ours, bareBefore, bareAfter }: Round): number {
  return ours.tokensPerSecond / ((bareBefore + bareAfter) / 2);
}

/** Our speed over that of the peer's fastest variant of all rounds, round by round. */
export function ratiosToFastest(rounds: readonly Round[]): { readonly fastest: number; readonly ratios: readonly number[] } {
  const variants = rounds[0]?.peers.map((_, i) => median(rounds.map(({ peers }) => peers[i]?.tokensPerSecond ?? Number.NaN))) ?? [];
  const fastest = variants.indexOf(Math.max(...variants));
  return { fastest, ratios: rounds.map(({ ours, peers }) => ours.tokensPerSecond / (peers[fastest]?.tokensPerSecond ?? Number.NaN)) };
}

/** The report, line by line. */
export function reportLines(findings: Findings): string[] {
  const { machine, written, ours, theirs, rounds, profile, modelConfig } = findings;
  return [
    `${machineLine(machine)}.`,
    `${modelConfig}, batches of ${written.batchSize}, ${(written.tokens / written.steps).toFixed(0)} tokens a step, ${percent(written.padding / (written.tokens + written.padding))} padding on the peer's side.`,
    '',
    ...(ours === undefined || theirs === undefined ? [] : curveLines(ours, theirs, findings.floor)),
    ...(rounds.length === 0 ? [] : rateLines(findings)),
    ...(profile === undefined ? [] : profileLines(profile, written)),
  ];
}

const valueNames: readonly (readonly [keyof StepValues, string])[] = [['loss', 'loss'], ['mlm_loss', 'masked words'], ['nsp_loss', 'next sentence'], ['grad_norm', 'gradient norm'], ['learning_rate', 'learning rate']];

function curveLines(ours: CurveRun, theirs: PeerRun, floor: PeerRun | undefined): string[] {
  const cells = (a: CurveRun, b: CurveRun, name: keyof StepValues): string[] => {
    const { largest, step, mean, atEnd } = differenceOf(a.steps, b.steps, name);
    return [largest.toExponential(2), String(step), mean.toExponential(2), atEnd.toExponential(2)];
  };
  const rounding = theirs.steps.reduce((most, { grad_norm, rounded_norm }) => Math.max(most, Math.abs(rounded_norm / grad_norm - 1)), 0);
  const [first, last] = [theirs.steps[0]?.loss ?? Number.NaN, theirs.steps.at(-1)?.loss ?? Number.NaN];
  return [
    `Losses of ${ours.steps.length} steps in float32 without dropout; the peer's goes from ${first.toFixed(3)} to ${last.toFixed(3)}, ours to ${ours.steps.at(-1)?.loss.toFixed(3)}. Other work took ${busy(ours)} and ${busy(theirs)} of the processors. The peer clips by a norm summed in float64; torch's own, summed in float32, is off by up to ${rounding.toExponential(1)} of itself.`,
    '',
    ...table(
      ['difference', 'largest', 'at step', 'mean', 'means of the last tenth', ...(floor === undefined ? [] : ['peer with itself: largest', 'at step', 'mean', 'last tenth'])],
      valueNames.map(([name, title]) => [title, ...cells(ours, theirs, name), ...(floor === undefined ? [] : cells(floor, theirs, name))]),
    ),
  ];
}

function rateLines({ rounds, rateSteps }: Findings): string[] {
  const { fastest, ratios } = ratiosToFastest(rounds);
  const [first] = rounds;
  const speed = (value: number): string => String(Math.round(value));
  const head = ['round', `ours, ${first?.ours.precision}`, 'bare step before', 'after', 'share', ...(first?.peers ?? []).map(({ engine, precision }) => `${engine}, ${precision}`), 'ratio', 'others: ours, peers'];
  const lines = rounds.map((round, i) => [
    String(i + 1), speed(round.ours.tokensPerSecond), speed(round.bareBefore), speed(round.bareAfter), percent(endToEndShare(round)),
    ...round.peers.map(({ tokensPerSecond }) => speed(tokensPerSecond)), (ratios[i] ?? Number.NaN).toFixed(2), [round.ours, ...round.peers].map(busy).join(', '),
  ]);
  const peer = first?.peers[fastest];
  return [
    `Tokens per second over ${rateSteps} steps with dropout; the bare step on ${first?.seqLength} tokens a sequence. "Others" is the share of the processors that other work took.`,
    '',
    ...table(head, lines),
    `Ours over ${peer?.engine}, ${peer?.precision}: ${spread(ratios, (ratio) => ratio.toFixed(2))}. The command over the bare step: ${spread(rounds.map(endToEndShare), percent)}; its loop over the whole command: ${spread(rounds.map(({ ours }) => ours.loopSeconds / ours.wallSeconds), percent)}.`,
    '',
  ];
}

function profileLines({ steps, stepSeconds, betweenSeconds, medianGapMs, longestGapsMs, loopSeconds, others }: ProfiledRun, { batchMs }: WrittenBatches): string[] {
  return [
    `Inside one profiled run of ${steps} steps: ${percent(stepSeconds / loopSeconds)} of the loop's ${loopSeconds.toFixed(1)} s lies in the steps, ${betweenSeconds.toFixed(2)} s between them (median ${medianGapMs.toFixed(2)} ms, of which making a batch alone takes ${batchMs.toFixed(2)} ms; the longest ${longestGapsMs.map((gap) => gap.toFixed(0)).join(', ')} ms) and ${(loopSeconds - stepSeconds - betweenSeconds).toFixed(2)} s before the first and after the last, the last checkpoint among them${others === undefined ? '' : `; other work took ${percent(others)} of the processors`}.`,
    '',
  ];
}

/** Both losses above each other, and their distance; undefined where there are none. */
export function drawCurves({ ours, theirs, floor, modelConfig, machine }: Findings): string | undefined {
  if (ours === undefined || theirs === undefined) return undefined;
  const lossOf = ({ steps }: CurveRun): number[] => steps.map(({ loss }) => loss);
  const apart = (a: CurveRun): number[] => a.steps.map(({ loss }, i) => Math.abs(loss - (theirs.steps[i]?.loss ?? Number.NaN)));
  const losses: Curve[] = [
    { label: 'bertwright', color: '#f2a65a', width: 5, values: lossOf(ours) },
    { label: 'transformers, PyTorch', color: '#1f4e9c', width: 1.2, values: lossOf(theirs) },
  ];
  const differences: Curve[] = [
    ...(floor === undefined ? [] : [{ label: 'PyTorch with itself (other sums)', color: '#1f4e9c', width: 1, values: apart(floor) }]),
    { label: 'bertwright with PyTorch', color: '#d9661f', width: 1, values: apart(ours) },
  ];
  return curvesSvg(`${modelConfig}, ${ours.steps.length} steps of pretraining in float32, ${machine.processor}`, losses, differences);
}
