/** `--grid KEY=VALUE,VALUE`: keys are flags of finetune, their values are checked as those flags check them. */
import { flagName } from '../../glue/trials.js';
import { UsageError } from '../../src/data/errors.js';
import { type GridKey, type GridOptions, gridKey } from '../../tasks/grid/gridKeys.js';
import { canonicalFlag, canonicalValue } from './aliases.js';
import { checkedValue, type Settings } from './settings.js';
import type { OptionSpec } from './spec.js';
import { finetuneOptions } from './taskFlags.js';

/** --grid's description. */
export const gridSpec: OptionSpec = {
  type: 'list',
  describe: 'try values of hyperparameters, KEY=VALUE,VALUE (repeatable): every combination runs with every seed, and the best mean on dev is kept, marked as chosen on dev',
};

/**
 * The grid that the flag gives, or undefined. The list reader has split at commas: a part with `=` begins a key, others are further values of it.
 * @throws UsageError for an unknown or repeated key and for values that the key's flag would refuse
 */
export function readGrid(settings: Settings): GridOptions | undefined {
  const parts = settings.list('grid');
  if (parts === undefined) return undefined;
  const grid = new Map<GridKey, (number | string)[]>();
  let key: GridKey | undefined;
  for (const part of parts) {
    const equals = part.indexOf('=');
    if (equals >= 0) {
      key = gridKey(canonicalFlag('suite', part.slice(0, equals).trim()));
      if (grid.has(key)) throw new UsageError(`--grid ${flagName(key)} is given twice`, { hint: `give all its values at once: --grid ${flagName(key)}=A,B` });
      grid.set(key, []);
    }
    if (key === undefined) throw new UsageError(`--grid: "${part}", expected KEY=VALUE,VALUE`, { hint: 'for example --grid learning-rate=2e-5,5e-5' });
    grid.get(key)?.push(gridValue(key, part.slice(equals + 1).trim()));
  }
  return Object.fromEntries(grid) as GridOptions;
}

function gridValue(key: GridKey, text: string): number | string {
  const name = flagName(key);
  const spec = finetuneOptions[name];
  if (spec === undefined) throw new Error(`no flag --${name}`);
  if (text === '') throw new UsageError(`--grid ${name}: a value is missing; expected ${spec.type === 'number' ? 'numbers' : 'names'}, as in ${name}=A,B`);
  const value = checkedValue(name, spec, canonicalValue(name, text), `--grid ${name}`);
  if (typeof value !== 'number' && typeof value !== 'string') throw new Error(`--${name} is no number or name`);
  return value;
}
