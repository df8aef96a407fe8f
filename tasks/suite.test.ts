/** The suite's processes: beside each other, killed, stopped, orphaned. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { writeReport } from '../glue/report/writeReport.js';
import { InterruptedError, UsageError } from '../src/data/errors.js';
import { engineInfo, setEngine } from '../src/engine/index.js';
import { chooseThreads } from '../src/engine/threads.js';
import type { SuiteEvent, SuiteOptions } from './options.js';
import { runSuite } from './suite.js';
import { writeCola, writeMnli, writeStsb, writeTinyModel } from './testing/tinyTask.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-suite-'));
const model = path.join(folder, 'tiny-bert');
const data = path.join(folder, 'glue');
const base = { models: [model], data, numTrainEpochs: 2, perDeviceTrainBatchSize: 8, maxSeqLength: 24, doPredict: false } as const;

before(async () => {
  await setEngine('auto');
  await writeTinyModel(model);
  await writeCola(data);
  await writeStsb(data);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const weights = (output: string, task: string, seed: number): Buffer => readFileSync(path.join(folder, output, 'tiny-bert', task, `seed-${seed}`, 'model.safetensors'));

/** Processes that run the suite's child below this folder's suites, by what the system lists. */
function children(of: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === of ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

const alive = (pid: number): boolean => existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`not within 30 s: ${what}`);
}

test('runs beside each other give what they give one after the other, and share the threads out', async () => {
  const options: SuiteOptions = { ...base, tasks: ['cola', 'stsb'], seeds: [1, 2], output: path.join(folder, 'one') };
  await runSuite(options);
  let [under, most] = [0, 0];
  const notes: string[] = [];
  const progress = (event: SuiteEvent): void => {
    if (event.type === 'started') most = Math.max(most, ++under);
    if (event.type === 'ended') under -= 1;
    if (event.type === 'run' && event.event.type === 'note') notes.push(event.event.text);
  };
  const { runs } = await runSuite({ ...options, output: path.join(folder, 'three'), concurrency: 3, progress });
  assert.deepEqual(runs.map(({ task, seed, status }) => `${task} ${seed} ${status}`), ['cola 1 complete', 'cola 2 complete', 'stsb 1 complete', 'stsb 2 complete']);
  const processes = Math.min(3, engineInfo().engine === 'native' ? engineInfo().threads : chooseThreads(undefined).threads);
  assert.equal(most, processes);
  for (const task of ['cola', 'stsb']) for (const seed of [1, 2]) assert.deepEqual(weights('three', task, seed), weights('one', task, seed), `${task} ${seed}`);
  const threads = (JSON.parse(readFileSync(path.join(folder, 'three', 'tiny-bert', 'cola', 'seed-1', 'all_results.json'), 'utf8')) as { threads: number }).threads;
  assert.equal(threads, Math.max(1, Math.floor(engineInfo().threads / processes)));
  assert.ok(notes.some((note) => note.includes('training rows')), 'the notes of a run come through');
});

test('a run whose process is killed is begun again and ends as it would have', async () => {
  let killed = 0;
  const progress = (event: SuiteEvent): void => {
    if (killed === 0 && event.type === 'run' && event.event.type === 'save') {
      for (const pid of children(process.pid)) {
        process.kill(pid, 'SIGKILL');
        killed += 1;
      }
    }
  };
  const { runs } = await runSuite({ ...base, tasks: ['cola'], seeds: [1], output: path.join(folder, 'killed'), progress });
  assert.ok(killed > 0);
  assert.deepEqual(runs.map(({ status }) => status), ['complete']);
  assert.deepEqual(weights('killed', 'cola', 1), weights('one', 'cola', 1));
});

test('an abort stops the runs under way, which have saved; the same call ends as if nothing had been', async () => {
  const controller = new AbortController();
  const progress = (event: SuiteEvent): void => {
    if (event.type === 'run' && event.event.type === 'step' && event.event.step === 3) controller.abort('SIGTERM');
  };
  const options: SuiteOptions = { ...base, tasks: ['cola'], seeds: [1, 2], output: path.join(folder, 'stopped') };
  await assert.rejects(runSuite({ ...options, signal: controller.signal, progress }), (error) => error instanceof InterruptedError && error.exitCode === 143);
  assert.equal((JSON.parse(readFileSync(path.join(folder, 'stopped', 'tiny-bert', 'cola', 'seed-1', 'run.json'), 'utf8')) as { status: string }).status, 'interrupted');
  await runSuite(options);
  assert.deepEqual(weights('stopped', 'cola', 1), weights('one', 'cola', 1));
});

