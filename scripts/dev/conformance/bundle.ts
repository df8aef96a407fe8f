/** Packs specs.ts, tfjs and the backend into one CommonJS file that Node loads. */
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

/** tfjs-core's specs load a jasmine of their own only to set its time limit; the globals are the one that runs them. */
const withoutOwnJasmine: Plugin = {
  name: 'without-own-jasmine',
  setup(plugins) {
    plugins.onResolve({ filter: /^jasmine-core\/lib/ }, ({ path }) => ({ path, namespace: 'no-jasmine' }));
    plugins.onLoad({ filter: /.*/, namespace: 'no-jasmine' }, () => ({ contents: 'module.exports = { core: () => ({}) };' }));
  },
};

/** Writes the bundle to `file` (.cjs). */
export async function bundleSpecs(file: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('./specs.js', import.meta.url))],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    // ES modules where a package has them: one copy of tfjs-core for the specs, which import its parts, and for the backend.
    mainFields: ['module', 'main'],
    // tfjs-core calls modules free of side effects that register flags, gradients and specs.
    ignoreAnnotations: true,
    logLevel: 'error',
    plugins: [withoutOwnJasmine],
  });
}
