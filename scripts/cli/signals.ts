/** SIGINT and SIGTERM as an AbortSignal: the run saves and throws; the exit code follows the signal. */
import { BertwrightError, InterruptedError } from '../../src/data/errors.js';

/**
 * Runs `work` with a signal that SIGINT or SIGTERM aborts; its reason is an InterruptedError with the right exit code.
 * A second signal changes nothing: the save that is under way finishes.
 */
export async function abortOnSignals<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let received: 'SIGINT' | 'SIGTERM' | undefined;
  const onSignal = (name: 'SIGINT' | 'SIGTERM') => (): void => {
    received ??= name;
    controller.abort(new InterruptedError(`stopped by ${received}`, received));
  };
  const handlers = { SIGINT: onSignal('SIGINT'), SIGTERM: onSignal('SIGTERM') } as const;
  process.on('SIGINT', handlers.SIGINT);
  process.on('SIGTERM', handlers.SIGTERM);
  try {
    return await work(controller.signal);
  } catch (error) {
    // A save that failed after the signal is what its user has to know; whatever else an abort makes break is the abort.
    const own = error instanceof BertwrightError && !(error instanceof InterruptedError);
    if (received !== undefined && controller.signal.aborted && !own) {
      throw new InterruptedError(error instanceof Error ? error.message : `stopped by ${received}`, received);
    }
    throw error;
  } finally {
    process.off('SIGINT', handlers.SIGINT);
    process.off('SIGTERM', handlers.SIGTERM);
  }
}
