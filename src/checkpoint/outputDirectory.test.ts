import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { BusyError, DataError, UsageError } from '../data/errors.js';
import { OutputDirectory, readRunRecord, requireIntact } from './outputDirectory.js';
import { acquireLock } from './runLock.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'bertwright-output-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const base = { kind: 'finetune', command: 'bertwright finetune', about: {} } as const;
const settings = { learningRate: 5e-5, seed: 1 };

async function fill(temporary: string, text: string): Promise<void> {
  await writeFile(path.join(temporary, 'weights'), text);
  await mkdir(path.join(temporary, 'training_state'));
  await writeFile(path.join(temporary, 'training_state', 'state.json'), '{}');
}

test('a second run in the directory is refused with the process id of the first', async () => {
  const first = await OutputDirectory.open(folder, { ...base, settings });
  await assert.rejects(OutputDirectory.open(folder, { ...base, settings }), (error) => {
    assert.ok(error instanceof BusyError);
    assert.equal(error.exitCode, 73);
    assert.match(error.message, new RegExp(`process ${process.pid}`));
    return true;
  });
  await first.close();
  await (await OutputDirectory.open(folder, { ...base, settings })).close();
});

test('another living process holds the lock; when it was killed the lock is taken over', async () => {
  const holder = spawn(process.execPath, ['--input-type=module', '-e', `
    import { acquireLock } from ${JSON.stringify(new URL('./runLock.js', import.meta.url).href)};
    await acquireLock(${JSON.stringify(folder)});
    console.log('held');
    setInterval(() => undefined, 1000);
  `], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  await assert.rejects(acquireLock(folder), new RegExp(`process ${holder.pid}`));
  holder.kill('SIGKILL');
  await new Promise((resolve) => holder.once('exit', resolve));
  await (await acquireLock(folder)).release();
  assert.deepEqual(await readdir(folder), []);
});

test('a lock whose process id was reused by another process is stale', { skip: process.platform !== 'linux' ? 'needs /proc' : false }, async () => {
  await writeFile(path.join(folder, '.lock'), JSON.stringify({ pid: process.pid, processStart: '1', host: os.hostname(), id: 'x' }));
  await (await acquireLock(folder)).release();
});

test('a lock of a process that is gone, or cut in writing, is stale', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  await writeFile(path.join(folder, '.lock'), JSON.stringify({ pid, processStart: '1', host: os.hostname(), id: 'x' }));
  await (await acquireLock(folder)).release();
  await writeFile(path.join(folder, '.lock'), '{"pi');
  await (await acquireLock(folder)).release();
});

test('the same settings resume; other settings are refused with key, old and new; an accepted change goes through', async () => {
  const first = await OutputDirectory.open(folder, { ...base, settings });
  assert.equal(first.previous, undefined);
  await first.close();
  const second = await OutputDirectory.open(folder, { ...base, settings });
  assert.equal(second.previous?.status, 'running');
  await second.close();
  const changed = { ...settings, learningRate: 3e-5 };
  await assert.rejects(OutputDirectory.open(folder, { ...base, settings: changed }), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, /learningRate: was 0\.00005, now 0\.00003/);
    assert.match(error.hint ?? '', /--overwrite/);
    return true;
  });
  const notes: string[] = [];
  const accepted = await OutputDirectory.open(folder, { ...base, settings: changed, acceptChanged: ['learningRate'], note: (text) => notes.push(text) });
  assert.match(notes.join(), /learningRate changed/);
  await accepted.close();
  assert.equal((await readRunRecord(folder))?.settings['learningRate'], 3e-5);
});

test('a setting to accept may be spelled as a flag; settings of a group are compared one by one; an unknown name is refused', async () => {
  const grouped = { seed: 1, masking: { share: 0.15, wholeWords: false } };
  await (await OutputDirectory.open(folder, { ...base, settings: grouped })).close();
  const changed = { ...grouped, masking: { share: 0.15, wholeWords: true } };
  const open = (acceptChanged: readonly string[]) => OutputDirectory.open(folder, { ...base, settings: changed, acceptChanged });
  await assert.rejects(open([]), (error) => error instanceof UsageError && error.message.endsWith(':\n  masking.wholeWords: was false, now true'));
  await assert.rejects(open(['sede']), /--accept-changed sede: no such setting\. Did you mean "seed"/);
  await (await open(['masking.whole-words'])).close();
});

test('overwrite removes checkpoints and results and keeps foreign files', async () => {
  const first = await OutputDirectory.open(folder, { ...base, settings });
  await first.saveCheckpoint(4, (temporary) => fill(temporary, 'a'));
  first.writeJson('all_results.json', {});
  await first.close();
  await writeFile(path.join(folder, 'notes.txt'), 'mine');
  const anew = await OutputDirectory.open(folder, { ...base, settings: { seed: 2 }, overwrite: true });
  assert.equal(anew.previous, undefined);
  assert.deepEqual(await anew.checkpoints(), []);
  await anew.close();
  assert.deepEqual((await readdir(folder)).sort(), ['notes.txt', 'run.json']);
});

test('a folder with files but no run is refused', async () => {
  await writeFile(path.join(folder, 'thesis.doc'), '');
  await assert.rejects(OutputDirectory.open(folder, { ...base, settings }), /holds no run \(thesis\.doc\)/);
});

test('the newest undamaged checkpoint is found; a damaged one is reported, and refused where it was asked for', async () => {
  const notes: string[] = [];
  const output = await OutputDirectory.open(folder, { ...base, settings, note: (text) => notes.push(text) });
  for (const step of [9, 10]) await output.saveCheckpoint(step, (temporary) => fill(temporary, `weights of ${step}`));
  assert.equal((await output.latestCheckpoint())?.step, 10);
  await writeFile(path.join(folder, 'checkpoint-10', 'weights'), 'weights of 1O');
  assert.equal((await output.latestCheckpoint())?.step, 9);
  assert.match(notes.join(), /checkpoint-10 is damaged.*weights: content differs/);
  await assert.rejects(requireIntact(path.join(folder, 'checkpoint-10')), DataError);
  await rm(path.join(folder, 'checkpoint-9', 'training_state', 'state.json'));
  assert.equal(await output.latestCheckpoint(), undefined);
  await output.close();
});

test('a checkpoint whose writing fails leaves the earlier one of the same step, and no leftovers', async () => {
  const output = await OutputDirectory.open(folder, { ...base, settings });
  await output.saveCheckpoint(3, (temporary) => fill(temporary, 'good'));
  await assert.rejects(output.saveCheckpoint(3, () => Promise.reject(new DataError('no'))), DataError);
  assert.equal(await readFile(path.join(folder, 'checkpoint-3', 'weights'), 'utf8'), 'good');
  await mkdir(path.join(folder, 'checkpoint-5.partial-123'));
  await output.close();
  await (await OutputDirectory.open(folder, { ...base, settings })).close();
  assert.deepEqual((await readdir(folder)).sort(), ['checkpoint-3', 'run.json']);
});

test('retention deletes the oldest and never the newest or a kept one', async () => {
  const output = await OutputDirectory.open(folder, { ...base, settings });
  const steps = async (): Promise<number[]> => (await output.checkpoints()).map((checkpoint) => checkpoint.step);
  for (const step of [2, 10, 9, 4]) await output.saveCheckpoint(step, (temporary) => fill(temporary, `${step}`));
  await output.retain(3, [2]);
  assert.deepEqual(await steps(), [10, 9, 2]);
  await output.retain(1, [2]);
  assert.deepEqual(await steps(), [10, 2]);
  await output.retain(1);
  assert.deepEqual(await steps(), [10]);
  await output.close();
});
