/**
 * Builds the C++ addon build/bertwright.node with the machine's own compiler ($CXX or c++): no node-gyp, no Python, no
 * downloads. Plain JavaScript, because it runs before TypeScript is compiled.
 *
 *   node scripts/setup/build-addon.mjs [--if-needed] [--out DIR] [--source DIR] [--extra-flags "FLAG …"]
 *
 * Without a compiler, or where compiling fails, it says so and exits 0: the wasm engine serves instead.
 * --source is a directory with src/native's files (default: the package's), --out the directory to write (default: build/),
 * --extra-flags go behind the own ones of every compilation and of the link (sanitizers: scripts/dev/sanitize.mjs).
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const parallelJobs = 2;

/** Flags of the files that hold one instruction set's inner loops, by file name. */
const isaFlags = {
  'isa_portable.cc': [],
  'isa_avx2.cc': ['-mavx2', '-mfma', '-mf16c'],
  'isa_avx512.cc': ['-mavx2', '-mfma', '-mf16c', '-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mprefer-vector-width=512'],
  'isa_avx512bf16.cc': ['-mavx2', '-mfma', '-mf16c', '-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mavx512bf16', '-mprefer-vector-width=512'],
  'isa_amx.cc': ['-mavx2', '-mfma', '-mf16c', '-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mavx512bf16', '-mamx-tile', '-mamx-bf16', '-mprefer-vector-width=512'],
};
// IEEE order and rounding: results are to have the same bits on every instruction set, so nothing that reassociates or approximates.
export const isaMathFlags = ['-O3', '-fno-math-errno', '-fno-trapping-math', '-ffp-contract=off'];

/** All C++ files under `directory`, relative and sorted. */
function sourceFiles(directory) {
  return readdirSync(directory, { recursive: true })
    .map((name) => String(name).split(path.sep).join('/'))
    .filter((name) => /\.(cc|h|inc)$/.test(name))
    .sort();
}

/** A hash of the C++ sources: what the addon is a function of, beside the compiler. */
export function hashSources(directory = path.join(packageRoot, 'src', 'native')) {
  const hash = createHash('sha256');
  for (const name of sourceFiles(directory)) hash.update(`${name}\0`).update(readFileSync(path.join(directory, name))).update('\0');
  return hash.digest('hex').slice(0, 16);
}

function hashOf(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

function runCommand(command, args, cwd) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => { output += chunk; });
    child.stderr.on('data', (chunk) => { output += chunk; });
    child.on('error', (error) => resolve({ ok: false, output: String(error.message) }));
    child.on('close', (code, signal) => resolve({ ok: code === 0, output: output + (signal === null ? '' : `\nended by ${signal}`) }));
  });
}

/** Whether the compiler takes the flags for an empty program. */
function accepts(compiler, flags, link = false) {
  const target = link ? ['-shared', '-fPIC', '-o', '/dev/null'] : ['-c', '-o', '/dev/null'];
  const result = spawnSync(compiler, ['-x', 'c++', '-Werror', ...flags, ...target, '-'], { input: '\n', encoding: 'utf8' });
  return result.status === 0;
}

/** Compiler, flags and files of this machine, or undefined without a compiler. */
function makePlan(sourceDir, extraFlags) {
  const compiler = process.env.CXX || 'c++';
  const version = spawnSync(compiler, ['--version'], { encoding: 'utf8' });
  if (version.status !== 0) return undefined;
  const x86 = process.arch === 'x64';
  const mac = process.platform === 'darwin';
  const bf16 = x86 && accepts(compiler, ['-mavx512bf16']);
  // The permission to use the tile registers is Linux's own.
  const amx = bf16 && process.platform === 'linux' && accepts(compiler, ['-mamx-tile', '-mamx-bf16']);
  const include = createRequire(path.join(packageRoot, 'package.json'))('node-api-headers').include_dir;
  const common = ['-std=c++17', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra', '-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=bertwright',
    ...(x86 ? ['-DBERTWRIGHT_X86'] : []), ...(bf16 ? ['-DBERTWRIGHT_HAVE_AVX512BF16'] : []),
    ...(amx ? ['-DBERTWRIGHT_HAVE_AMX'] : [])];
  const link = mac
    ? ['-bundle', '-undefined', 'dynamic_lookup']
    : ['-shared', '-pthread', ...['-static-libstdc++', '-static-libgcc'].filter((flag) => accepts(compiler, [flag], true)), '-ldl'];
  const skip = new Set([...(x86 ? [] : ['isa_avx2.cc', 'isa_avx512.cc']), ...(bf16 ? [] : ['isa_avx512bf16.cc']), ...(amx ? [] : ['isa_amx.cc'])]);
  const units = sourceFiles(sourceDir).filter((name) => name.endsWith('.cc') && !skip.has(name)).map((name) => ({
    name,
    flags: [...common, ...(isaFlags[name] === undefined ? ['-O2'] : [...isaMathFlags, ...isaFlags[name]]), ...extraFlags],
  }));
  return { compiler, version: version.stdout.split('\n')[0], include, units, link: [...link, ...extraFlags] };
}

