/**
 * The log of a run as files: each log or evaluation entry, as it is made, as a line of metrics.jsonl and as TensorBoard's events;
 * and trainer_state.json, whose log_history is laid out as transformers' Trainer writes it.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from '../checkpoint/atomicFile.js';
import { appendToFile } from './appendToFile.js';
import { EventLog } from './tensorBoard.js';
import type { LogEntry, RateRecord, StepInterval } from './types.js';

const metricsFile = 'metrics.jsonl';
const eventsFolder = 'runs';
const ratesFile = 'rates.jsonl';

/** Lines of a jsonl file that parse; a last line that a kill cut is left out. An absent file has none. */
function readLines(file: string): Record<string, number>[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === 'object' && value !== null ? [value as Record<string, number>] : [];
    } catch {
      return [];
    }
  });
}

function appendLine(file: string, line: object): void {
  appendToFile(file, `${JSON.stringify(line)}\n`);
}

/** metrics.jsonl and the TensorBoard events of a run, a line and a record an entry. */
export class MetricLog {
  readonly #file: string;
  readonly #events: EventLog;

  /**
   * Starts metrics.jsonl of `directory`, and a file of events in its folder runs/, with the entries that a resumed run already
   * has (none for a new one). @throws IoError
   */
  constructor(directory: string, history: readonly LogEntry[]) {
    this.#file = path.join(directory, metricsFile);
    writeFileAtomic(this.#file, history.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    this.#events = new EventLog(path.join(directory, eventsFolder), history);
  }

  /** Both files have the entry when this returns; nothing stays open. @throws IoError */
  append(entry: LogEntry): void {
    appendLine(this.#file, entry);
    this.#events.append(entry);
  }
}

export interface TrainerState {
  readonly bestMetric?: number | undefined;
  readonly bestModelCheckpoint?: string | undefined;
  readonly globalStep: number;
  readonly maxSteps: number;
  readonly epoch: number;
  readonly numTrainEpochs: number;
  readonly loggingSteps: number;
  readonly evalSteps: StepInterval | undefined;
  readonly saveSteps: StepInterval | undefined;
  /** Sequences; undefined where a batch is measured in tokens. */
  readonly trainBatchSize: number | undefined;
  readonly history: readonly LogEntry[];
}

/** The text of trainer_state.json, with the Trainer's keys. */
export function trainerStateJson(state: TrainerState): string {
  return `${JSON.stringify(
    {
      best_metric: state.bestMetric ?? null,
      best_model_checkpoint: state.bestModelCheckpoint ?? null,
      epoch: state.epoch,
      eval_steps: numberOrNull(state.evalSteps),
      global_step: state.globalStep,
      is_hyper_param_search: false,
      is_local_process_zero: true,
      is_world_process_zero: true,
      log_history: state.history,
      logging_steps: state.loggingSteps,
      max_steps: state.maxSteps,
      num_train_epochs: state.numTrainEpochs,
      save_steps: numberOrNull(state.saveSteps),
      train_batch_size: state.trainBatchSize ?? null,
    },
    null,
    2,
  )}\n`;
}

/** The Trainer's keys take numbers of steps only. */
function numberOrNull(every: StepInterval | undefined): number | null {
  return typeof every === 'number' ? every : null;
}

/** Learning rates under a time budget as rates.jsonl of `directory`: those of an earlier, killed session are replayed. */
export class RateLog implements RateRecord {
  readonly #file: string;
  readonly #factors = new Map<number, number>();

  constructor(directory: string) {
    this.#file = path.join(directory, ratesFile);
    for (const { step, factor } of readLines(this.#file)) {
      if (step !== undefined && factor !== undefined) this.#factors.set(step, factor);
    }
    // A cut last line would swallow the next one.
    writeFileAtomic(this.#file, [...this.#factors].map(([step, factor]) => `${JSON.stringify({ step, factor })}\n`).join(''));
  }

  recorded(step: number): number | undefined {
    return this.#factors.get(step);
  }

  record(step: number, factor: number): void {
    this.#factors.set(step, factor);
    appendLine(this.#file, { step, factor });
  }
}
