/** The loop's state as the plain values and tensors of training_state/. */
import { DataError } from '../data/errors.js';
import { type HostTensor, loadTrainingState, saveTrainingState } from '../checkpoint/trainingState.js';
import type { Moments } from '../optim/momentOptimizer.js';
import type { LogEntry, LoopState } from './types.js';

/** Writes `<directory>/training_state/`. */
export async function saveLoopState(directory: string, state: LoopState): Promise<void> {
  const tensors = new Map<string, HostTensor>();
  for (const [name, { shape, m, v }] of state.optimizer.moments) {
    tensors.set(`m.${name}`, { shape, data: m });
    tensors.set(`v.${name}`, { shape, data: v });
  }
  const { optimizer, ...values } = state;
  await saveTrainingState(directory, { tensors, values: { ...values, optimizerStep: optimizer.step } });
}

/** Reads what `saveLoopState` wrote. A value of the wrong kind is a DataError. */
export async function loadLoopState(directory: string): Promise<LoopState> {
  const { tensors, values } = await loadTrainingState(directory);
  const number = (key: string): number => {
    const value = values[key];
    if (typeof value !== 'number') throw new DataError(`training state: ${key} is ${JSON.stringify(value)}, expected a number`, { location: { file: directory } });
    return value;
  };
  const moments = new Map<string, Moments>();
  for (const [key, m] of tensors) {
    if (!key.startsWith('m.')) continue;
    const name = key.slice(2);
    const v = tensors.get(`v.${name}`);
    if (v === undefined) throw new DataError(`training state: no second moment of ${name}`, { location: { file: directory } });
    moments.set(name, { shape: m.shape, m: m.data, v: v.data });
  }
  return {
    step: number('step'),
    optimizer: { step: number('optimizerStep'), moments },
    windowSums: (values['windowSums'] ?? {}) as Record<string, number>,
    windowSteps: number('windowSteps'),
    lossSum: number('lossSum'),
    elapsedSeconds: number('elapsedSeconds'),
    samplesSeen: number('samplesSeen'),
    tokensSeen: number('tokensSeen'),
    history: (values['history'] ?? []) as unknown as LogEntry[],
    evaluationDue: values['evaluationDue'] === true,
  };
}
