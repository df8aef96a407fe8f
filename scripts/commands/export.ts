/** `bertwright export`: a model directory in the layout of another tool. */
import { printJson, printLine } from '../cli/output.js';
import type { CommandSpec } from '../cli/spec.js';
import { tableLines } from '../cli/table.js';
import { terminalText } from '../cli/terminalText.js';

export const exportCommand: CommandSpec = {
  name: 'export',
  summary: 'Write a model for other tools: in Hugging Face layout, as ONNX, or as ONNX for transformers.js. Weights are float32.',
  options: {
    model: { type: 'string', describe: 'checkpoint folder', letter: 'm', required: true },
    to: { type: 'string', describe: 'hf: config.json, model.safetensors; onnx: onnx/model.onnx; both beside the tokenizer. transformers.js: as onnx, with what its pipelines need', choices: ['hf', 'onnx', 'transformers.js'], required: true },
    output: { type: 'string', describe: 'folder to write', letter: 'o', required: true },
    architecture: { type: 'string', describe: 'class to export: BertModel, BertForMaskedLM, BertForSequenceClassification, BertForPreTraining (default: the one that config.json names)' },
    overwrite: { type: 'boolean', describe: 'write also into a folder that holds files; those of the same names are replaced' },
  },
  examples: [
    ['bertwright export --model runs/mrpc --to onnx --output exports/mrpc', 'for ONNX Runtime: exports/mrpc/onnx/model.onnx'],
    ['bertwright export --model runs/mini --to transformers.js --architecture BertForMaskedLM --output exports/mini', 'a pretrained model for the fill-mask pipeline'],
    ['bertwright export --model downloaded --to hf --output converted', 'for transformers'],
  ],
  async run(settings) {
    const { setEngine } = await import('../../src/engine/index.js');
    const { exportFormats, exportModel } = await import('../../src/export/exportModel.js');
    const to = exportFormats.find((format) => format === settings.string('to'));
    if (to === undefined) throw new Error(`"${settings.string('to')}" passed the check of --to but is none`);
    // Nothing is computed, and this engine hands out the weights without a copy.
    await setEngine('cpu');
    const report = await exportModel({
      model: settings.requiredString('model', 'give a checkpoint folder with --model'),
      to,
      output: settings.requiredString('output', 'give a folder with --output'),
      architecture: settings.string('architecture'),
      overwrite: settings.boolean('overwrite'),
    });
    if (settings.boolean('quiet') !== true) for (const note of report.notes) console.error(terminalText(note));
    if (settings.boolean('json') === true) {
      printJson(report);
      return;
    }
    printLine(`${report.architecture} in ${report.output}`);
    for (const line of tableLines(['file', 'bytes'], report.files.map(({ file, bytes }) => [file, String(bytes)]))) printLine(line);
  },
};
