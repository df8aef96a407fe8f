/** Scores a fine-tuned checkpoint on a split of a task, or on a user's own validation file. */
import { UsageError } from '../src/data/errors.js';
import { glueTask } from '../glue/tasks.js';
import { classify, evalEntries, score } from './classify.js';
import { encodeSplit } from './encodeSplit.js';
import { environment } from '../src/train/environment.js';
import { loadClassifier } from './loadClassifier.js';
import { labelNames } from './finetuneJob.js';
import { requireLabels } from './labelMapping.js';
import type { EvaluateOptions, Results } from './options.js';
import { loadEvaluationSplits, loadOwnEvaluation } from './taskData.js';
import { specOfGlue } from './taskSpec.js';

/**
 * Metrics of a checkpoint as fine-tuning reports them (eval_loss, eval_accuracy, …; MNLI without a split: both dev sets).
 * Labels are mapped by name. Throws UsageError where the model is none of this task's, or the split has no gold labels.
 */
export async function evaluateTask(options: EvaluateOptions): Promise<Results> {
  const { task, validationFile } = options;
  if (task === undefined && validationFile === undefined) throw new UsageError('nothing to evaluate on', { hint: 'give --task NAME with --data, or --validation-file FILE' });
  const ofTask = task === undefined ? undefined : { spec: specOfGlue(glueTask(task)), splits: await loadEvaluationSplits({ ...options, task }) };
  const note = (text: string): void => options.progress?.({ type: 'note', text });
  const { model, tokenizer, maxLength, batchSize, name } = await loadClassifier(options);
  try {
    const { spec, splits } = ofTask ?? (await loadOwnEvaluation(validationFile ?? '', options, model.isRegression ? undefined : labelNames(model)));
    const isRegression = spec.kind === 'regression';
    if (isRegression !== model.isRegression) {
      throw new UsageError(`${spec.title} needs a ${spec.kind} model; this one has ${model.isRegression ? 'one output, a score' : `the classes ${labelNames(model).join(', ')}`}`, { hint: 'is this the model of another task?' });
    }
    const labelMap = isRegression ? undefined : requireLabels(spec, labelNames(model), note);
    const found = environment();
    const results: Record<string, Results[string]> = { task: spec.name, model: name, engine: found.engine, precision: 'highest', versions: found.versions };
    for (const split of splits) {
      const encoded = await encodeSplit(split, tokenizer, maxLength, labelMap, options.signal);
      const scores = score(spec, await classify(model, encoded, batchSize, options.signal), encoded, labelMap);
      Object.assign(results, evalEntries(scores, split.suffix), { [`eval_samples${split.suffix}`]: encoded.length });
      if (scores.undefinedMetrics.length > 0) results[`undefined_metrics${split.suffix}`] = scores.undefinedMetrics;
    }
    return results;
  } finally {
    model.dispose();
  }
}
