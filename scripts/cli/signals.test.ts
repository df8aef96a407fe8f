import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InterruptedError, IoError } from '../../src/data/errors.js';
import { abortOnSignals } from './signals.js';

/** Waits for the signal, then fails as `error` says. */
const failing = (error: Error) => (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(error));
    process.emit('SIGTERM');
  });

test('what an abort breaks ends as the signal; a save that failed after it keeps its own error', async () => {
  for (const error of [new Error('torn off'), InterruptedError.from(AbortSignal.abort(), 'saved')]) {
    await assert.rejects(abortOnSignals(failing(error)), (found) => found instanceof InterruptedError && found.exitCode === 143 && found.message === error.message);
  }
  await assert.rejects(abortOnSignals(failing(new IoError('no space left'))), (found) => found instanceof IoError && found.message === 'no space left');
  assert.equal(await abortOnSignals(async () => 'done'), 'done');
});
