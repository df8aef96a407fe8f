/** Scores a fine-tuned checkpoint on a split of a task, or on a user's own validation file. */
import { UsageError } from '../src/data/errors.js';
import { glueTask } from '../glue/tasks.js';
import { argmaxRows, classify, evalEntries, score } from './classify.js';
import { encodeSplit } from './encodeSplit.js';
import { environment } from '../src/train/environment.js';
import { loadClassifier, outputNames, taskOutputs } from './loadClassifier.js';
import { checkedLabelOrder, matchLabels } from './labelMapping.js';
import { countRows, emptyConfusionMatrix, labelOrderWarning } from './labelOrderCheck.js';
import type { EvaluateOptions, Results } from './options.js';
import { checkedSliceKinds, type Slice, slicesOf } from './slices.js';
import { loadEvaluationSplits, loadOwnEvaluation } from './taskData.js';
import { specOfGlue } from './taskSpec.js';

/**
 * Metrics of a checkpoint as fine-tuning reports them (eval_loss, eval_accuracy, …; MNLI without a split: both dev sets).
 * Labels are mapped by name: the model's own, or those of `labelOrder`. Where it has none and another order than the task's
 * fits far better, `warnings` says so and names the flag to give.
 * Throws UsageError where the model is none of this task's, or the split has no gold labels.
 */
export async function evaluateTask(options: EvaluateOptions): Promise<Results> {
  const { task, validationFile } = options;
  if (task === undefined && validationFile === undefined) throw new UsageError('nothing to evaluate on', { hint: 'give --task NAME with --data, or --validation-file FILE' });
  const ofTask = task === undefined ? undefined : { spec: specOfGlue(glueTask(task)), splits: await loadEvaluationSplits({ ...options, task }) };
  const note = (text: string): void => options.progress?.({ type: 'note', text });
  const labelOrder = options.labelOrder === undefined ? undefined : checkedLabelOrder(options.labelOrder, ofTask?.spec);
  const kinds = checkedSliceKinds(options.slices ?? []);
  const { model, tokenizer, maxLength, batchSize, name } = await loadClassifier(options);
  try {
    const names = outputNames(model, labelOrder);
    const { spec, splits } = ofTask ?? (await loadOwnEvaluation(validationFile ?? '', options, names));
    const labelMap = taskOutputs(spec, model, names, note);
    const confusion = names === undefined || matchLabels(spec, names) !== undefined ? undefined : emptyConfusionMatrix(names.length);
    const found = environment();
    const results: Record<string, Results[string]> = { task: spec.name, model: name, engine: found.engine, precision: 'highest', versions: found.versions };
    const slices: Slice[] = [];
    for (const split of splits) {
      const started = performance.now();
      const encoded = await encodeSplit(split, tokenizer, maxLength, labelMap, options.signal);
      const output = await classify(model, encoded, batchSize, options.signal);
      const seconds = Math.max(1e-9, (performance.now() - started) / 1000);
      const scores = score(spec, output, encoded, labelMap);
      if (confusion !== undefined) countRows(confusion, argmaxRows(output), split.examples.map(({ label }) => label));
      Object.assign(results, evalEntries(scores, split.suffix), {
        [`eval_samples${split.suffix}`]: encoded.length,
        [`eval_runtime${split.suffix}`]: seconds,
        [`eval_samples_per_second${split.suffix}`]: encoded.length / seconds,
      });
      slices.push(...slicesOf(kinds, spec, split.examples, encoded, output, labelMap).map((slice) => (split.suffix === '' ? slice : { ...slice, split: split.name })));
      if (scores.undefinedMetrics.length > 0) results[`undefined_metrics${split.suffix}`] = scores.undefinedMetrics;
    }
    if (kinds.length > 0) results['slices'] = slices.map((slice) => ({ ...slice }));
    const warning = confusion === undefined || labelMap === undefined ? undefined : labelOrderWarning(spec, confusion, labelMap);
    if (warning !== undefined) {
      note(`warning: ${warning}`);
      results['warnings'] = [warning];
    }
    return results;
  } finally {
    model.dispose();
  }
}
