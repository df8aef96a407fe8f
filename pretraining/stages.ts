/**
 * Stages of a run: parts with sequence lengths of their own, as BERT's 90% of the steps at 128 tokens and the rest at 512 (Devlin et al.,
 * 2019, appendix A.2). Shares are of the steps or, under a time budget, of the time; which step a stage then began at is kept in a file,
 * so that a resumed run repeats it.
 */
import { readFileSync, rmSync } from 'node:fs';
import { writeFileAtomic } from '../src/checkpoint/atomicFile.js';
import { DataError, UsageError } from '../src/data/errors.js';

export interface Stage {
  /** Tokens of the longest example, [CLS] and [SEP] included. */
  readonly maxSeqLength: number;
  /** Share of the run, above 0; the shares of all stages sum to 1. */
  readonly share: number;
}

/** The stages that `128:0.9,512:0.1` describes, given as its parts; throws a UsageError naming the part that is none. */
export function parseStages(parts: readonly string[]): Stage[] {
  const stages = parts.map((part) => {
    const [, length, share] = /^(\d+):(\d*\.?\d+)$/.exec(part.trim()) ?? [];
    if (length === undefined || share === undefined) throw new UsageError(`stages: "${part}" is not LENGTH:SHARE`, { hint: 'write for example --stages 128:0.9,512:0.1' });
    return { maxSeqLength: Number(length), share: Number(share) };
  });
  checkStages(stages);
  return stages;
}

/** Throws a UsageError for lengths below 8, shares of 0 and shares that do not sum to 1. */
export function checkStages(stages: readonly Stage[]): void {
  for (const { maxSeqLength, share } of stages) {
    if (!Number.isInteger(maxSeqLength) || maxSeqLength < 8) throw new UsageError(`stages: the length ${maxSeqLength} is not a whole number of at least 8`);
    if (!(share > 0 && share <= 1)) throw new UsageError(`stages: the share ${share} of length ${maxSeqLength} is not above 0 and at most 1`);
  }
  const sum = stages.reduce((total, { share }) => total + share, 0);
  if (!(Math.abs(sum - 1) < 1e-6)) throw new UsageError(`stages: the shares sum to ${Number(sum.toFixed(6))}; expected 1`);
}

/** Remembers the steps that stages begin at, where the clock decides them. */
export interface StageRecord {
  /** Of the stages begun so far, the first one's 0 included. */
  readonly starts: readonly number[];
  begin(step: number): void;
}

/** A StageRecord as a JSON file. What it holds is an earlier session's, unless the run is `fresh`. */
export class StageFile implements StageRecord {
  readonly #file: string;
  #starts: number[];

  constructor(file: string, fresh: boolean) {
    this.#file = file;
    if (fresh) rmSync(file, { force: true });
    this.#starts = readStarts(file);
  }

  get starts(): readonly number[] {
    return this.#starts;
  }

  begin(step: number): void {
    this.#starts.push(step);
    writeFileAtomic(this.#file, `${JSON.stringify({ starts: this.#starts })}\n`);
  }
}

function readStarts(file: string): number[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [0];
  }
  try {
    const { starts } = JSON.parse(text) as { starts: unknown };
    if (Array.isArray(starts) && starts[0] === 0 && starts.every((step, i) => Number.isInteger(step) && step >= (starts[i - 1] ?? 0))) return starts as number[];
  } catch {
    // Told below, as any other content that is none.
  }
  throw new DataError('not the steps at which stages began', { location: { file }, hint: 'Start anew with --overwrite.' });
}

/** A place in a run: a stage, counted from 0, and the step within it. */
export interface StagePlace {
  readonly stage: number;
  readonly step: number;
}

/** Which stage a step belongs to. */
export class StageSchedule {
  /** Share of the run that is over when each stage begins. */
  readonly #sharesBefore: readonly number[];
  readonly #record: StageRecord;

  /**
   * @param totalSteps of the run; has no meaning where `record` is given
   * @param record of a run under a time budget: its stages begin when the clock says so. One with more stages is a UsageError.
   */
  constructor(stages: readonly Stage[], totalSteps: number, record?: StageRecord) {
    if (record !== undefined && record.starts.length > stages.length) {
      throw new UsageError(`stages: the run is in its stage ${record.starts.length} already, but only ${stages.length} are given`, { hint: 'give as many stages as before, or start anew with --overwrite' });
    }
    let before = 0;
    this.#sharesBefore = stages.map(({ share }) => {
      before += share;
      return before - share;
    });
    const starts = this.#sharesBefore.map((share) => Math.round(share * totalSteps));
    this.#record = record ?? {
      starts: stages.length === 1 ? [0] : starts,
      begin: () => {
        throw new RangeError('StageSchedule: every stage has begun');
      },
    };
  }

  /** Steps of a stage after which another one has begun. */
  stepsOf(stage: number): number {
    const { starts } = this.#record;
    return (starts[stage + 1] as number) - (starts[stage] as number);
  }

  /**
   * The place of step `step`, from 0. `shareDone` is what part of the time budget is spent: with it a stage begins at this step where it is
   * due; without it the step belongs to the stages begun so far.
   */
  at(step: number, shareDone?: number): StagePlace {
    const { starts } = this.#record;
    if (shareDone !== undefined && step >= (starts.at(-1) ?? 0)) {
      while (starts.length < this.#sharesBefore.length && shareDone >= (this.#sharesBefore[starts.length] as number)) this.#record.begin(step);
    }
    let stage = starts.length - 1;
    while ((starts[stage] as number) > step) stage -= 1;
    return { stage, step: step - (starts[stage] as number) };
  }
}
