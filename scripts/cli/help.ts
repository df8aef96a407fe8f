/** `--help` of one command, from its own table of flags: yargs need not load for it, so it answers at once. */
import type { CommandSpec, OptionSpec } from './spec.js';

/** Words of a text in lines of at most `width` characters; a longer word stands alone. */
function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function valueText(option: OptionSpec): string {
  if (option.type === 'boolean') return '';
  if (option.bare !== undefined) return ' [FILE]';
  if (option.choices !== undefined) return ` ${option.choices.join('|')}`;
  return option.type === 'number' ? ' N' : option.type === 'list' ? ' TEXT…' : ' TEXT';
}

/** Usage, flags by group, and examples as whole lines, ready to paste. @param width of the terminal in characters */
export function commandHelp(command: CommandSpec, options: Readonly<Record<string, OptionSpec>>, width: number): string {
  const { positional } = command;
  const word = positional === undefined ? '' : `${positional.name}${positional.many ? '…' : ''}`;
  const form = positional === undefined ? '' : positional.required ? ` ${word}` : ` [${word}]`;
  const lines = [`bertwright ${command.name}${form} [flags]`, '', ...wrapText(command.summary, width)];
  if (positional !== undefined) lines.push('', `  ${positional.name}  ${positional.describe}`);
  const groups = new Map<string, (readonly [string, OptionSpec])[]>();
  for (const [name, option] of Object.entries(options)) {
    const group = option.group ?? 'Flags';
    groups.set(group, [...(groups.get(group) ?? []), [name, option]]);
  }
  const indent = 34;
  for (const [group, members] of groups) {
    lines.push('', `${group}:`);
    for (const [name, option] of members) {
      const head = `  ${option.letter === undefined ? '   ' : `-${option.letter},`} --${name}${valueText(option)}`;
      const text = `${option.describe}${option.default === undefined ? '' : ` [default: ${String(option.default)}]`}${option.required === true ? ' [required]' : ''}`;
      const described = wrapText(text, Math.max(30, width - indent));
      if (head.length < indent - 1) lines.push(`${head.padEnd(indent)}${described.shift() ?? ''}`);
      else lines.push(head);
      for (const line of described) lines.push(`${' '.repeat(indent)}${line}`);
    }
  }
  lines.push('', 'Examples:', ...command.examples.map(([example, what]) => `  ${example}\n      ${what}`));
  return lines.join('\n');
}
