/** All commands, in the order of the help. Each loads what it needs when it runs. */
import type { CommandSpec } from '../cli/spec.js';
import { benchCommand } from './bench.js';
import { doctorCommand } from './doctor.js';
import { evaluateCommand } from './evaluate.js';
import { exportCommand } from './export.js';
import { fillCommand } from './fill.js';
import { finetuneCommand } from './finetune.js';
import { predictCommand } from './predict.js';
import { prepareCommand } from './prepare.js';
import { pretrainCommand } from './pretrain.js';
import { quickstartCommand } from './quickstart.js';
import { reportCommand } from './report.js';
import { submissionCommand } from './submission.js';
import { suiteCommand } from './suite.js';
import { tasksCommand } from './tasks.js';
import { vocabCommand } from './vocab.js';

export const commands: readonly CommandSpec[] = [
  quickstartCommand,
  vocabCommand,
  prepareCommand,
  pretrainCommand,
  fillCommand,
  finetuneCommand,
  evaluateCommand,
  predictCommand,
  suiteCommand,
  reportCommand,
  submissionCommand,
  exportCommand,
  tasksCommand,
  benchCommand,
  doctorCommand,
];
