/** `bertwright prepare`: tokenizes a corpus once, into Arrow shards. */
import type { PreparedManifest, RepeatCounts } from '../../pretraining/manifest.js';
import type { PrepareProgress } from '../../pretraining/prepare.js';
import { UsageError } from '../../src/data/errors.js';
import { createCountProgress } from '../cli/countProgress.js';
import { printJson, printLine } from '../cli/output.js';
import { abortOnSignals } from '../cli/signals.js';
import type { CommandSpec } from '../cli/spec.js';
import { terminalText } from '../cli/terminalText.js';
import { oneOf, readTextFormat, textFormatOptions } from '../cli/textFormat.js';

export const prepareCommand: CommandSpec = {
  name: 'prepare',
  summary: 'Tokenize a corpus into Arrow shards that pretraining reads.',
  options: {
    corpus: { type: 'list', describe: 'text files or patterns (.gz, .zst too): one sentence a line, a blank line between documents; .jsonl: a document a record' },
    tokenizer: { type: 'string', describe: 'tokenizer folder (as `vocab` writes it)' },
    output: { type: 'string', describe: 'folder for the prepared corpus', letter: 'o', required: true },
    overwrite: { type: 'boolean', describe: 'replace what the folder holds' },
    show: { type: 'number', describe: 'print this many examples as a model sees them; without --corpus, of the corpus that the folder holds', whole: true },
    'max-seq-length': { type: 'number', describe: 'longest sequence, special tokens included', default: 128 },
    'next-sentence': { type: 'string', describe: 'second task: nsp (next sentence), sop (sentence order), none', choices: ['nsp', 'sop', 'none'], default: 'nsp' },
    'short-seq-prob': { type: 'number', describe: 'share of deliberately shorter sequences', default: 0.1 },
    'validation-split-percentage': { type: 'number', describe: 'whole documents held out for evaluation', default: 1 },
    masking: { type: 'string', describe: 'dynamic: new pairs and masks each epoch; static: the same ones over and over', choices: ['dynamic', 'static'], default: 'dynamic' },
    'dupe-factor': { type: 'number', describe: 'with static masks: how many versions of the text there are (default: 10)' },
    ...textFormatOptions,
  },
  examples: [
    ['bertwright prepare --corpus corpus/*.txt --tokenizer tokenizer --output prepared', 'once, for many pretraining runs'],
    ['bertwright prepare --output prepared --show 5', 'five examples of it, with their masks'],
    ["bertwright prepare --corpus 'dump/**/*.jsonl.zst' --split-sentences --drop-repeated lines --tokenizer tokenizer --output prepared", 'running text in JSON records'],
  ],
  async run(settings) {
    const output = settings.requiredString('output', 'give a folder with --output');
    const show = settings.number('show') ?? 0;
    const corpus = settings.list('corpus');
    if (corpus === undefined && show > 0) {
      await printExamples(output, show, settings.boolean('json') === true);
      return;
    }
    if (corpus === undefined) throw new UsageError('--corpus is missing', { hint: 'give text files or patterns; with --show alone the examples of a prepared folder are printed' });
    const { prepare } = await import('../../pretraining/prepare.js');
    const { AutoTokenizer } = await import('../../src/tokenizer/index.js');
    const quiet = settings.boolean('quiet') === true;
    const progress = createCountProgress('prepare', quiet);
    const tokenizer = await AutoTokenizer.fromPretrained(settings.requiredString('tokenizer', 'give a tokenizer folder with --tokenizer'));
    const { manifest, reused } = await abortOnSignals((signal) =>
      prepare({
        corpus,
        tokenizer,
        output,
        maxSeqLength: settings.number('max-seq-length'),
        nextSentence: oneOf(['nsp', 'sop', 'none'], settings.string('next-sentence')),
        shortSeqProb: settings.number('short-seq-prob'),
        validationSplitPercentage: settings.number('validation-split-percentage'),
        masking: settings.string('masking') === 'static' ? 'static' : 'dynamic',
        dupeFactor: settings.number('dupe-factor'),
        ...readTextFormat(settings),
        overwrite: settings.boolean('overwrite'),
        progress: (event) => progress.report({ stage: progressText(event), done: event.bytes }),
        note: (text) => {
          if (!quiet) console.error(terminalText(text));
        },
        signal,
      }),
    );
    progress.end();
    if (settings.boolean('json') === true) {
      const { showExamples } = await import('../../pretraining/showExamples.js');
      printJson({ output, reused, ...manifest, ...(show > 0 ? { examples: await showExamples(output, show) } : {}) });
    } else {
      const { counts, repeats } = manifest;
      printLine(`${output}: ${counts.documents} documents, ${counts.sentences} sentences, ${counts.tokens} tokens${reused ? ' (already prepared)' : ''}`);
      if (repeats !== undefined && !quiet) for (const line of reportLines(manifest, repeats)) console.error(line);
      if (show > 0) await printExamples(output, show, false);
    }
  },
};

/** Examples of a prepared folder on stdout. */
async function printExamples(folder: string, count: number, json: boolean): Promise<void> {
  const { showExamples } = await import('../../pretraining/showExamples.js');
  const text = await showExamples(folder, count);
  if (json) printJson({ output: folder, examples: text });
  else for (const line of text.split('\n')) printLine(terminalText(line));
}

function progressText({ bytes, totalBytes, bytesPerSecond, secondsLeft }: PrepareProgress): string {
  const left = Number.isFinite(secondsLeft) ? `, ${formatSeconds(secondsLeft)} left` : '';
  const percent = Math.floor((100 * bytes) / Math.max(1, totalBytes));
  return `tokenizing, ${(bytes / 1e6).toFixed(1)} of ${(totalBytes / 1e6).toFixed(1)} MB, ${percent} %, ${(bytesPerSecond / 1e6).toFixed(1)} MB/s${left}`;
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** What a user may want to do something about. */
function reportLines({ counts, settings }: PreparedManifest, repeats: RepeatCounts): string[] {
  const lines: string[] = [];
  const { repeatedLines, droppedLines, repeatedDocuments, droppedDocuments, allLinesCompared } = repeats;
  if (repeatedLines > 0 || repeatedDocuments > 0) {
    lines.push(`repeated: ${allLinesCompared ? '' : 'at least '}${repeatedLines} lines (${droppedLines} dropped), ${repeatedDocuments} documents (${droppedDocuments} dropped)${settings.dropRepeated === 'none' ? '; see --drop-repeated' : ''}`);
  }
  if ((counts.longLines ?? 0) > 0) lines.push(`${counts.longLines} lines of more than 1 MiB were cut in pieces`);
  const mean = counts.tokens / counts.sentences;
  if (mean > settings.maxSeqLength && !settings.splitSentences) lines.push(`a sentence has ${mean.toFixed(0)} tokens on average, more than --max-seq-length ${settings.maxSeqLength}: most of the text will be cut off; see --split-sentences`);
  return lines;
}
