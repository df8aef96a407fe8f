/** The process of one measurement: `measureInChild` starts it with the request as its argument and hears the result by message. */
import { BertwrightError } from '../../src/data/errors.js';
import { isEngineChoice, setEngine } from '../../src/engine/index.js';
import { measureFinetune } from './finetuneEpoch.js';
import type { MeasurementRequest } from './measurements.js';
import { measureStep } from './step.js';

/** What the child says, once. */
export type ChildMessage = { readonly result: unknown } | { readonly error: { readonly message: string; readonly hint: string | undefined; readonly exitCode: number | undefined; readonly stack: string | undefined } };

async function measure(request: MeasurementRequest): Promise<unknown> {
  const { engine, threads, precision } = request;
  if (!isEngineChoice(engine)) throw new Error(`${engine} is no engine`);
  await setEngine(engine, { threads, matmulPrecision: precision });
  return request.measure === 'step' ? measureStep(request) : measureFinetune(request);
}

async function say(message: ChildMessage): Promise<void> {
  await new Promise((resolve) => process.send?.(message, resolve));
}

// Nobody waits for the result any more.
process.on('disconnect', () => process.exit(1));
try {
  await say({ result: await measure(JSON.parse(process.argv[2] ?? '') as MeasurementRequest) });
} catch (error) {
  const known = error instanceof BertwrightError ? error : undefined;
  const text = error instanceof Error ? error : new Error(String(error));
  await say({ error: { message: text.message, hint: known?.hint, exitCode: known?.exitCode, stack: text.stack } });
}
process.disconnect?.();
