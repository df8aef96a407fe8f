/** The HTML report in a real browser: accessible by axe-core's rules in both colour schemes, on a phone and on a desk; tables that sort by keyboard; nothing loaded or run but its own. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { writeReport } from './writeReport.js';

const executable = [process.env['CHROME_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => file !== undefined && existsSync(file));
const skip = executable === undefined && 'no Chromium here; set CHROME_PATH';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const folder = mkdtempSync(path.join(os.tmpdir(), 'bertwright-browser-'));
let browser: Browser | undefined;
let page = '';

function writeRun(name: string, results: Readonly<Record<string, unknown>>, rows: readonly unknown[] = [], state?: unknown): void {
  const directory = path.join(folder, name);
  mkdirSync(path.join(directory, 'predictions'), { recursive: true });
  writeFileSync(path.join(directory, 'run.json'), JSON.stringify({ kind: 'finetune', command: `bertwright finetune --output ${name}`, settings: { modelSha256: results['model'] } }));
  writeFileSync(path.join(directory, 'all_results.json'), JSON.stringify(results));
  if (rows.length > 0) writeFileSync(path.join(directory, 'predictions', 'dev.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  if (state !== undefined) writeFileSync(path.join(directory, 'trainer_state.json'), JSON.stringify(state));
}

before(async () => {
  if (executable === undefined) return;
  for (const [model, right] of [['mini', 0.9], ['base', 0.6], ['<img src=x onerror=alert(1)>', 0.75]] as const) {
    const rows = Array.from({ length: 200 }, (_, index) => ({ index, label: index % 2 === 0 ? 'entailment' : 'not_entailment', prediction: (index % 2 === 0) === (index % 100 < 100 * right) ? 'entailment' : 'not_entailment' }));
    writeRun(`rte-${right}`, { task: 'rte', model, seed: 1, eval_accuracy: right, majority_prediction: 0, majority_accuracy: 0.5, machine: 'a machine' }, rows);
    writeRun(`sst2-${right}`, { task: 'sst2', model, seed: 1, eval_accuracy: 1 - right / 2, majority_prediction: 0, majority_accuracy: 0.51 });
  }
  const history = [100, 200, 300].flatMap((step) => [{ step, mlm_loss: 7 - step / 200, tokens_per_second: 1000, elapsed_seconds: step }, { step, eval_mlm_loss: 7 - step / 250, eval_nsp_accuracy: 0.5 + step / 1000 }]);
  writeRun('pretrained', { kind: 'pretraining', model: 'mini', eval_mlm_loss: 5.8, eval_unigram_loss: 6.9, steps: 300 }, [], { log_history: history });
  page = (await writeReport([folder], { output: path.join(folder, 'report'), published: ['bert-tiny'] })).html;
  browser = await chromium.launch({ executablePath: executable, args: ['--no-sandbox'] });
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

for (const [name, width, colorScheme] of [['a phone', 360, 'light'], ['a desk', 1440, 'light'], ['a desk in the dark', 1440, 'dark']] as const) {
  test(`axe-core finds nothing on ${name}, nothing is loaded, and nothing is wider than the window`, { skip }, async () => {
    const context = await (browser as Browser).newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
    try {
      const view = await context.newPage();
      const requests: string[] = [];
      const problems: string[] = [];
      view.on('request', (request) => requests.push(request.url()));
      view.on('pageerror', (error) => problems.push(error.message));
      await view.goto(pathToFileURL(page).href);
      await view.addScriptTag({ content: axe });
      const violations = await view.evaluate(async () => {
        const found = await (globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }).axe.run();
        return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
      });
      assert.deepEqual(violations, []);
      assert.deepEqual([requests.length, problems], [1, []]);
      assert.ok(await view.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth'), 'no sideways scrolling');
    } finally {
      await context.close();
    }
  });
}

test('tables sort by keyboard, within their groups, missing values last; the policy lets no other script run', { skip }, async () => {
  const context = await (browser as Browser).newContext();
  try {
    const view = await context.newPage();
    await view.goto(pathToFileURL(page).href);
    const column = (): Promise<string[]> => view.$$eval('table.leaderboard tbody:first-of-type tr:not(.group)', (rows) => rows.map((row) => row.querySelector('th')?.textContent ?? ''));
    const head = view.locator('table.leaderboard thead th', { hasText: 'RTE' });
    await head.locator('button').focus();
    await view.keyboard.press('Enter');
    assert.equal(await head.getAttribute('aria-sort'), 'descending');
    assert.deepEqual(await column(), ['mini', '<img src=x onerror=alert(1)>', 'base']);
    await view.keyboard.press('Space');
    assert.equal(await head.getAttribute('aria-sort'), 'ascending');
    assert.deepEqual(await column(), ['base', '<img src=x onerror=alert(1)>', 'mini']);
    await view.locator('table.leaderboard thead th', { hasText: 'System' }).locator('button').click();
    assert.deepEqual(await column(), ['<img src=x onerror=alert(1)>', 'base', 'mini']);
    const injected = "const script = document.createElement('script'); script.textContent = 'globalThis.ran = true'; document.body.append(script); 'ran' in globalThis";
    assert.equal(await view.evaluate(injected), false);
  } finally {
    await context.close();
  }
});
