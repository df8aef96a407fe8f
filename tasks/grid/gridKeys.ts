/** Which options of a fine-tune a grid may search. Loads nothing but names, so that the command line's help stays quick. */
import { flagName } from '../../glue/trials.js';
import { UsageError } from '../../src/data/errors.js';
import { didYouMean } from '../../src/data/nearMatch.js';
import type { FinetuneOptions } from '../options.js';

/** Numbers and names that change the training and nothing else: not the data, not what is evaluated or kept. */
export const gridKeys = [
  'recipe', 'maxSeqLength', 'perDeviceTrainBatchSize', 'tokensPerBatch', 'gradientAccumulationSteps', 'learningRate', 'lrSchedulerType', 'warmupSteps', 'warmupRatio', 'weightDecay',
  'adamBeta1', 'adamBeta2', 'adamEpsilon', 'maxGradNorm', 'maxSteps', 'numTrainEpochs', 'optimizer', 'loraR', 'loraAlpha', 'loraDropout', 'bottleneckSize',
  'labelSmoothingFactor', 'layerWiseLrDecay', 'earlyStoppingPatience',
] as const satisfies readonly (keyof FinetuneOptions)[];

export type GridKey = (typeof gridKeys)[number];

/** Values to try of each option; the points are their cross product. */
export type GridOptions = { readonly [K in GridKey]?: readonly NonNullable<FinetuneOptions[K]>[] | undefined };

/** One value of each searched option. */
export type GridPoint = { readonly [K in GridKey]?: NonNullable<FinetuneOptions[K]> };

/** The key that a name means, spelled as the option or as its flag; throws a UsageError with the near match and the list for any other. */
export function gridKey(name: string): GridKey {
  const found = gridKeys.find((key) => key === name || flagName(key) === name);
  if (found !== undefined) return found;
  const names = gridKeys.map(flagName);
  throw new UsageError(`--grid: "${name}" cannot be searched.${didYouMean(name, names)}`, { hint: `keys: ${names.join(', ')}` });
}
