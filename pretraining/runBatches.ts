/** The batches of a whole run: of its stages, one after the other, made in this thread or ahead of time in another. */
import type { BatchSource } from '../src/train/types.js';
import type { ExampleBatch, PretrainingBatches } from './batches.js';
import type { Stage, StagePlace, StageSchedule } from './stages.js';

/** What makes batches. */
export interface BatchMaker {
  /** The micro-batches of a place; `upcoming` places are likely to be asked for next, in this order. */
  microBatches(place: StagePlace, upcoming: readonly StagePlace[]): Promise<readonly ExampleBatch[]> | readonly ExampleBatch[];
  close(): Promise<void>;
}

/** Makes batches when they are asked for. */
export function inThisThread(sources: readonly PretrainingBatches[]): BatchMaker {
  return {
    microBatches: ({ stage, step }) => (sources[stage] as PretrainingBatches).microBatches(step),
    close: () => Promise.resolve(),
  };
}

/** Optimizer steps of one pass over the data, on the average over the stages: a whole number where there is one stage. */
export function stepsPerPass(stages: readonly Stage[], sources: readonly PretrainingBatches[]): number {
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only.stepsPerEpoch;
  return 1 / stages.reduce((passes, { share }, i) => passes + share / (sources[i] as PretrainingBatches).stepsPerEpoch, 0);
}

/** The batches of a run of one or several stages, by the number of its step. */
export class RunBatches implements BatchSource<ExampleBatch> {
  readonly #sources: readonly PretrainingBatches[];
  readonly #schedule: StageSchedule;
  readonly #maker: BatchMaker;
  readonly #ahead: number;

  /** @param ahead steps that the maker is told of in advance */
  constructor(sources: readonly PretrainingBatches[], schedule: StageSchedule, maker: BatchMaker, ahead: number) {
    this.#sources = sources;
    this.#schedule = schedule;
    this.#maker = maker;
    this.#ahead = ahead;
  }

  microBatches(step: number, shareDone?: number): Promise<readonly ExampleBatch[]> | readonly ExampleBatch[] {
    const place = this.#schedule.at(step, shareDone);
    const upcoming = Array.from({ length: this.#ahead }, (_, i) => this.#schedule.at(step + 1 + i));
    return this.#maker.microBatches(place, upcoming);
  }

  /** Passes over the data in the first `steps` steps. */
  epochsAfter(steps: number): number {
    const [only] = this.#sources;
    if (only !== undefined && this.#sources.length === 1) return only.epochsAfter(steps);
    return this.#sources.reduce((passes, source, stage) => passes + source.epochsAfter(this.#stepsIn(stage, steps)), 0);
  }

  #stepsIn(stage: number, steps: number): number {
    if (steps === 0) return 0;
    const last = this.#schedule.at(steps - 1);
    return last.stage === stage ? last.step + 1 : last.stage > stage ? this.#schedule.stepsOf(stage) : 0;
  }
}
