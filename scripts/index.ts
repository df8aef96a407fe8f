/** The library: `import { … } from 'bertwright'`. Names are those of transformers and transformers.js where they have one. */
export { type GlueData, type GlueExample, loadGlue } from '../glue/loadGlue.js';
export { metrics } from '../glue/metrics.js';
export { type ReportFiles, type ReportOptions, writeReport } from '../glue/report/writeReport.js';
export { type GlueTask, glueTasks } from '../glue/tasks.js';
export { pretrain } from '../pretraining/pretrain.js';
export { BertConfig, bertConfig, type PartialBertConfig, presetConfig, presetNames } from '../src/config/index.js';
export * from '../src/data/errors.js';
export { type EngineInfo, type EngineName, engineInfo, setEngine } from '../src/engine/index.js';
export * from '../src/models/index.js';
export { AutoTokenizer, BertTokenizer } from '../src/tokenizer/index.js';
export { finetune } from '../tasks/finetune.js';
export type * from '../tasks/options.js';
export { runSuite } from '../tasks/suite.js';
