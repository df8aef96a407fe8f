/** Examples of a prepared corpus as text to read: what a model sees, what it is to find, and how the pair is labelled. */
import { AutoTokenizer, type TextTokenizer } from '../src/tokenizer/index.js';
import { assembleBatch, type ExampleBatch, pretrainingVocabulary } from './batches.js';
import { buildExamples, exampleOrder, type NextSentenceTask } from './examples.js';
import { openPrepared } from './manifest.js';
import { defaultMasking } from './masking.js';

const labelTexts: Readonly<Record<NextSentenceTask, readonly string[]>> = {
  nsp: ['B follows A', 'B is from another document'],
  sop: ['A and B in order', 'A and B swapped'],
  none: [],
};

/**
 * The first `count` examples (all where there are fewer) that a run with `seed`, the corpus' own settings and BERT's masks trains on.
 * Each has a line with its number, its lengths and its label, a line for each segment and one that counts the masks. A token to predict
 * stands as `[MASK]{what was there}`, `other{what was there}` where it was replaced by a random one, and `kept{kept}` where it was kept.
 * Errors as of opening the corpus; a DataError where no next-sentence pairs can be made.
 */
export async function showExamples(folder: string, count: number, seed = 42): Promise<string> {
  const { store, trainDocuments, manifest } = await openPrepared(folder);
  const tokenizer = await AutoTokenizer.fromPretrained(folder);
  const { nextSentence, maxSeqLength, shortSeqProb } = manifest.settings;
  const index = buildExamples(store, trainDocuments, { nextSentence, maxSeqLength, shortSeqProb }, seed, 0);
  const chosen = exampleOrder(index.count, seed, 0).subarray(0, count);
  const shown = Array.from(chosen, (example) => {
    const batch = assembleBatch(store, index, [example], defaultMasking(maxSeqLength), pretrainingVocabulary(tokenizer), seed, 0);
    return exampleText(batch, nextSentence, tokenizer, `example ${example + 1} of ${index.count}`);
  });
  return shown.join('\n\n');
}

/** One example; `batch` holds no other. */
function exampleText(batch: ExampleBatch, task: NextSentenceTask, tokenizer: TextTokenizer, title: string): string {
  const { inputIds, tokenTypeIds, maskedPositions, maskedLabels, nextSentenceLabels } = batch;
  const piece = (id: number): string => tokenizer.vocab[id] ?? `id ${id}`;
  const original = new Map(Array.from(maskedPositions, (position, i) => [position, maskedLabels[i] as number]));
  const pieces = Array.from(inputIds, (id, position) => {
    const label = original.get(position);
    return label === undefined ? piece(id) : `${piece(id)}{${piece(label)}}`;
  });
  const lengthA = tokenTypeIds.indexOf(1);
  const cut = lengthA < 0 ? pieces.length : lengthA;
  const label = nextSentenceLabels?.[0];
  const pair = label === undefined ? '' : ` (A ${cut}, B ${pieces.length - cut}), label ${label}: ${labelTexts[task][label] ?? ''}`;
  const masked = Array.from(maskedPositions).filter((position) => inputIds[position] === tokenizer.maskTokenId).length;
  const kept = Array.from(original).filter(([position, was]) => inputIds[position] === was).length;
  return [
    `${title}: ${pieces.length} tokens${pair}`,
    `  A  ${pieces.slice(0, cut).join(' ')}`,
    ...(cut === pieces.length ? [] : [`  B  ${pieces.slice(cut).join(' ')}`]),
    `  ${maskedPositions.length} to predict: ${masked} as ${piece(tokenizer.maskTokenId)}, ${maskedPositions.length - masked - kept} replaced, ${kept} kept`,
  ].join('\n');
}
