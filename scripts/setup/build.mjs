/**
 * The whole build: TypeScript to dist/, then the addon. `npm ci` runs it as `prepare`. It fails where TypeScript does not
 * compile; the addon alone never fails it (see build-addon.mjs).
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildAddon, describeBuild } from './build-addon.mjs';

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** The compiler's script, or undefined where development dependencies were left out (npm ci --omit=dev). */
function typescriptCompiler() {
  try {
    const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
    const { bin } = createRequire(import.meta.url)(manifest);
    return path.join(path.dirname(manifest), bin.tsc);
  } catch {
    return undefined;
  }
}

const tsc = typescriptCompiler();
if (tsc === undefined) {
  console.error('bertwright: TypeScript is not installed, so dist/ stays as it is (npm ci without --omit=dev installs it)');
} else {
  const compiled = spawnSync(process.execPath, [tsc, '-p', path.join(packageRoot, 'tsconfig.json')], { stdio: 'inherit' });
  if (compiled.status !== 0) process.exit(compiled.status ?? 1);
}

const message = describeBuild(await buildAddon({ ifNeeded: true }));
if (message !== undefined) console.error(message);
