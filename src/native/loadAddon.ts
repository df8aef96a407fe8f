/**
 * Finds and loads the C++ addon: the one that $BERTWRIGHT_ADDON names ('none' turns the addon off), the package's own
 * build/bertwright.node, or one in the user's cache. Where the package was installed without its build step (newer npm
 * versions run no install scripts of dependencies), it is built into that cache at first use.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { NativeAddon } from './addon.js';

/** The addon, or why there is none and what to do about it. */
export type AddonResult =
  | { readonly addon: NativeAddon; readonly file: string }
  | { readonly addon: undefined; readonly why: string; readonly hint: string };

/** What this module uses of scripts/setup/build-addon.mjs. */
interface BuildModule {
  buildAddon(options: { outDir: string; ifNeeded: boolean }): Promise<{ status: 'built' | 'current' | 'no-compiler' | 'failed'; file: string; log: string }>;
  hashSources(): string;
}

const compilerHint = 'Install a C++ compiler (Debian and Ubuntu: apt-get install g++; macOS: xcode-select --install) and run: npm run build:addon (npm rebuild bertwright, where it is a dependency)';

function packageRoot(): string {
  let directory = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(directory, 'package.json'))) {
    const parent = path.dirname(directory);
    if (parent === directory) throw new Error('the package directory of bertwright was not found');
    directory = parent;
  }
  return directory;
}

function load(file: string): AddonResult {
  try {
    return { addon: createRequire(import.meta.url)(file) as NativeAddon, file };
  } catch (error) {
    return { addon: undefined, why: `${file} does not load: ${(error as Error).message}`, hint: 'Build it anew on this machine: npm run build:addon' };
  }
}

/** The directory of addons built at first use, one for each version and state of the sources. */
export function cacheDirectory(version: string, sourcesHash: string): string {
  const base = process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache');
  return path.join(base, 'bertwright', `${version}-${sourcesHash}-${process.platform}-${process.arch}`);
}

/** How the last build in a directory ended, if there was one. */
function buildStatus(directory: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(path.join(directory, 'bertwright.json'), 'utf8')) as { status?: string }).status;
  } catch {
    return undefined;
  }
}

function buildFailure(status: string, directory: string): AddonResult {
  return status === 'no-compiler'
    ? { addon: undefined, why: 'no C++ compiler was found when the addon was to be built', hint: compilerHint }
    : { addon: undefined, why: `the addon did not compile (log: ${path.join(directory, 'build.log')})`, hint: 'With another compiler: CXX=clang++ npm run build:addon' };
}

async function buildAtFirstUse(root: string): Promise<AddonResult> {
  const builder = (await import(pathToFileURL(path.join(root, 'scripts', 'setup', 'build-addon.mjs')).href)) as BuildModule;
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  const directory = cacheDirectory(version, builder.hashSources());
  const file = path.join(directory, 'bertwright.node');
  if (existsSync(file)) return load(file);
  const earlier = buildStatus(directory);
  if (earlier === 'no-compiler' || earlier === 'failed') return buildFailure(earlier, directory);
  console.error(`bertwright: building the native engine into ${directory} (once, about half a minute)`);
  const result = await builder.buildAddon({ outDir: directory, ifNeeded: true });
  return result.status === 'built' || result.status === 'current' ? load(result.file) : buildFailure(result.status, directory);
}

let loading: Promise<AddonResult> | undefined;

/** Loads the addon once per process; what was found the first time is kept. */
export function loadAddon(): Promise<AddonResult> {
  loading ??= findAddon();
  return loading;
}

async function findAddon(): Promise<AddonResult> {
  const named = process.env['BERTWRIGHT_ADDON'];
  if (named === 'none') return { addon: undefined, why: 'BERTWRIGHT_ADDON=none turns the addon off', hint: 'Unset BERTWRIGHT_ADDON' };
  if (named !== undefined && named !== '') return load(path.resolve(named));
  const root = packageRoot();
  const built = path.join(root, 'build');
  const file = path.join(built, 'bertwright.node');
  if (existsSync(file)) return load(file);
  const status = buildStatus(built);
  if (status === 'no-compiler' || status === 'failed') return buildFailure(status, built);
  try {
    return await buildAtFirstUse(root);
  } catch (error) {
    return { addon: undefined, why: `the addon could not be built at first use: ${(error as Error).message}`, hint: 'Build it in the package: npm run build:addon' };
  }
}
