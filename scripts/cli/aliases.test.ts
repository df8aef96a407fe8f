import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { canonicalArguments } from './aliases.js';
import { pastedCommands } from './pasted.js';

describe('flag names of transformers', () => {
  const cases: readonly [string, string][] = [
    ['finetune --learning_rate 3e-5', 'finetune --learning-rate 3e-5'],
    ['finetune --model_name_or_path M --task_name mrpc --output_dir O', 'finetune --model M --task mrpc --output O'],
    ['finetune --learning_rate=3e-5', 'finetune --learning-rate=3e-5'],
    ['finetune --train_file a.csv', 'finetune --train-file a.csv'],
    ['pretrain --train_file a.txt --tokenizer_name T --config_name mini', 'pretrain --corpus a.txt --tokenizer T --model-config mini'],
    ['pretrain --optim adamw_torch', 'pretrain --optimizer adamw'],
    ['pretrain --optim=adamw_torch --seed=1', 'pretrain --optimizer=adamw --seed=1'],
    ['finetune --no_lowercase --overwrite_output_dir', 'finetune --no-lowercase --overwrite'],
    ['fill --model M -- --learning_rate', 'fill --model M -- --learning_rate'],
  ];
  for (const [typed, expected] of cases) {
    test(typed, () => assert.equal(canonicalArguments(typed.split(' ')).join(' '), expected));
  }
});

function translate(line: string) {
  const [name = '', ...args] = line.split(/\s+/);
  const command = pastedCommands.find(({ names }) => names.includes(name));
  assert.ok(command, name);
  return command.translate(args);
}

describe('pasted lines', () => {
  test('a training run_glue line becomes finetune, its settings kept', () => {
    const { args, notes } = translate(
      'run_glue python run_glue.py --model_name_or_path M --task_name mrpc --do_train --do_eval --max_seq_length 128 --per_device_train_batch_size 32 --learning_rate 2e-5 --num_train_epochs 3 --output_dir O --fp16 --report_to tensorboard wandb --quiet',
    );
    assert.equal(args.join(' '), 'finetune --model M --task mrpc --max-seq-length 128 --per-device-train-batch-size 32 --learning-rate 2e-5 --num-train-epochs 3 --output O --quiet --recipe hf-defaults --no-load-best-model-at-end --no-predict');
    assert.deepEqual(notes.map((note) => note.split(' ')[0]), ['--fp16', '--report_to']);
  });
  test('switches may carry True and False', () => {
    assert.equal(translate('run_glue --model_name_or_path M --task_name rte --do_train True --load_best_model_at_end=False --output_dir O').args.join(' '), 'finetune --model M --task rte --output O --recipe hf-defaults --no-load-best-model-at-end --no-predict');
    assert.equal(translate('run_glue --model_name_or_path M --task_name rte --do_train --load_best_model_at_end --save_strategy epoch --output_dir O').args.join(' '), 'finetune --model M --task rte --load-best-model-at-end --save-strategy epoch --output O --recipe hf-defaults --no-predict');
  });
  test('a checkpoint to resume from is named as not read: the output directory has its own', () => {
    const { args, notes } = translate('run_glue --model_name_or_path M --task_name rte --do_train --resume_from_checkpoint O/checkpoint-50 --output_dir O');
    assert.ok(args.includes('--resume') && !args.includes('O/checkpoint-50'), args.join(' '));
    assert.match(notes.join(), /O\/checkpoint-50.*not read/);
  });
  test('an evaluating line becomes evaluate, a predicting one predict', () => {
    assert.equal(translate('run_glue --model_name_or_path M --train_file a.csv --validation_file b.csv --metric_name f1 --do_eval').args.join(' '), 'evaluate --model M --validation-file b.csv --metric-name f1');
    assert.equal(translate('run_glue --model_name_or_path M --task_name rte --do_eval --output_dir O/').args.join(' '), 'evaluate --model M --task rte --output O/eval_results.json');
    assert.equal(translate('run_glue --model_name_or_path M --task_name rte --do_predict --output_dir O').args.join(' '), 'predict --model M --task rte --output O/predictions.jsonl');
  });
  test('a run_mlm line becomes pretrain without next sentences; the tokenizer follows the model', () => {
    assert.equal(
      translate('run_mlm --model_name_or_path M --train_file a.txt --mlm_probability 0.15 --do_train --output_dir O').args.join(' '),
      'pretrain --model M --corpus a.txt --mlm-probability 0.15 --output O --next-sentence none --learning-rate 5e-5 --per-device-train-batch-size 8 --weight-decay 0 --validation-split-percentage 5 --short-seq-prob 0 --warmup-ratio 0 --tokenizer M',
    );
    const { args, notes } = translate('run_mlm --config_name tiny --config_overrides hidden_dropout_prob=0,num_hidden_layers=3 --tokenizer_name T --train_file a.txt --do_train --learning_rate 1e-4 --warmup_steps 10 --max_eval_samples 50 --save_strategy steps --output_dir O');
    assert.match(args.join(' '), /--learning-rate 1e-4 .*--warmup-steps 10 --max-eval-samples 50 /);
    assert.equal(args[args.indexOf('--config-overrides') + 1], 'hidden_dropout_prob=0,num_hidden_layers=3');
    assert.ok(!args.includes('5e-5') && !args.includes('--warmup-ratio'));
    assert.deepEqual(notes.map((note) => note.split(' ')[0]), ['--save-strategy', '--max_seq_length']);
  });
  test('an unknown flag suggests the near match; a line without work, corpus or value is refused', () => {
    assert.throws(() => translate('run_glue --modle_name_or_path M'), /unknown flag --modle_name_or_path/);
    assert.throws(() => translate('run_glue --task_name rte --learning_rat 1'), /Did you mean "learning-rate"/);
    assert.throws(() => translate('run_glue --task_name rte'), /nothing to do/);
    assert.throws(() => translate('run_mlm --do_train --output_dir O'), /--train_file is missing/);
    assert.throws(() => translate('run_glue --do_train --task_name'), /--task_name needs a value/);
  });
});
