/** Fine-tuning recipes by their source: hyperparameters as data, per task where the source has them per task. */
import { UsageError } from '../src/data/errors.js';
import { didYouMean } from '../src/data/nearMatch.js';

export interface Hyperparameters {
  readonly perDeviceTrainBatchSize: number;
  readonly learningRate: number;
  readonly numTrainEpochs: number;
  readonly maxSeqLength: number;
  readonly lrSchedulerType: string;
  /** Share of the run. */
  readonly warmupRatio: number;
  readonly weightDecay: number;
  readonly adamBeta1: number;
  readonly adamBeta2: number;
  readonly adamEpsilon: number;
}

/** What a recipe may look at. */
export interface RecipeContext {
  /** GLUE name, or the name of own data. */
  readonly task: string;
  readonly trainRows: number;
  readonly hiddenSize: number;
  /** An adapter is trained instead of all weights. */
  readonly adapted: boolean;
}

interface Recipe {
  readonly source: string;
  readonly hyperparameters: (context: RecipeContext) => Hyperparameters;
  /** Values tried in turn, the best on dev kept; absent: one run. */
  readonly grid?: { readonly learningRate: readonly number[]; readonly perDeviceTrainBatchSize: readonly number[] };
}

/** TrainingArguments' defaults. */
const trainerDefaults: Hyperparameters = {
  perDeviceTrainBatchSize: 8,
  learningRate: 5e-5,
  numTrainEpochs: 3,
  maxSeqLength: 128,
  lrSchedulerType: 'linear',
  warmupRatio: 0,
  weightDecay: 0,
  adamBeta1: 0.9,
  adamBeta2: 0.999,
  adamEpsilon: 1e-8,
};

const bertPaper: Hyperparameters = { ...trainerDefaults, perDeviceTrainBatchSize: 32, warmupRatio: 0.1, weightDecay: 0.01, adamEpsilon: 1e-6 };

/** Learning rate, epochs, batch size and weight decay of MosaicBERT's fine-tuning jobs; tasks that it lacks take CoLA's row. */
const mosaicRows: Readonly<Record<string, readonly [rate: number, epochs: number, batch: number, decay: number]>> = {
  cola: [5e-5, 10, 32, 5e-6],
  mnli: [5e-5, 3, 48, 5e-6],
  mrpc: [8e-5, 10, 32, 8e-6],
  qnli: [1e-5, 10, 16, 1e-6],
  qqp: [3e-5, 5, 16, 3e-6],
  rte: [1e-5, 3, 16, 1e-5],
  sst2: [3e-5, 3, 16, 3e-6],
  stsb: [3e-5, 10, 32, 3e-6],
};

function mosaic({ task }: RecipeContext): Hyperparameters {
  const [learningRate, numTrainEpochs, perDeviceTrainBatchSize, weightDecay] = (Object.hasOwn(mosaicRows, task) ? mosaicRows[task] : undefined) ?? [5e-5, 10, 32, 5e-6];
  return { ...trainerDefaults, learningRate, numTrainEpochs, perDeviceTrainBatchSize, weightDecay, maxSeqLength: 256, adamBeta2: 0.98, adamEpsilon: 1e-6, warmupRatio: 0.06 };
}

/** Small encoders want larger rates, adapters ten times as large ones, small training sets more passes. */
function bertwright({ trainRows, hiddenSize, adapted }: RecipeContext): Hyperparameters {
  const learningRate = (adapted ? 10 : 1) * (hiddenSize <= 256 ? 2e-4 : hiddenSize <= 512 ? 1e-4 : 3e-5);
  const numTrainEpochs = trainRows < 10_000 ? 5 : trainRows < 60_000 ? 4 : 3;
  return { ...trainerDefaults, perDeviceTrainBatchSize: 32, learningRate, numTrainEpochs, warmupRatio: 0.06, weightDecay: 0.01 };
}

/** All recipes by name. */
export const recipes: Readonly<Record<string, Recipe>> = {
  bertwright: { source: 'this project', hyperparameters: bertwright },
  'hf-docs': {
    source: 'the README of run_glue.py',
    hyperparameters: ({ task }) => ({ ...trainerDefaults, perDeviceTrainBatchSize: 32, learningRate: 2e-5, numTrainEpochs: task === 'mrpc' || task === 'wnli' ? 5 : 3 }),
  },
  'hf-defaults': { source: "TrainingArguments' defaults", hyperparameters: () => trainerDefaults },
  'bert-paper': {
    source: 'Devlin et al., 2019, section 4.1',
    hyperparameters: () => bertPaper,
    grid: { learningRate: [5e-5, 4e-5, 3e-5, 2e-5], perDeviceTrainBatchSize: [32] },
  },
  'google-small': {
    source: "the README of Google's small BERT models",
    hyperparameters: () => ({ ...bertPaper, numTrainEpochs: 4 }),
    grid: { learningRate: [3e-4, 1e-4, 5e-5, 3e-5], perDeviceTrainBatchSize: [8, 16, 32, 64, 128] },
  },
  mosaic: { source: 'MosaicBERT (Portes et al., 2023)', hyperparameters: mosaic },
};

/** The recipe of a fine-tune that names none. */
export const defaultRecipe = 'bertwright';

/** A recipe by name; throws a UsageError with the near match for any other. */
export function recipe(name: string): Recipe {
  const found = Object.hasOwn(recipes, name) ? recipes[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(recipes);
  throw new UsageError(`unknown recipe "${name}".${didYouMean(name, names)}`, { hint: `recipes: ${names.join(', ')}` });
}
