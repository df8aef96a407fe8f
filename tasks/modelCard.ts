/** README.md of a fine-tuned checkpoint: what it is and what was measured, with the metadata block that model hubs read. */
import { plainLine } from '../src/data/plainLine.js';
import { describeBatch, type FinetunePlan } from './finetunePlan.js';
import type { Results } from './options.js';
import type { TaskSpec } from './taskSpec.js';

/** The card's text. Metrics are shown x100, losses as they are. */
export function modelCard(spec: TaskSpec, plan: FinetunePlan, results: Results, command: string): string {
  const measured = Object.entries(results).filter(([key, value]) => key.startsWith('eval_') && typeof value === 'number' && !/runtime|per_second|samples/.test(key));
  const rows = measured.map(([key, value]) => {
    const name = key.slice('eval_'.length);
    const number = Number(value);
    const majority = results[`majority_${name}`];
    const show = (n: number): string => (name.startsWith('loss') ? n.toFixed(4) : (100 * n).toFixed(2));
    return `| ${name} | ${show(number)} | ${typeof majority === 'number' ? show(majority) : ''} |`;
  });
  const text = (key: string): string => plainLine(String(results[key] ?? ''));
  return [
    '---',
    ...(results['adapter'] === undefined ? ['library_name: transformers'] : ['library_name: peft']),
    'pipeline_tag: text-classification',
    'tags:',
    '- bertwright',
    ...(spec.glue === undefined ? [] : ['datasets:', '- nyu-mll/glue']),
    '---',
    '',
    `# ${text('model')}, fine-tuned on ${plainLine(spec.title)}`,
    '',
    `${results['adapter'] === undefined ? '' : `Trained as ${text('adapter')}, ${text('trainable_parameters')} parameters with the head; the rest are those of its base model. `}${results['init'] === 'random' ? 'Started from random weights. ' : ''}Trained on ${text('train_samples')} rows for ${Number(results['epoch'] ?? 0).toFixed(2)} epochs, seed ${text('seed')}; evaluated on ${text('eval_samples')} rows.`,
    '',
    '| dev metric (x100) | this model | majority baseline |',
    '|---|---|---|',
    ...rows,
    '',
    `Settings: recipe ${plan.recipe}, learning rate ${plan.learningRate}, batch ${plan.tokensPerBatch === undefined ? '' : 'of '}${describeBatch(plan)}, ${plan.lrSchedulerType} schedule with ${plan.warmupSteps} steps of warm-up, weight decay ${plan.weightDecay}, at most ${plan.maxSeqLength} tokens.`,
    `Engine ${text('engine')}, matrix products in ${text('precision')}.`,
    '',
    ...(spec.kind === 'classification' ? [`Labels: ${spec.labels.map(plainLine).join(', ')}.`, ''] : ['One output: the score itself, without a sigmoid.', '']),
    '```',
    plainLine(command),
    '```',
    '',
  ].join('\n');
}
