import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../../src/data/errors.js';
import { parseCsv } from '../tables/csv.js';
import { writeReport } from './writeReport.js';

type Fields = Readonly<Record<string, unknown>>;

function writeRun(root: string, name: string, results: Fields, state?: Fields): void {
  const dir = path.join(root, name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, 'run.json'), JSON.stringify({ command: `bertwright finetune --output ${name} \u001b[31m\u202e` }));
  writeFileSync(path.join(dir, 'all_results.json'), JSON.stringify(results));
  if (state !== undefined) writeFileSync(path.join(dir, 'trainer_state.json'), JSON.stringify(state));
}

const mrpc = (seed: number, accuracy: number, f1: number): Fields => ({
  task: 'mrpc', model: 'mini', seed, eval_accuracy: accuracy, eval_f1: f1, eval_combined_score: (accuracy + f1) / 2, eval_samples: 408, official_eval_rows: 408,
  train_samples: 1200, official_train_rows: 3668, train_runtime: 10, engine: 'native', precision: 'highest', majority_prediction: 1, majority_accuracy: 0.684, majority_f1: 0.812,
});

function sampleRuns(): string {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bertwright-report-'));
  writeRun(root, 'mrpc-1', mrpc(1, 0.7, 0.8));
  writeRun(root, 'mrpc-2', mrpc(2, 0.74, 0.84));
  writeRun(root, 'cola', { task: 'cola', model: 'mini', seed: 1, eval_matthews_correlation: 0, majority_prediction: 1, majority_matthews_correlation: 0 });
  writeRun(root, 'hostile', { task: 'rte', model: '<script>alert(1)</script>|`x`', seed: 1, eval_accuracy: 0.5, majority_prediction: 0, majority_accuracy: 0.527 });
  writeRun(
    root, 'pretrain',
    { kind: 'pretraining', model: 'mini-run <b>', eval_mlm_loss: 5.5, eval_unigram_loss: 6.25, eval_nsp_accuracy: 0.75, steps: 100, warnings: ['held out 3 documents only'] },
    { log_history: [{ step: 10, mlm_loss: 7.5 }, { step: 50, mlm_loss: 6.5 }, { step: 100, eval_mlm_loss: 5.5 }] },
  );
  mkdirSync(path.join(root, 'cut'));
  writeFileSync(path.join(root, 'cut', 'run.json'), '{}');
  mkdirSync(path.join(root, 'broken'));
  writeFileSync(path.join(root, 'broken', 'all_results.json'), '{"task": "mr');
  return root;
}