test('no run outlives a suite that is killed: it saves and ends', { skip: process.platform !== 'linux' && 'reads /proc' }, async () => {
  const script = `
    import { setEngine } from ${JSON.stringify(new URL('../src/engine/index.js', import.meta.url).href)};
    import { runSuite } from ${JSON.stringify(new URL('./suite.js', import.meta.url).href)};
    await setEngine('auto');
    await runSuite({ models: [${JSON.stringify(model)}], data: ${JSON.stringify(data)}, tasks: ['cola'], seeds: [1], numTrainEpochs: 2000, maxSeqLength: 24, doPredict: false, output: ${JSON.stringify(path.join(folder, 'orphan'))}, progress: (e) => e.type === 'run' && e.event.type === 'step' && e.event.step === 2 && console.log('training') });
  `;
  const suite = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => suite.stdout.once('data', resolve));
  const runs = children(suite.pid ?? 0);
  assert.equal(runs.length, 1);
  suite.kill('SIGKILL');
  await until(() => runs.every((pid) => !alive(pid)), 'the run ends after its suite');
  assert.equal((JSON.parse(readFileSync(path.join(folder, 'orphan', 'tiny-bert', 'cola', 'seed-1', 'run.json'), 'utf8')) as { status: string }).status, 'interrupted');
});

test('a dry run writes nothing and tells what each run would take; more epochs take more; what cannot be estimated says why', async () => {
  const output = path.join(folder, 'dry');
  const options: SuiteOptions = { ...base, tasks: ['cola', 'rte'], seeds: [1, 2], output, dryRun: true };
  const { runs } = await runSuite(options);
  assert.ok(!existsSync(output));
  const [first, second, absent] = runs;
  assert.deepEqual(first?.estimate, second?.estimate, 'measured once a task');
  assert.ok(first?.estimate !== undefined && first.estimate.seconds > 0 && first.estimate.bytes > 2 ** 20 && first.estimate.tokensPerSecond > 0);
  assert.ok(absent?.status === 'planned' && absent.estimate === undefined && /no folder "RTE"/.test(absent.error ?? ''));
  const longer = (await runSuite({ ...options, tasks: ['cola'], numTrainEpochs: 200 })).runs[0]?.estimate;
  assert.ok((longer?.seconds ?? 0) > 10 * first.estimate.seconds, `${longer?.seconds} against ${first.estimate.seconds}`);
});

test('from MNLI: its run of the same seed comes first, RTE, MRPC and STS-B start from it, others do not; a failed start fails what follows', async () => {
  await writeMnli(data);
  const options: SuiteOptions = { ...base, numTrainEpochs: 1, tasks: ['stsb', 'cola'], seeds: [1, 2], fromTask: 'mnli', concurrency: 2, output: path.join(folder, 'transfer') };
  const { runs } = await runSuite(options);
  assert.deepEqual(runs.map(({ directory, status }) => `${path.relative(options.output, directory)} ${status}`), [
    'tiny-bert/mnli/seed-1 complete', 'tiny-bert/mnli/seed-2 complete',
    'tiny-bert-from-mnli/stsb/seed-1 complete', 'tiny-bert-from-mnli/stsb/seed-2 complete',
    'tiny-bert/cola/seed-1 complete', 'tiny-bert/cola/seed-2 complete',
  ]);
  const results = (...parts: string[]): Record<string, unknown> => JSON.parse(readFileSync(path.join(options.output, ...parts, 'all_results.json'), 'utf8')) as Record<string, unknown>;
  assert.equal(results('tiny-bert-from-mnli', 'stsb', 'seed-2')['model'], 'tiny-bert from MNLI');
  const about = (JSON.parse(readFileSync(path.join(options.output, 'tiny-bert-from-mnli', 'stsb', 'seed-2', 'run.json'), 'utf8')) as { about: { model: string } }).about;
  assert.equal(about.model, path.join(options.output, 'tiny-bert', 'mnli', 'seed-2'));
  const { data: report } = await writeReport([options.output], { output: path.join(folder, 'transfer-report') });
  const measured = report.systems.filter(({ group }) => group === 'measured').map(({ name, tasks }) => [name, Object.entries(tasks).map(([task, { seeds }]) => `${task} ${seeds.join()}`).sort()]);
  assert.deepEqual(Object.fromEntries(measured), { 'tiny-bert': ['cola 1,2', 'mnli 1,2'], 'tiny-bert from MNLI': ['cola 1,2', 'mnli 1,2', 'stsb 1,2'] }, 'the seeds are one system, which has the other tasks from where it started');
  assert.ok(report.remarks.some((remark) => /tiny-bert from MNLI stands with the runs of tiny-bert on the tasks that did not start there: .*CoLA/.test(remark)));
  assert.deepEqual(report.comparisons, [], 'a run is not compared with itself');
  const broken = await runSuite({ ...options, tasks: ['stsb'], fromTask: 'rte', seeds: [1], output: path.join(folder, 'no-start') });
  assert.deepEqual(broken.runs.map(({ task, status, error }) => [task, status, /no folder "RTE"|is not complete/.test(error ?? '')]), [['rte', 'failed', true], ['stsb', 'failed', true]]);
  await assert.rejects(runSuite({ ...options, adapter: 'lora', output: path.join(folder, 'refused') }), (error) => error instanceof UsageError && /--from-task with an adapter/.test(error.message));
});

test('a concurrency that is none is refused', async () => {
  for (const concurrency of [0, 1.5, 65]) await assert.rejects(runSuite({ ...base, tasks: ['cola'], seeds: [1], output: path.join(folder, 'refused'), concurrency }), (error) => error instanceof UsageError && /expected a whole number from 1 to 64/.test(error.message));
});