/** Hash of the unit's flags and of every file it read in its last compilation, or undefined where one is gone. */
function unitKey(plan, unit, depFile) {
  try {
    // The dependency file is a make rule: "target: file file \ newline file".
    const files = readFileSync(depFile, 'utf8').replace(/^[^:]*:/, '').split(/\s+/).filter((word) => word !== '' && word !== '\\');
    return hashOf(plan.version, unit.flags.join(' '), ...files.map((file) => readFileSync(file)));
  } catch {
    return undefined;
  }
}

async function compileUnit(plan, unit, sourceDir, objectDir) {
  const base = path.join(objectDir, unit.name.replaceAll('/', '-'));
  const [object, depFile, keyFile] = [`${base}.o`, `${base}.d`, `${base}.key`];
  const key = unitKey(plan, unit, depFile);
  if (key !== undefined && existsSync(object) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return { ok: true, object, output: '' };
  rmSync(keyFile, { force: true });
  // Under names of this process first: several may build into one cache directory at the same time.
  const [ownObject, ownDepFile] = [`${base}.${process.pid}.o`, `${base}.${process.pid}.d`];
  const args = [...unit.flags, '-isystem', plan.include, '-MMD', '-MF', ownDepFile, '-c', path.join(sourceDir, unit.name), '-o', ownObject];
  const result = await runCommand(plan.compiler, args, sourceDir);
  if (result.ok) {
    renameSync(ownDepFile, depFile);
    renameSync(ownObject, object);
    writeFileSync(keyFile, unitKey(plan, unit, depFile) ?? '');
  } else {
    rmSync(ownObject, { force: true });
    rmSync(ownDepFile, { force: true });
  }
  return { ...result, object, output: result.output === '' ? '' : `${unit.name}:\n${result.output}\n` };
}

/**
 * Compiles and links. Gives {status: 'built' | 'current' | 'no-compiler' | 'failed', file, log}; the addon appears at
 * `file` in one step (rename), so that a concurrent reader never sees half of it.
 */
export async function buildAddon(options = {}) {
  const sourceDir = realpathSync(options.sourceDir ?? path.join(packageRoot, 'src', 'native'));
  const outDir = path.resolve(options.outDir ?? path.join(packageRoot, 'build'));
  const file = path.join(outDir, 'bertwright.node');
  const stampFile = path.join(outDir, 'bertwright.json');
  const log = path.join(outDir, 'build.log');
  mkdirSync(outDir, { recursive: true });
  const plan = makePlan(sourceDir, options.extraFlags ?? []);
  if (plan === undefined) {
    writeFileSync(stampFile, JSON.stringify({ status: 'no-compiler' }));
    return { status: 'no-compiler', file, log };
  }
  const stamp = hashOf(hashSources(sourceDir), plan.version, JSON.stringify(plan.units), plan.link.join(' '), process.arch);
  const previous = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {};
  if (options.ifNeeded && previous.stamp === stamp && existsSync(file)) return { status: 'current', file, log };

  const objectDir = path.join(outDir, 'objects');
  mkdirSync(objectDir, { recursive: true });
  const queue = [...plan.units];
  const results = [];
  const worker = async () => {
    for (let unit = queue.shift(); unit !== undefined; unit = queue.shift()) results.push(await compileUnit(plan, unit, sourceDir, objectDir));
  };
  await Promise.all(Array.from({ length: parallelJobs }, worker));
  let output = results.map((result) => result.output).join('');
  let ok = results.every((result) => result.ok);
  if (ok) {
    const temporary = `${file}.${process.pid}.tmp`;
    const linked = await runCommand(plan.compiler, ['-o', temporary, ...results.map((result) => result.object).sort(), ...plan.link], outDir);
    output += linked.output;
    ok = linked.ok;
    if (ok) renameSync(temporary, file);
  }
  writeFileSync(log, output);
  if (!ok) rmSync(file, { force: true });
  writeFileSync(stampFile, JSON.stringify({ status: ok ? 'built' : 'failed', stamp, compiler: plan.version }));
  return { status: ok ? 'built' : 'failed', file, log, output };
}

function argument(name) {
  const index = process.argv.indexOf(name);
  return index < 0 ? undefined : process.argv[index + 1];
}

/** What the command says of a build's outcome; undefined where there is nothing to say. */
export function describeBuild(result) {
  switch (result.status) {
    case 'built': return `bertwright: built the native engine (${result.file})`;
    case 'no-compiler': return 'bertwright: no C++ compiler found (c++, or the one $CXX names), so the wasm engine will be used. Install one and run: npm run build:addon';
    case 'failed': return `bertwright: the native engine did not compile, so the wasm engine will be used. Log: ${result.log}`;
    default: return undefined;
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const result = await buildAddon({
    ifNeeded: process.argv.includes('--if-needed'),
    outDir: argument('--out'),
    sourceDir: argument('--source'),
    extraFlags: argument('--extra-flags')?.split(/\s+/).filter((flag) => flag !== ''),
  });
  const message = describeBuild(result);
  if (message !== undefined) console.error(message);
  if (result.output) console.error(result.output.slice(0, 8000));
}
