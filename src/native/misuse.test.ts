import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadAddon } from './loadAddon.js';

const loaded = await loadAddon();
const program = fileURLToPath(new URL('testing/misuseProgram.js', import.meta.url));
const calls = 10_000;

// In a process of its own, so that a crash fails this test and no other.
test('of 10,000 random misuses none crashes, writes beside its outputs, or goes without an error that names the argument', { skip: loaded.addon === undefined && loaded.why }, () => {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, String(calls), '20'], { encoding: 'utf8', timeout: 120_000 });
  assert.deepEqual([status, signal], [0, null], stderr);
  const { thrown, faults, faultCount } = JSON.parse(stdout) as { thrown: number; faults: string[]; faultCount: number };
  assert.deepEqual([faultCount, faults], [0, []]);
  assert.ok(thrown > calls / 2 && thrown < calls, `${thrown} of ${calls} calls threw`);
});