test('means, deviations, baselines, averages, published rows and remarks come out of the run folders', async () => {
  const root = sampleRuns();
  const { data, json } = await writeReport([root], { output: path.join(root, 'report'), published: ['bert-tiny'] });
  assert.deepEqual(JSON.parse(readFileSync(json, 'utf8')), JSON.parse(JSON.stringify(data)));
  const mini = data.systems.find((system) => system.name === 'mini');
  assert.ok(mini);
  const accuracy = mini.tasks.mrpc?.metrics['accuracy'];
  assert.ok(accuracy !== undefined && Math.abs(accuracy.mean - 72) < 1e-9);
  assert.ok(Math.abs((accuracy.standardDeviation ?? 0) - Math.sqrt(8)) < 1e-9, 'sample deviation of 70 and 74');
  assert.equal(accuracy.n, 2);
  assert.deepEqual(mini.tasks.mrpc?.seeds, [1, 2]);
  assert.match(mini.tasks.cola?.collapsed ?? '', /"acceptable" for every row/);
  const average = mini.averages.find(({ name }) => name === 'Leaderboard')?.result;
  assert.ok(average !== undefined && 'missing' in average && average.missing.includes('qqp'));
  assert.equal(data.systems.find((system) => system.group === 'majority')?.tasks.mrpc?.metrics['f1']?.mean.toFixed(1), '81.2');
  assert.equal(data.systems.find((system) => system.group === 'published')?.split, 'test');
  const remarks = data.remarks.join('\n');
  assert.deepEqual(data.notRun.map(({ task }) => task), ['sst2', 'stsb', 'qqp', 'mnli', 'qnli', 'wnli']);
  assert.match(data.notRun[2]?.how ?? '', /Quora's terms .* bertwright finetune --task qqp/);
  assert.match(remarks, /Trained on other rows .*: MRPC 1200 of 3668\./);
  assert.match(remarks, /cut is not in the tables: started, but has no all_results.json/);
  assert.match(remarks, /broken.*not a JSON object/);
  assert.deepEqual(data.pretraining[0]?.curves['eval_mlm_loss'], [[100, 5.5]]);
});

test('the Markdown table shows metrics as the leaderboard writes them, and the commands', async () => {
  const root = sampleRuns();
  const { markdown } = await writeReport([root], { output: path.join(root, 'report') });
  const text = readFileSync(markdown, 'utf8');
  assert.match(text, /\| mini \|.*\| 82\.0\/72\.0 ± 2\.8\/2\.8 \|/);
  assert.match(text, /\| Majority baseline \|.*81\.2\/68\.4/);
  assert.match(text, /`bertwright finetune --output mrpc-1 /);
  assert.match(text, /held-out MLM loss \(nats\) \| 5\.500/);
});

const curveLog = [
  { step: 10, mlm_loss: 7.5, learning_rate: 1e-3, tokens_per_second: 900, mfu: 0.25, elapsed_seconds: 60 },
  { step: 20, mlm_loss: 6.5, learning_rate: 5e-4, tokens_per_second: 1100, mfu: 0.35, elapsed_seconds: 120 },
  { step: 15, eval_mlm_loss: 7, eval_nsp_accuracy: 0.5 },
  { step: 20, eval_mlm_loss: 6.25, eval_nsp_accuracy: 0.75 },
];

test('the curves of pretraining runs overlay, finished or not, by step and by time, with the level of word frequencies', async () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bertwright-report-'));
  writeRun(root, 'a/mini', { kind: 'pretraining', model: 'mini', eval_mlm_loss: 6.25, eval_unigram_loss: 6.75, steps: 20, train_mfu: 0.3, peak_gflops: 250 }, { log_history: curveLog });
  writeRun(root, 'b/mini', { kind: 'pretraining', model: 'mini', eval_mlm_loss: 6.5, steps: 20 }, { log_history: curveLog });
  const running = path.join(root, 'running');
  mkdirSync(running);
  writeFileSync(path.join(running, 'run.json'), JSON.stringify({ kind: 'pretrain', status: 'running', settings: {}, command: 'bertwright pretrain -o running' }));
  writeFileSync(path.join(running, 'metrics.jsonl'), `${curveLog.map((entry) => JSON.stringify(entry)).join('\n')}\n{"step":30,"mlm_l`);
  const { data, html, markdown } = await writeReport([root], { output: path.join(root, 'report') });
  assert.equal(data.title, 'Pretraining report');
  assert.deepEqual(data.pretraining.map(({ name }) => name), ['a/mini', 'b/mini', 'running']);
  const page = readFileSync(html, 'utf8');
  const drawings = [...page.matchAll(/<svg .*?<\/svg>/gs)].map(([svg]) => svg);
  const loss = drawings.filter((svg) => svg.includes('aria-label="Masked-word loss (nats) of a/mini, b/mini, running by '));
  assert.deepEqual(loss.map((svg) => /by (\w+)"/.exec(svg)?.[1]), ['steps', 'minutes']);
  for (const svg of loss) {
    assert.equal([...svg.matchAll(/<polyline class="(?:faint )?c[012]"/g)].length, 6, 'training and held-out curve of each run');
    assert.match(svg, /word frequencies alone: 6\.75/);
  }
  assert.match(loss[1] ?? '', /b\/mini, held out, 1\.5 minutes: 7</);
  for (const title of ['Next-sentence accuracy', 'Learning rate', 'Tokens a second', 'Model FLOPs utilisation']) assert.equal(drawings.filter((svg) => svg.includes(`aria-label="${title} of`)).length, 2, title);
  assert.ok(!drawings.some((svg) => svg.includes('Gradient norm')), 'nothing is drawn where nothing was logged');
  assert.match(page, /running: not finished \(run\.json says &quot;running&quot;\): what its log has up to step 20/);
  const text = readFileSync(markdown, 'utf8');
  assert.match(text, /\[report\.html\]\(report\.html#pretraining\)/);
  assert.match(text, /\| a\/mini \| 15 \| 1\.5 min \| 7\.000 \| 7\.000 \| 50\.0 % \| 1000 \|/);
  assert.match(text, /model FLOPs utilisation, mean over the log \| 30\.0 % \| – \| – \|/);
});

test('text from data is inert in HTML and Markdown', async () => {
  const root = sampleRuns();
  const { html, markdown } = await writeReport([root], { output: path.join(root, 'report') });
  const page = readFileSync(html, 'utf8');
  assert.equal(page.split('<script').length, 2, 'one script, our own');
  const script = page.slice(page.indexOf('<script>') + '<script>'.length, page.indexOf('</script>'));
  assert.ok(page.includes(`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'"`), 'and no other may run');
  assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  assert.match(page, /http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'"/);
  assert.ok(!/(?:src|href)=/.test(page), 'nothing is loaded');
  const text = readFileSync(markdown, 'utf8');
  assert.ok(!text.includes('<script'));
  for (const hostile of ['\u001b', '\u202e']) assert.ok(!`${page}${text}`.includes(hostile), 'nothing that a terminal acts on');
  assert.match(text, /\\\|\\`x\\`/);
});

test('dev scores while fine-tuning are drawn where a run was evaluated more than once', async () => {
  const root = sampleRuns();
  writeRun(root, 'curve', { task: 'sst2', model: 'mini', seed: 1, eval_accuracy: 0.8 }, { log_history: [{ step: 10, loss: 0.7 }, { step: 10, epoch: 1, eval_accuracy: 0.6 }, { step: 20, epoch: 2, eval_accuracy: 0.8 }] });
  const { data, html } = await writeReport([root], { output: path.join(root, 'report') });
  assert.deepEqual(data.runs.find(({ task }) => task === 'sst2')?.scoresByEpoch, [[1, 0.6], [2, 0.8]]);
  assert.match(readFileSync(html, 'utf8'), /aria-label="Dev score of SST-2 over the epochs: mini, seed 1 ends at 80\.0"/);
  const none = sampleRuns();
  assert.doesNotMatch(readFileSync((await writeReport([none], { output: path.join(none, 'report') })).html, 'utf8'), /Dev scores while fine-tuning/);
});

test('different models of one name stay apart, and several runs of one seed are told', async () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bertwright-report-'));
  const add = (name: string, seed: number, accuracy: number, model: string, sha: string): void => {
    writeRun(root, name, { task: 'rte', model: path.basename(model), seed, eval_accuracy: accuracy });
    writeFileSync(path.join(root, name, 'run.json'), JSON.stringify({ command: name, settings: { modelSha256: sha }, about: { model } }));
  };
  add('r1', 1, 0.6, '/runs/long/mini', 'aa');
  add('r2', 2, 0.62, '/moved/long/mini', 'aa');
  add('r3', 1, 0.7, '/runs/short/mini', 'bb');
  add('r4', 1, 0.8, '/runs/short/mini', 'bb');
  add('r5', 1, 0.5, '/runs/other', 'cc');
  const { data } = await writeReport([root], { output: path.join(root, 'report') });
  const means = data.systems.map(({ name, tasks }) => [name, tasks.rte?.metrics['accuracy']?.mean.toFixed(1)]);
  assert.deepEqual(means, [['mini (long/mini)', '61.0'], ['mini (short/mini)', '75.0'], ['other', '50.0']]);
  const remarks = data.remarks.filter((remark) => remark.includes('one seed'));
  assert.equal(remarks.length, 1);
  assert.match(remarks[0] ?? '', /^mini \(short\/mini\) on RTE has several runs of one seed \(1, 1\)/);
});

test('points of a search are no systems; a searched rank is no part of a system; a broken record is told', async () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bertwright-report-'));
  const record = (chosen: string | null, ...ranks: readonly number[]) => ({ metric: 'accuracy', chosen, trials: ranks.map((loraR) => ({ directory: `lora-r-${loraR}`, point: { loraR }, runs: [{ seed: 1, status: 'complete', value: loraR / 10 }, { seed: 2, status: 'diverged' }] })) });
  const add = (name: string, task: string, rank: number, search?: unknown): void => {
    writeRun(root, name, { task, model: 'mini', adapter: `LoRA r ${rank}`, seed: 1, eval_accuracy: rank / 10 });
    if (search !== undefined) writeFileSync(path.join(root, name, 'trials.json'), JSON.stringify(search));
  };
  const folder = (name: string, search: unknown): void => {
    mkdirSync(path.join(root, name), { recursive: true });
    writeFileSync(path.join(root, name, 'trials.json'), JSON.stringify(search));
  };
  add('rte/seed-1', 'rte', 8, record('lora-r-8', 4, 8));
  add('rte/trials/lora-r-8/seed-1', 'rte', 8);
  folder('rte/trials', record('lora-r-8', 4, 8));
  add('sst2/seed-1', 'sst2', 4, record('lora-r-4', 4, 2));
  add('mrpc/trials/lora-r-4/seed-1', 'mrpc', 4);
  folder('mrpc/trials', record(null, 4, 8));
  add('qnli/seed-1', 'qnli', 4, { trials: [null] });
  add('trials/wnli', 'wnli', 4);
  const { data, markdown } = await writeReport([root], { output: path.join(root, 'report') });
  assert.deepEqual(data.systems.map(({ name, tasks }) => [name, Object.values(tasks).map(({ task, chosenOf }) => [task, chosenOf])]), [
    ['mini, LoRA, rank chosen on dev', [['sst2', 2], ['rte', 2]]],
    ['mini, LoRA r 4', [['wnli', undefined]]],
  ]);
  const remarks = data.remarks.join('\n');
  assert.match(remarks, /mrpc\/trials is not in the tables: a search that has not chosen yet/);
  assert.match(remarks, /qnli\/seed-1 is not in the tables: .*not the record of a search/);
  assert.match(readFileSync(markdown, 'utf8'), /\| RTE \| mini, LoRA, rank chosen on dev \| lora-r 8 \| ✓ \| 1, 2 \(diverged\) \| accuracy \| 80\.0 \| – \|/);
  assert.equal((await writeReport([path.join(root, 'mrpc', 'trials', 'lora-r-4')], { output: path.join(root, 'point') })).data.runs.length, 1, 'a point that is named is shown');
});

test('an absent folder, a folder without runs and an unknown published id are usage errors', async () => {
  const empty = mkdtempSync(path.join(os.tmpdir(), 'bertwright-report-'));
  await assert.rejects(writeReport([path.join(empty, 'no')], { output: empty }), (error) => error instanceof UsageError && /no such folder/.test(error.message));
  await assert.rejects(writeReport([empty], { output: empty }), /no finished run/);
  await assert.rejects(writeReport([sampleRuns()], { output: empty, published: ['bert-tinny'] }), /Did you mean "bert-tiny"/);
});

test('the LaTeX table has the groups, the scores and what the marks mean; text from data forms no command', async () => {
  const root = sampleRuns();
  writeRun(root, 'latex', { task: 'sst2', model: 'a_b\\input{/etc/passwd}$x^2$ 50% & #1 ~', seed: 1, eval_accuracy: 0.8 });
  const { latex } = await writeReport([root], { output: path.join(root, 'report'), published: ['bert-tiny'] });
  const text = readFileSync(latex, 'utf8');
  assert.match(text, /^mini &.* & 82\.0\/72\.0 \$\\pm\$ 2\.8\/2\.8 &/m);
  assert.match(text, /^Majority baseline & 0\.0 &/m);
  assert.match(text, /Published, test set/);
  assert.ok(text.includes('a\\_b\\textbackslash{}input\\{/etc/passwd\\}\\$x\\textasciicircum{}2\\$ 50\\% \\& \\#1 \\textasciitilde{} &'));
  const tables = text.split('\\begin{table*}').slice(1);
  assert.deepEqual(tables.map((table) => /\\label\{(.*?)\}/.exec(table)?.[1]), ['tab:glue', 'tab:glue-metrics'], 'the leaderboard and every metric; no runs to compare');
  for (const table of tables) {
    const body = table.split('\n').filter((line) => line.endsWith(' \\\\') && !line.startsWith('\\multicolumn'));
    const separators = body.map((line) => line.replaceAll('\\&', '').split('&').length);
    assert.equal(new Set(separators).size, 1, 'every row has the same number of cells');
    assert.equal(/\\begin\{tabular\}\{([lr]+)\}/.exec(table)?.[1]?.length, separators[0]);
  }
});

test('the CSV has a row for every metric and average, numbers not rounded, and nothing that a spreadsheet would run', async () => {
  const root = sampleRuns();
  writeRun(root, 'formula', { task: 'sst2', model: '=HYPERLINK("http://x","y"),1', seed: 1, eval_accuracy: 0.8 });
  const { csv } = await writeReport([root], { output: path.join(root, 'report'), published: ['bert-tiny'] });
  const records = parseCsv(readFileSync(csv, 'utf8'), csv);
  const [header, ...rows] = records.map(({ fields }) => fields);
  const find = (...start: string[]): Record<string, string> => Object.fromEntries((rows.find((row) => start.every((text, i) => row[i] === text)) ?? assert.fail(start.join())).map((field, i) => [header?.[i] ?? '', field]));
  assert.ok(records.every(({ fields }) => fields.length === header?.length));
  const accuracy = find('mini', 'measured', 'dev', 'MRPC', 'accuracy');
  assert.deepEqual([Number(accuracy['mean']).toFixed(6), Number(accuracy['standard_deviation']).toFixed(6), accuracy['seeds'], accuracy['train_rows']], ['72.000000', Math.sqrt(8).toFixed(6), '1 2', '1200']);
  assert.equal(find('mini', 'measured', 'dev', 'CoLA', 'matthews_correlation')['constant_prediction'], 'yes');
  assert.ok(Number(find('BERT-tiny (2/128)', 'published', 'test', 'average', 'BERT paper')['mean']) > 50);
  assert.equal(find("'=HYPERLINK(\"http://x\",\"y\"),1", 'measured', 'dev', 'SST-2', 'accuracy')['mean'], '80');
});
