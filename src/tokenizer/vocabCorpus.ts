/**
 * Reads a corpus for the vocabulary trainer and has its words counted by several threads. This thread reads, decodes and checks (so that
 * every error has its file, line and column), counts where the others have enough to do, and adds the counts up in the order of the corpus.
 */
import { DataError, UsageError } from '../data/errors.js';
import { defaultTextKey, isJsonLines, maxRecordBytes, recordText } from '../data/jsonLines.js';
import { inputFileSize, readTextLines } from '../data/textLines.js';
import { BertNormalizer, type NormalizerOptions } from './normalizer.js';
import { Pace, type VocabularyProgress } from './vocabPace.js';
import { type CountedStretches, StretchCounter, type WordCount, WordCounter } from './wordCounts.js';
import { type CountingTask, CountingWorkers } from './wordCountWorkers.js';

export interface CorpusOptions {
  /** UTF-8 text files, or JSON lines (.jsonl), plain, .gz or .zst. Give either these or `lines`. */
  readonly files?: readonly string[] | undefined;
  readonly lines?: AsyncIterable<string> | Iterable<string> | undefined;
  /** Key of the text in the records of .jsonl files; default `text`. */
  readonly textKey?: string | undefined;
  readonly threads: number;
  readonly onProgress?: ((progress: VocabularyProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Knobs that tests turn to reach with small texts what large ones reach. */
export interface CountingLimits {
  /** UTF-16 units of a portion; a corpus of fewer is counted without further threads. */
  readonly portionUnits?: number | undefined;
  /** As WordCounter's. */
  readonly maxDistinct?: number | undefined;
}

/** Large enough that the words of a portion repeat, small enough that a few of them in flight do not matter. */
const defaultPortionUnits = 1 << 22;
/** Portions, for each thread, that may wait for one before them. */
const maxWaitingPerThread = 4;

/**
 * The normalized words of the corpus with their counts, in order of first appearance: the same whatever the number of threads.
 * @throws UsageError for an absent file, DataError for bytes that are not UTF-8 (`file:line:column`) and for a corpus without words,
 * InterruptedError where `signal` aborts
 */
export async function countCorpus(options: CorpusOptions, normalizerOptions: NormalizerOptions, limits: CountingLimits = {}): Promise<WordCount[]> {
  const { files, lines, threads } = options;
  if ((files === undefined) === (lines === undefined)) throw new UsageError('trainVocabulary: give either files or lines');
  const normalizer = new BertNormalizer(normalizerOptions);
  const own = new StretchCounter(normalizer.scanClasses);
  const counter = new WordCounter(normalizer, limits.maxDistinct);
  const workers = new CountingWorkers(threads - 1, normalizerOptions);
  /** Portions that are not yet in `counter`, in the order of the corpus. */
  const waiting: (CountingTask | { readonly counted: CountedStretches })[] = [];
  const portionUnits = limits.portionUnits ?? defaultPortionUnits;
  const pace = new Pace(options);
  const pause: Pause = (done, total) => pace.pause(stageOf(counter), done, total);
  try {
    const portions = files === undefined ? portionsOfLines(lines ?? [], portionUnits, pause) : portionsOfFiles(files, options.textKey ?? defaultTextKey, portionUnits, pause);
    for await (const text of portions) {
      // No thread is started for less than a portion: it would be counted by the time that one is up.
      const task = text.length < portionUnits && workers.started === 0 ? undefined : workers.count(text);
      waiting.push(task ?? { counted: own.count(text) });
      while (waiting[0]?.counted !== undefined) addFirst(waiting[0].counted);
      if (waiting.length > maxWaitingPerThread * threads) await addNext();
    }
    while (waiting.length > 0) {
      await addNext();
      await pace.breathe();
    }
  } finally {
    await workers.close();
  }
  const words = counter.words();
  if (words.length === 0) {
    throw new DataError(`the corpus has no words${files === undefined ? '' : ` (${files.join(', ')})`}`, { hint: 'Give text files with at least one word.' });
  }
  return words;

  function addFirst(counted: CountedStretches): void {
    counter.add(counted);
    waiting.shift();
  }

  async function addNext(): Promise<void> {
    const [next] = waiting;
    if (next !== undefined) addFirst(next.counted ?? (await (next as CountingTask).result()));
  }
}

function stageOf({ prunedBelow }: WordCounter): string {
  return prunedBelow === 0 ? 'counting words' : `counting words (too many to hold: of those seen ${prunedBelow} times or less the older were dropped)`;
}

/** To be called now and then while reading. */
type Pause = (done: number, total?: number) => Promise<void>;

/** Gathers lines into portions of text with an end after each line; a portion ends with the line that reaches `units`, wherever the blocks of a file end. */
class Gatherer {
  readonly #units: number;
  #lines: string[] = [];
  #length = 0;

  constructor(units: number) {
    this.#units = units;
  }

  /** True where the portion is full with this line. */
  add(line: string): boolean {
    this.#lines.push(line);
    this.#length += line.length + 1;
    return this.#length >= this.#units;
  }

  /** The lines so far. */
  take(): string {
    this.#lines.push('');
    const text = this.#lines.join('\n');
    this.#lines = [];
    this.#length = 0;
    return text;
  }
}

async function* portionsOfFiles(files: readonly string[], textKey: string, units: number, pause: Pause): AsyncGenerator<string> {
  let total = 0;
  for (const file of files) total += await inputFileSize(file);
  let done = 0;
  const onFileBytes = (bytes: Uint8Array): void => {
    done += bytes.length;
  };
  const gathered = new Gatherer(units);
  for (const file of files) {
    const records = isJsonLines(file);
    for await (const { lines, firstLine, partial } of readTextLines(file, { onFileBytes, ...(records ? { maxLineBytes: maxRecordBytes } : {}) })) {
      for (const [i, line] of lines.entries()) {
        const text = !records ? line : line.trim() === '' ? '' : recordText(line, textKey, { file, line: firstLine + i, whole: !partial });
        if (gathered.add(text)) yield gathered.take();
      }
      await pause(done, total);
    }
  }
  yield gathered.take();
}

async function* portionsOfLines(lines: AsyncIterable<string> | Iterable<string>, units: number, pause: Pause): AsyncGenerator<string> {
  let done = 0;
  const gathered = new Gatherer(units);
  for await (const line of lines) {
    done += 1;
    if (gathered.add(line)) yield gathered.take();
    await pause(done);
  }
  yield gathered.take();
}
