/** The library: `import { … } from 'bertwright'`. Names are those of transformers and transformers.js where they have one. */
export { type GlueData, type GlueExample, loadGlue } from '../glue/loadGlue.js';
export { type MetricResult, metrics, type UndefinedMetric } from '../glue/metrics.js';
export { type ReportFiles, type ReportOptions, writeReport } from '../glue/report/writeReport.js';
export { type GlueSplit, type GlueTask, type GlueTaskName, glueTasks } from '../glue/tasks.js';
export type * from '../pretraining/options.js';
export { pretrain } from '../pretraining/pretrain.js';
export { BertConfig, bertConfig, type PartialBertConfig, presetConfig, presetNames } from '../src/config/index.js';
export * from '../src/data/errors.js';
export { type EngineChoice, type EngineInfo, type EngineName, type EngineOptions, engineInfo, setEngine } from '../src/engine/index.js';
export { type ExportFormat, type ExportOptions, type ExportReport, exportModel } from '../src/export/exportModel.js';
export * from '../src/models/index.js';
export { AutoTokenizer, BertTokenizer, type BertTokenizerOptions, type DecodeOptions, type EncodeOptions, type Encoding, type TextTokenizer, type TruncationStrategy } from '../src/tokenizer/index.js';
export type * from '../src/train/options.js';
export type { LogEntry, ProgressEvent } from '../src/train/types.js';
export { finetune } from '../tasks/finetune.js';
export type * from '../tasks/options.js';
export { runSuite } from '../tasks/suite.js';
