/** What a measurement in a process of its own is asked and gives; plain data, so that it travels between the processes. */
import type { adapterNames } from '../../tasks/adapterNames.js';
import type { ProfileSummary } from '../cli/profile.js';

interface EngineRequest {
  readonly engine: string;
  readonly threads: number | undefined;
  readonly precision: 'highest' | 'bf16';
  /** Chrome trace to write of the measured part. */
  readonly profile: string | undefined;
}

/** Pretraining steps on random tokens. */
export interface StepRequest extends EngineRequest {
  readonly measure: 'step';
  /** A preset or a config.json. */
  readonly modelConfig: string;
  /** Default: 32 sequences, 16 of base and large and wider ones. */
  readonly batchSize: number | undefined;
  readonly seqLength: number;
  readonly warmup: number;
  readonly steps: number;
}

/** One epoch of a fine-tune. */
export interface FinetuneRequest extends EngineRequest {
  readonly measure: 'finetune';
  readonly task: string;
  readonly model: string;
  readonly adapter: (typeof adapterNames)[number];
  readonly data: string | undefined;
  readonly batchSize: number;
  readonly seqLength: number;
  readonly maxTrainSamples: number | undefined;
}

export type MeasurementRequest = StepRequest | FinetuneRequest;

/** What every measurement tells; MB are MiB, the most that the process ever held. */
interface Measured {
  readonly modelConfig: string;
  readonly engine: string;
  /** Instruction set of the native engine. */
  readonly isa?: string;
  readonly precision: 'highest' | 'bf16';
  readonly batchSize: number;
  readonly seqLength: number;
  readonly tokensPerSecond: number;
  readonly peakRssMb: number;
}

export interface StepMeasurement extends Measured {
  readonly parameters: number;
  readonly steps: number;
  readonly medianMs: number;
  readonly bestMs: number;
  /** Of the last step. */
  readonly loss: number;
}

export interface FinetuneMeasurement extends Measured {
  readonly task: string;
  readonly adapter: (typeof adapterNames)[number];
  readonly trainedParameters: number;
  readonly rows: number;
  /** Real ones, without any padding. */
  readonly tokens: number;
  readonly steps: number;
  readonly secondsPerEpoch: number;
  /** Before the epoch, once for all epochs. */
  readonly tokenizeSeconds: number;
  /** Mean over the steps. */
  readonly loss: number;
}

export interface MeasurementResults {
  readonly step: StepMeasurement;
  readonly finetune: FinetuneMeasurement;
}

export type Profiled<Result> = Result & { readonly profile?: ProfileSummary };

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? upper)) / 2;
}
