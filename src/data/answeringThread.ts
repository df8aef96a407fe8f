/**
 * A worker thread that answers the messages it is sent, one by one and in their order; errors reach who asked with their class, location and hint.
 * The thread's script calls `answerEach`.
 */
import { type MessagePort, type ResourceLimits, type TransferListItem, Worker } from 'node:worker_threads';
import { BertwrightError, DataError, formatLocation, type InputLocation, UsageError } from './errors.js';

export interface AnsweringThreadOptions {
  /** What the script finds as workerData. */
  readonly workerData: unknown;
  /** What the thread does, for messages: "counts words". */
  readonly purpose: string;
  /** What to do where its memory does not suffice. */
  readonly outOfMemoryHint: string;
  readonly resourceLimits?: ResourceLimits | undefined;
}

/** An error as it crosses to another thread, where structured cloning would drop its class and hint. */
interface ErrorMessage {
  readonly name: string;
  /** Without the location. */
  readonly message: string;
  readonly location: InputLocation | undefined;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

type Answer<T> = { readonly value: T } | { readonly error: ErrorMessage };

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export class AnsweringThread<Question, Value> {
  readonly #worker: Worker;
  readonly #options: AnsweringThreadOptions;
  /** Answers come in the order of the questions. */
  readonly #waiting: Waiting<Value>[] = [];
  #failure: unknown;

  /** Starts the thread, which keeps the process alive until `close`. */
  constructor(script: URL, options: AnsweringThreadOptions) {
    this.#options = options;
    // Flags of this process may be such that only its own program can have (--input-type, --test).
    this.#worker = new Worker(script, { workerData: options.workerData, execArgv: [], ...(options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits }) });
    this.#worker.on('message', (answer: Answer<Value>) => {
      const waiting = this.#waiting.shift();
      if ('value' in answer) waiting?.resolve(answer.value);
      else waiting?.reject(rebuilt(answer.error));
    });
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`a thread that ${options.purpose} ended with exit code ${code}`)));
  }

  /** Questions without an answer yet. */
  get pending(): number {
    return this.#waiting.length;
  }

  /** True once the thread has ended, by `close` or otherwise: it answers nothing any more. */
  get ended(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * The answer to one question. Rejections that nobody looks at are none: who drops a question need not wait for its answer.
   * @param transfer memory that moves to the thread and is gone here
   * @throws (rejects with) what the thread's function threw, or what ended the thread
   */
  ask(question: Question, transfer: readonly TransferListItem[] = []): Promise<Value> {
    if (this.ended) return handled(Promise.reject(this.#failure));
    return handled(
      new Promise<Value>((resolve, reject) => {
        this.#waiting.push({ resolve, reject });
        this.#worker.postMessage(question, transfer);
      }),
    );
  }

  /** Ends the thread, whatever it is at; what is still asked fails. */
  async close(): Promise<void> {
    this.#fail(new Error(`the thread that ${this.#options.purpose} was closed`));
    await this.#worker.terminate();
  }

  #fail(error: unknown): void {
    this.#failure ??= this.#named(error);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }

  #named(error: unknown): unknown {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY')) return error;
    return new BertwrightError(`a thread that ${this.#options.purpose} ran out of memory (${error.message})`, { hint: this.#options.outOfMemoryHint, cause: error });
  }
}

function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function errorMessage(thrown: unknown): ErrorMessage {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const location = error instanceof DataError ? error.location : undefined;
  const message = location === undefined ? error.message : error.message.slice(formatLocation(location).length + 2);
  return { name: error.name, message, location, hint: error instanceof BertwrightError ? error.hint : undefined, stack: error.stack };
}

/** The error again; its stack in the thread is kept as the cause. */
function rebuilt({ name, message, location, hint, stack }: ErrorMessage): Error {
  const options = { hint, cause: stack };
  if (name === 'DataError') return new DataError(message, { ...options, location });
  if (name === 'UsageError') return new UsageError(message, options);
  return hint === undefined ? Object.assign(new Error(message, { cause: stack }), { name }) : new BertwrightError(message, options);
}

/**
 * The other side, in the thread's script: answers each message with what `answer` returns.
 * @param buffersOf memory of an answer that moves to who asked instead of being copied
 */
export function answerEach<Question, Value>(port: MessagePort, answer: (question: Question) => Value, buffersOf: (value: Value) => readonly ArrayBuffer[]): void {
  const post = (message: Answer<Value>, transfer: readonly ArrayBuffer[] = []): void => port.postMessage(message, [...transfer]);
  port.on('message', (question: Question) => {
    try {
      const value = answer(question);
      post({ value }, buffersOf(value));
    } catch (thrown) {
      post({ error: errorMessage(thrown) });
    }
  });
}
