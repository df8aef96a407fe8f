/** The process of finetuneProcess.ts: does its one job, says how it goes, and ends. */
import { BertwrightError, exitCodes, InterruptedError } from '../src/data/errors.js';
import { setEngine } from '../src/engine/index.js';
import { estimateFinetune } from './estimateFinetune.js';
import { finetune, finetunePoint } from './finetune.js';
import { predictTests } from './grid/chosenRun.js';
import type { FinetuneOptions } from './options.js';
import type { ProcessMessage, ProcessStart, ProcessStop } from './finetuneProcess.js';

const controller = new AbortController();
const abort = (signal: 'SIGINT' | 'SIGTERM' | undefined): void => controller.abort(new InterruptedError('stopped', signal));
// A terminal sends its signal to this process as well; the parent's word comes beside it.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => abort(name));
// Without its parent nobody would see the result: save, and go.
process.on('disconnect', () => abort('SIGTERM'));

const say = (message: ProcessMessage): Promise<void> => new Promise((resolve) => (process.connected ? process.send?.(message, () => resolve()) : resolve()));

process.on('message', (message: ProcessStart | ProcessStop) => {
  if ('stop' in message) abort(message.stop);
  else void run(message).then(() => process.exit());
});

/** What each job does with the options. */
const jobs = { finetune, point: finetunePoint, predict: predictTests, estimate: estimateFinetune } as const satisfies Record<ProcessStart['job'], (options: FinetuneOptions) => unknown>;

async function run({ engine, threads, job, options }: ProcessStart): Promise<void> {
  try {
    await setEngine(engine, { threads });
    const result = await jobs[job]({ ...options, signal: controller.signal, progress: (event) => void say({ event }) });
    await say({ result: result ?? undefined });
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const known = error instanceof BertwrightError;
    await say({ error: { message: error.message, hint: known ? error.hint : undefined, exitCode: known ? error.exitCode : exitCodes.internal, stack: error.stack } });
  }
}
