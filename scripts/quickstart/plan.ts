/** What the quickstart does, sized to the engine: the native engine trains on all shipped rows, wasm on a smaller plan. */
import type { GlueTaskName } from '../../glue/tasks.js';
import type { PresetName } from '../../src/config/presets.js';

export interface QuickstartPlan {
  readonly vocabSize: number;
  /** Name of the preset that gives the encoder its shape. */
  readonly modelConfig: PresetName;
  readonly pretraining: {
    readonly steps: number;
    readonly batchSize: number;
    readonly maxSeqLength: number;
    readonly learningRate: number;
    /** Steps between evaluations on held-out text, and how many examples of it. */
    readonly evalSteps: number;
    readonly evalSamples: number;
  };
  readonly finetuning: {
    readonly maxTrainSamples: number | undefined;
    readonly maxEvalSamples: number | undefined;
    readonly epochs: number;
    readonly batchSize: number;
    readonly learningRate: number;
    readonly maxSeqLength: number;
  };
}

/** QQP's rows may not be shipped; AX has no training rows. */
export const quickstartTasks: readonly GlueTaskName[] = ['cola', 'sst2', 'mrpc', 'stsb', 'mnli', 'qnli', 'rte', 'wnli'];

export const nativePlan: QuickstartPlan = {
  vocabSize: 6000,
  modelConfig: 'tiny',
  pretraining: { steps: 1500, batchSize: 32, maxSeqLength: 128, learningRate: 5e-4, evalSteps: 150, evalSamples: 400 },
  finetuning: { maxTrainSamples: undefined, maxEvalSamples: undefined, epochs: 3, batchSize: 32, learningRate: 3e-4, maxSeqLength: 128 },
};

export const smallPlan: QuickstartPlan = {
  vocabSize: 3000,
  modelConfig: 'tiny',
  pretraining: { steps: 100, batchSize: 16, maxSeqLength: 64, learningRate: 2e-3, evalSteps: 50, evalSamples: 100 },
  finetuning: { maxTrainSamples: 320, maxEvalSamples: 200, epochs: 1, batchSize: 16, learningRate: 5e-4, maxSeqLength: 64 },
};

/** Rows that each task trains on and is scored on under a plan, from the rows that are there. */
export function plannedRows(plan: QuickstartPlan, available: { readonly train: number; readonly dev: number }): { readonly train: number; readonly dev: number } {
  const { maxTrainSamples, maxEvalSamples } = plan.finetuning;
  return { train: Math.min(available.train, maxTrainSamples ?? available.train), dev: Math.min(available.dev, maxEvalSamples ?? available.dev) };
}
