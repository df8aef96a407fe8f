/**
 * Event files as TensorBoard reads them: TFRecord frames (https://www.tensorflow.org/tutorials/load_data/tfrecord), each around one
 * Event message (event.proto and summary.proto of https://github.com/tensorflow/tensorboard). Only scalars are written.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { crc32c, maskCrc32c } from '../checkpoint/crc32c.js';
import { IoError } from '../data/errors.js';
import { ProtobufMessage } from '../data/protobuf.js';
import { appendToFile } from './appendToFile.js';
import type { LogEntry } from './types.js';

/** Field numbers. */
const eventFields = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const summaryValue = 1;
const valueFields = { tag: 1, simpleValue: 2 } as const;
const sessionLogStatus = 1;

const sessionStart = 1;
/** The version from which on a session's start, and not a step that goes backwards, tells TensorBoard what to forget. */
const fileVersion = 'brain.Event:2';

const namePattern = /^events\.out\.tfevents\.(\d+)\./;

/** The tag of a log value, as transformers' TensorBoardCallback names it: eval/loss for eval_loss, train/loss for loss. */
export function tensorBoardTag(name: string): string {
  const [, split, rest] = /^(eval|test)_(.+)$/.exec(name) ?? [];
  return split === undefined ? `train/${name}` : `${split}/${rest}`;
}

/** Length, its checksum, the data, its checksum. */
function record(message: ProtobufMessage): Uint8Array {
  const data = Buffer.concat([...message.chunks()]);
  const framed = Buffer.alloc(8 + 4 + data.length + 4);
  framed.writeBigUInt64LE(BigInt(data.length), 0);
  framed.writeUInt32LE(maskCrc32c(crc32c(framed.subarray(0, 8))), 8);
  data.copy(framed, 12);
  framed.writeUInt32LE(maskCrc32c(crc32c(data)), 12 + data.length);
  return framed;
}

function eventRecord(step: number, fill: (event: ProtobufMessage) => void): Uint8Array {
  const event = new ProtobufMessage();
  event.double(eventFields.wallTime, Date.now() / 1000);
  // A field that is zero is left out in proto3.
  if (step !== 0) event.integer(eventFields.step, step);
  fill(event);
  return record(event);
}

/** All values of a log entry as one event. */
function entryRecord({ step = 0, ...values }: LogEntry): Uint8Array {
  const summary = new ProtobufMessage();
  for (const [name, number] of Object.entries(values)) {
    const value = new ProtobufMessage();
    value.string(valueFields.tag, tensorBoardTag(name));
    value.float(valueFields.simpleValue, number);
    summary.message(summaryValue, value);
  }
  return eventRecord(step, (event) => event.message(eventFields.summary, summary));
}

function sessionStartRecord(step: number): Uint8Array {
  const session = new ProtobufMessage();
  session.integer(sessionLogStatus, sessionStart);
  return eventRecord(step, (event) => event.message(eventFields.sessionLog, session));
}

/** A file of TensorBoard events that grows with the run. */
export class EventLog {
  readonly #file: string;

  /**
   * Starts a new event file in `directory`, beside those of earlier sessions. Of these TensorBoard keeps what lies before the
   * last step of `history`, the entries that a resumed run already has; those of that step are written again, since what the
   * earlier session added at it after its last checkpoint is made anew. Without earlier files the whole history is written.
   * @throws IoError
   */
  constructor(directory: string, history: readonly LogEntry[]) {
    const earlier = startTimes(directory);
    // TensorBoard reads the files in order of name: a new one must come last, even within a second or where the clock was set back.
    const seconds = Math.max(Math.floor(Date.now() / 1000), ...earlier.map((time) => time + 1));
    const host = os.hostname().replaceAll(/[^A-Za-z0-9-]/g, '-');
    this.#file = path.join(directory, `events.out.tfevents.${String(seconds).padStart(10, '0')}.${host}.${process.pid}.0`);
    const last = history.at(-1)?.['step'] ?? 0;
    const kept = earlier.length === 0 ? history : history.filter((entry) => entry['step'] === last);
    appendToFile(
      this.#file,
      Buffer.concat([
        eventRecord(0, (event) => event.string(eventFields.fileVersion, fileVersion)),
        ...(earlier.length === 0 ? [] : [sessionStartRecord(last)]),
        ...kept.map(entryRecord),
      ]),
    );
  }

  /** Adds the values of an entry at its step; the file has them when this returns. @throws IoError */
  append(entry: LogEntry): void {
    appendToFile(this.#file, entryRecord(entry));
  }
}

/** Seconds in the names of the event files of a directory, which is made where it is absent. */
function startTimes(directory: string): number[] {
  try {
    mkdirSync(directory, { recursive: true });
    return readdirSync(directory).flatMap((name) => {
      const seconds = namePattern.exec(name)?.[1];
      return seconds === undefined ? [] : [Number(seconds)];
    });
  } catch (cause) {
    throw new IoError(`cannot write into ${directory}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
