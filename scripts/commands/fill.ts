/** `bertwright fill`: what a pretrained model would put for [MASK]. */
import { applyEngine, engineLine } from '../cli/engine.js';
import { engineOptions } from '../cli/options.js';
import { printJson, printLine } from '../cli/output.js';
import type { CommandSpec } from '../cli/spec.js';

export const fillCommand: CommandSpec = {
  name: 'fill',
  summary: 'Show what a pretrained model puts for each [MASK] of a text.',
  positional: { name: 'TEXT', describe: 'a text with at least one [MASK]', required: true, many: false },
  options: {
    model: { type: 'string', describe: 'checkpoint folder with an MLM head', letter: 'm', required: true },
    top: { type: 'number', describe: 'pieces to show', default: 5 },
    ...engineOptions,
  },
  examples: [['bertwright fill --model runs/pretrain "the [MASK] of the king"', 'the five likeliest pieces']],
  async run(settings, words) {
    const info = await applyEngine(settings, false);
    const note = (line: string): void => {
      if (settings.boolean('quiet') !== true) console.error(line);
    };
    note(engineLine(info));
    const { fillMask } = await import('../../pretraining/fill.js');
    const masks = await fillMask(settings.requiredString('model', 'give a checkpoint folder with --model'), words[0] ?? '', settings.number('top') ?? 5, note);
    if (settings.boolean('json') === true) {
      printJson(masks);
      return;
    }
    for (const [index, candidates] of masks.entries()) {
      if (masks.length > 1) printLine(`[MASK] ${index + 1}`);
      for (const { token, score } of candidates) printLine(`${(score * 100).toFixed(1).padStart(5)} %  ${token}`);
    }
  },
};
