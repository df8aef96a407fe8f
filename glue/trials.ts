/**
 * trials.json: what a search over hyperparameters tried and what it chose on the dev set. It lies in the folder of the points' runs and, as a copy, in
 * each run that was chosen, so that the run says wherever it is moved that its score is the best of several.
 */
import path from 'node:path';
import { DataError } from '../src/data/errors.js';
import { isJsonObject, readJsonObject } from '../src/data/jsonFile.js';
import { type MetricSummary, summarize } from './summary.js';

/** Name of the record. */
export const trialsFile = 'trials.json';

/** Folder of the points' runs, beside the run that is made from them. */
export const trialsFolder = 'trials';

/** Values of hyperparameters by the options' names (`learningRate`). */
export type TrialPoint = Readonly<Record<string, number | string>>;

const statuses = ['planned', 'complete', 'diverged', 'failed'] as const;

/** One run of a point. */
export interface TrialRun {
  readonly seed: number;
  readonly status: (typeof statuses)[number];
  /** By the record's metric, as result files have it; absent where there is none. */
  readonly value?: number | undefined;
}

/** One point with a run for each seed. */
export interface Trial {
  /** Below the folder of the points. */
  readonly directory: string;
  readonly point: TrialPoint;
  readonly runs: readonly TrialRun[];
}

export interface TrialsRecord {
  /** What chooses, without `eval_`. */
  readonly metric: string;
  /** Directory of the point that was best on dev; null while there is none. */
  readonly chosen: string | null;
  readonly trials: readonly Trial[];
}

/** The record in a folder; undefined where there is none. Throws a DataError for a file that is not one. */
export async function readTrials(directory: string): Promise<TrialsRecord | undefined> {
  const file = path.join(directory, trialsFile);
  const hint = 'delete it and run the search again: its finished runs are taken as they are';
  const record = await readJsonObject(file, hint);
  if (record === undefined || isRecord(record)) return record;
  throw new DataError('not the record of a search', { location: { file }, hint });
}

function isRecord(value: unknown): value is TrialsRecord {
  return isJsonObject(value) && typeof value['metric'] === 'string' && (value['chosen'] === null || typeof value['chosen'] === 'string') && Array.isArray(value['trials']) && value['trials'].every(isTrial);
}

function isTrial(value: unknown): value is Trial {
  if (!isJsonObject(value) || typeof value['directory'] !== 'string' || !isJsonObject(value['point']) || !Array.isArray(value['runs'])) return false;
  return (
    Object.values(value['point']).every((setting) => typeof setting === 'number' || typeof setting === 'string') &&
    value['runs'].every((run: unknown) => isJsonObject(run) && typeof run['seed'] === 'number' && statuses.some((status) => status === run['status']) && (run['value'] === undefined || typeof run['value'] === 'number'))
  );
}

/** Mean and deviation of a point over the seeds that have a value; undefined where none has. */
export function trialSummary({ runs }: Trial): MetricSummary | undefined {
  const values = runs.flatMap(({ value }) => value ?? []);
  return values.length === 0 ? undefined : summarize(values);
}

/** The point that was chosen; undefined while there is none. */
export function chosenTrial({ chosen, trials }: TrialsRecord): Trial | undefined {
  return trials.find(({ directory }) => directory === chosen);
}

/** An option's name as its flag: `learningRate` is `learning-rate`. */
export function flagName(option: string): string {
  return option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A setting as people write it: `2e-5`, not `0.00002`. */
function settingText(value: number | string): string {
  return typeof value === 'number' && value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);
}

/** `learning-rate 2e-5, per-device-train-batch-size 16`. */
export function pointText(point: TrialPoint): string {
  return settings(point, ' ').join(', ');
}

/** `learning-rate-2e-5_per-device-train-batch-size-16`: the directory of a point. */
export function pointDirectory(point: TrialPoint): string {
  return settings(point, '-').join('_');
}

function settings(point: TrialPoint, between: string): string[] {
  return Object.entries(point).map(([option, value]) => `${flagName(option)}${between}${settingText(value)}`);
}
