import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { cacheDirectory } from './loadAddon.js';

/** What a fresh process says of the addon and of the engine that `auto` takes. */
function outcome(environment: Record<string, string>): { why?: string; hint?: string; engine: string; native?: string; named: string } {
  const program = `
    import { loadAddon } from ${JSON.stringify(new URL('loadAddon.js', import.meta.url).href)};
    import { setEngine } from ${JSON.stringify(new URL('../engine/index.js', import.meta.url).href)};
    const { why, hint } = await loadAddon();
    const info = await setEngine('auto');
    const named = await setEngine('native').then(() => 'started', (error) => error.name + ': ' + error.message);
    process.stdout.write(JSON.stringify({ why, hint, engine: info.engine, native: info.notTaken.find((entry) => entry.engine === 'native')?.why, named }));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8', env: { ...process.env, ...environment } });
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

test('an addon that is turned off leaves the wasm engine, with the reason; asked for by name it is a usage error', () => {
  const { why, engine, native, named } = outcome({ BERTWRIGHT_ADDON: 'none' });
  assert.match(why ?? '', /BERTWRIGHT_ADDON=none/);
  assert.equal(engine, 'wasm');
  assert.match(native ?? '', /BERTWRIGHT_ADDON=none/);
  assert.match(named, /^UsageError: .*BERTWRIGHT_ADDON=none/);
});

test('a file that is no addon is named, with what to do', () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'bertwright-load-'));
  try {
    const file = path.join(directory, 'bertwright.node');
    writeFileSync(file, 'not a library');
    const { why, hint, engine } = outcome({ BERTWRIGHT_ADDON: file });
    assert.ok(why?.startsWith(`${file} does not load: `), why);
    assert.match(hint ?? '', /npm run build:addon/);
    assert.equal(engine, 'wasm');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('the cache directory follows XDG_CACHE_HOME and tells version, sources and platform apart', () => {
  const before = process.env['XDG_CACHE_HOME'];
  try {
    process.env['XDG_CACHE_HOME'] = path.join('/', 'somewhere');
    assert.equal(cacheDirectory('1.2.3', 'abc'), path.join('/', 'somewhere', 'bertwright', `1.2.3-abc-${process.platform}-${process.arch}`));
    delete process.env['XDG_CACHE_HOME'];
    assert.ok(cacheDirectory('1.2.3', 'abc').startsWith(path.join(os.homedir(), '.cache', 'bertwright')));
  } finally {
    if (before === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before;
  }
});
