/** From the runs of both sides to ratios: the peer's fastest variant against ours. */
import { median } from '../measurements.js';

export type Precision = 'highest' | 'bf16';

/** One run of one side. */
export interface Run {
  readonly side: 'ours' | 'peer';
  /** What is compared with each other: a model's size, or how the peer pads. */
  readonly group: string;
  /** How this side did it: its engine, eager or compiled. */
  readonly variant: string;
  readonly precision: Precision;
  readonly round: number;
  /** Milliseconds of a step or seconds of an epoch: smaller is better. */
  readonly time: number;
  readonly peakRssMb: number;
}

/** A variant over all rounds. */
export interface Variant {
  readonly variant: string;
  readonly precision: Precision;
  /** Median over the rounds, as is the memory. */
  readonly time: number;
  readonly peakRssMb: number;
}

export interface Ratio {
  readonly group: string;
  /** `fastest`: each side in whatever precision is its fastest. */
  readonly precision: Precision | 'fastest';
  readonly ours: Variant;
  readonly peer: Variant;
  /** The peer's time over ours: above 1 we are faster. */
  readonly ratio: number;
  /** Of the ratios of the rounds. */
  readonly least: number;
  readonly most: number;
  /** Our memory over that of the peer's fastest, and over the least that any of the peer's variants took: below 1 we take less. */
  readonly memoryRatio: number;
  readonly memoryRatioToLeast: number;
}

/** The variants of some runs, the fastest first. */
export function variantsOf(runs: readonly Run[]): Variant[] {
  const byName = new Map<string, Run[]>();
  for (const run of runs) {
    const key = JSON.stringify([run.variant, run.precision]);
    byName.set(key, [...(byName.get(key) ?? []), run]);
  }
  return [...byName.values()]
    .flatMap((same): Variant[] => {
      const [first] = same;
      if (first === undefined) return [];
      return [{ variant: first.variant, precision: first.precision, time: median(same.map(({ time }) => time)), peakRssMb: median(same.map(({ peakRssMb }) => peakRssMb)) }];
    })
    .sort((a, b) => a.time - b.time);
}

/** For each group, in the order they came, the ratio in each precision that both sides ran, and of the fastest. */
export function ratiosOf(runs: readonly Run[]): Ratio[] {
  const groups = [...new Set(runs.map(({ group }) => group))];
  return groups.flatMap((group) => {
    const own = runs.filter((run) => run.group === group);
    return (['highest', 'bf16', 'fastest'] as const).flatMap((precision) => ratioOf(group, precision, precision === 'fastest' ? own : own.filter((run) => run.precision === precision)) ?? []);
  });
}

function ratioOf(group: string, precision: Ratio['precision'], runs: readonly Run[]): Ratio | undefined {
  const [ours] = variantsOf(runs.filter(({ side }) => side === 'ours'));
  const peers = variantsOf(runs.filter(({ side }) => side === 'peer'));
  const [peer] = peers;
  if (ours === undefined || peer === undefined) return undefined;
  const timeIn = (side: Run['side'], { variant, precision: own }: Variant, round: number): number | undefined =>
    runs.find((run) => run.side === side && run.variant === variant && run.precision === own && run.round === round)?.time;
  const ofRounds = [...new Set(runs.map(({ round }) => round))].flatMap((round) => {
    const [mine, theirs] = [timeIn('ours', ours, round), timeIn('peer', peer, round)];
    return mine === undefined || theirs === undefined ? [] : [theirs / mine];
  });
  return {
    group,
    precision,
    ours,
    peer,
    ratio: peer.time / ours.time,
    least: Math.min(...ofRounds),
    most: Math.max(...ofRounds),
    memoryRatio: ours.peakRssMb / peer.peakRssMb,
    memoryRatioToLeast: ours.peakRssMb / Math.min(...peers.map(({ peakRssMb }) => peakRssMb)),
  };
}
