/** `bertwright quickstart`: the whole chain on the data shipped with the package. */
import path from 'node:path';
import { applyEngine } from '../cli/engine.js';
import { engineOptions, seedOption } from '../cli/options.js';
import { printJson, printLine } from '../cli/output.js';
import { shellQuote } from '../cli/shellQuote.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';

export const quickstartCommand: CommandSpec = {
  name: 'quickstart',
  summary: 'The whole chain on the data shipped with it: vocabulary, pretraining, fine-tuning, report.',
  options: {
    output: { type: 'string', describe: 'folder for everything it makes', letter: 'o', default: 'quickstart' },
    overwrite: { type: 'boolean', describe: 'start anew where the folder holds an earlier quickstart' },
    ...seedOption,
    ...engineOptions,
  },
  examples: [['bertwright quickstart', 'a report in quickstart/report.html, in minutes']],
  async run(settings) {
    const output = settings.string('output') ?? 'quickstart';
    await applyEngine(settings, true);
    const { quickstart } = await import('../quickstart/quickstart.js');
    const result = await abortOnSignals((signal) =>
      quickstart({
        output,
        seed: settings.number('seed') ?? 42,
        quiet: settings.boolean('quiet') === true,
        overwrite: settings.boolean('overwrite') === true,
        command: settings.commandLine,
        signal,
      }),
    );
    if (settings.boolean('json') === true) {
      printJson(result);
      return;
    }
    const model = shellQuote(path.join(output, 'tiny'));
    printLine(`The report: ${result.report} (also ${result.markdown}), after ${Math.round(result.seconds)} s.

Next, on your own corpus and the full GLUE data:
  npx bertwright vocab --corpus CORPUS.txt --output tokenizer
  npx bertwright pretrain --corpus CORPUS.txt --tokenizer tokenizer --model-config mini --time-budget 45m --output runs/mini
  npx bertwright suite --model runs/mini --tasks all --data GLUE_DIR --output runs/glue
  npx bertwright report runs/mini runs/glue --published bert-tiny,bert-mini,bert-base
Or look at the model just made:
  npx bertwright fill --model ${model} "the [MASK] of the house"`);
  },
};
