/**
 * Checks that imports run in the allowed direction between the top folders and between the folders of src.
 * Run: `npm run check:imports`. Exits 1 and lists each import that breaks a rule.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** What each room may import from; its own files are always allowed, test files may import anything of src as well. */
export const allowedImports: Readonly<Record<string, readonly string[]>> = {
  scripts: ['scripts', 'tasks', 'pretraining', 'glue', 'src/'],
  tasks: ['glue', 'src/'],
  pretraining: ['src/'],
  glue: ['src/data', 'src/checkpoint'],
  'src/data': [],
  'src/config': ['src/data'],
  'src/tokenizer': ['src/data', 'src/checkpoint'],
  'src/native': ['src/data'],
  'src/engine': ['src/native', 'src/data'],
  'src/ops': ['src/engine', 'src/native', 'src/data'],
  'src/encoder': ['src/ops', 'src/config', 'src/data'],
  'src/heads': ['src/ops', 'src/config', 'src/data', 'src/encoder'],
  'src/adapters': ['src/encoder', 'src/checkpoint', 'src/data', 'src/ops'],
  'src/checkpoint': ['src/data', 'src/config'],
  'src/models': ['src/encoder', 'src/adapters', 'src/heads', 'src/checkpoint', 'src/tokenizer', 'src/config', 'src/data', 'src/ops', 'src/engine'],
  'src/export': ['src/models', 'src/config', 'src/checkpoint', 'src/tokenizer', 'src/data'],
  'src/optim': ['src/ops', 'src/engine', 'src/native', 'src/data'],
  'src/train': ['src/optim', 'src/checkpoint', 'src/data', 'src/ops', 'src/engine', 'src/native', 'src/encoder'],
};

/** The room a repository path lies in: a top folder, or src and the folder below it. */
export function roomOf(file: string): string {
  const [top = '', second = ''] = file.split('/');
  return top === 'src' && second.includes('.') === false ? `src/${second}` : top;
}

/** One import that breaks a rule, as a line to print; undefined where it is allowed. */
export function importProblem(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const target = path.posix.join(path.posix.dirname(file), specifier);
  const from = roomOf(file);
  const to = roomOf(target);
  if (target.startsWith('..')) return `${file}: imports ${specifier}, which lies outside the repository`;
  if (from === to) return undefined;
  if (file.includes('.test.') || file.includes('/testing/')) return to.startsWith('src/') || from === 'tasks' || from === 'scripts' ? undefined : `${file}: a test of ${from} imports ${to}`;
  const allowed = allowedImports[from];
  if (allowed === undefined) return `${file}: no rule for the folder ${from}; add one to scripts/dev/checkImports.ts`;
  if (allowed.some((room) => room === to || (room.endsWith('/') && to.startsWith(room)))) return undefined;
  return `${file}: ${from} must not import ${to} (${specifier}); allowed: ${allowed.join(', ') || 'its own folder only'}`;
}

/** All import and export specifiers of a TypeScript source, dynamic imports with a literal included. */
export function importSpecifiers(source: string): string[] {
  const pattern = /(?:^|[\s;}])(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
  return [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? '');
}

function sourceFiles(root: string, folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : sourceFiles(root, file);
    return entry.name.endsWith('.ts') ? [file] : [];
  });
}

/** Every broken rule in the repository at `root`. */
export function checkRepository(root: string): string[] {
  return ['src', 'glue', 'pretraining', 'tasks', 'scripts'].flatMap((top) =>
    sourceFiles(root, top).flatMap((file) =>
      importSpecifiers(readFileSync(path.join(root, file), 'utf8')).flatMap((specifier) => importProblem(file, specifier) ?? []),
    ),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = checkRepository(process.cwd());
  for (const problem of problems) console.error(problem);
  console.log(problems.length === 0 ? 'imports: all in the allowed direction' : `imports: ${problems.length} in a forbidden direction`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
