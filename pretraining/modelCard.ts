/** README.md of a pretrained checkpoint: what it is, what was measured, how it was made. */
import type { JsonValue } from '../src/checkpoint/trainingState.js';
import { plainLine } from '../src/data/plainLine.js';
import type { PreTrainingModel } from '../src/models/index.js';
import type { PretrainJob } from './job.js';
import { describeBatch } from './plan.js';

const rows: readonly (readonly [key: string, label: string, form: 'nats' | 'percent' | 'number'])[] = [
  ['eval_mlm_loss', 'masked-word loss (nats)', 'nats'],
  ['eval_unigram_loss', 'the same by word frequencies alone (nats)', 'nats'],
  ['eval_perplexity', 'masked-word perplexity', 'number'],
  ['eval_mlm_accuracy', 'masked words found', 'percent'],
  ['eval_nsp_accuracy', 'next-sentence accuracy', 'percent'],
  ['eval_nsp_majority', 'the same by always answering the larger class', 'percent'],
];

/** The card's text. */
export function pretrainingCard(job: PretrainJob, model: PreTrainingModel, results: { readonly [key: string]: JsonValue }): string {
  const { plan, corpus, environment } = job;
  const { config } = model;
  const { counts } = corpus.manifest;
  const show = (value: number, form: 'nats' | 'percent' | 'number'): string => (form === 'percent' ? `${(100 * value).toFixed(2)} %` : value.toFixed(form === 'nats' ? 4 : 2));
  const table = rows.flatMap(([key, label, form]) => {
    const value = results[key];
    return typeof value === 'number' ? [`| ${label} | ${show(value, form)} |`] : [];
  });
  const warnings = Array.isArray(results['warnings']) ? results['warnings'].map((warning) => `- ${plainLine(String(warning))}`) : [];
  return [
    '---',
    'library_name: transformers',
    'pipeline_tag: fill-mask',
    'tags:',
    '- bertwright',
    '---',
    '',
    `# ${plainLine(String(results['model']))}`,
    '',
    `An encoder (${config.modelType}) with hidden size ${config.hiddenSize} and ${config.vocabSize} word pieces, pretrained on ${counts.documents - counts.heldOutDocuments} documents (${counts.tokens - counts.heldOutTokens} tokens) for ${Number(results['steps'])} steps, ${Number(results['epoch']).toFixed(2)} epochs, seed ${plan.seed}.`,
    '',
    ...(table.length === 0 ? [] : [`On ${Number(results['eval_samples'])} examples of ${counts.heldOutDocuments} held-out documents:`, '', '| | |', '|---|---:|', ...table, '']),
    ...(warnings.length === 0 ? [] : [...warnings, '']),
    `Settings: next-sentence task ${plan.examples.nextSentence}, at most ${plan.examples.maxSeqLength} tokens, ${plan.masking.mlmProbability} of them predicted${{ token: '', word: ' (whole words)', span: ' (spans of words)' }[plan.masking.unit]}, batch ${describeBatch(plan)}, ${plan.optimizer}, learning rate ${plan.learningRate}, ${plan.schedule} schedule, weight decay ${plan.weightDecay}.`,
    `Engine ${environment.engine}, matrix products in ${job.trainingPrecision}, ${Math.round(Number(results['train_tokens_per_second']))} tokens a second.`,
    '',
    '```',
    plainLine(job.command),
    '```',
    '',
  ].join('\n');
}
