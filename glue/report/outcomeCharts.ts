/** Confusion matrices, and the spread of predicted scores, as inline SVG: rows are gold, columns predicted, a cell as dark as its share of its row. */
import { glueTasks } from '../tasks.js';
import { escapeHtml } from './escapeHtml.js';
import { percentText } from './layout.js';
import type { Outcome } from './outcomes.js';

const left = 118;
const top = 30;
/** Of the whole matrix, whatever its cells. */
const side = 210;

/** One matrix with its title. */
export function outcomeChart({ task, system, classes, counts, seeds }: Outcome): string {
  const scores = glueTasks[task].kind === 'regression';
  const cell = side / classes.length;
  const at = (index: number): string => (index * cell).toFixed(1);
  const cells = counts.flatMap((row, gold) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, predicted) => {
      const share = total === 0 ? 0 : count / total;
      const [x, y] = [left + predicted * cell, top + gold * cell];
      const told = `gold ${classes[gold] ?? ''}, predicted ${classes[predicted] ?? ''}: ${count} of ${total}, ${percentText(100 * share)} %`;
      const text = scores ? '' : `<text class="in${share > 0.5 ? ' on' : ''}" x="${(x + cell / 2).toFixed(1)}" y="${(y + cell / 2 + 5).toFixed(1)}" text-anchor="middle">${percentText(100 * share)}</text>`;
      return `<g><rect class="cell" x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${at(1)}" height="${at(1)}" fill-opacity="${(0.04 + 0.96 * share).toFixed(3)}"><title>${escapeHtml(told)}</title></rect>${text}</g>`;
    });
  });
  // Every second score would stand too close for its name.
  const named = classes.map((name, i) => ({ name, i })).filter(({ i }) => !scores || i % 2 === 0);
  const golds = named.map(({ name, i }) => `<text class="tick" x="${left - 8}" y="${(top + (i + 0.5) * cell + 4).toFixed(1)}" text-anchor="end">${escapeHtml(name)}</text>`);
  const heads = named.map(({ name, i }) => `<text class="tick" x="${(left + (i + 0.5) * cell).toFixed(1)}" y="${top - 8}" text-anchor="middle">${escapeHtml(shortened(name, cell))}</text>`);
  const title = `${glueTasks[task].title}, ${system}`;
  const rights = counts.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
  const all = counts.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0);
  const label = `${title}: predicted against gold; ${percentText((100 * rights) / all)} % of ${all} rows on the diagonal`;
  const caption = `${title}${seeds > 1 ? `, ${seeds} seeds` : ''}`;
  return `<figure><svg viewBox="0 0 ${left + side + 10} ${top + side + 8}" role="img" aria-label="${escapeHtml(label)}">${cells.join('')}${golds.join('')}${heads.join('')}</svg><figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

/** A name that fits above its column. */
function shortened(name: string, width: number): string {
  const most = Math.max(3, Math.floor(width / 6.4));
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}

/** All matrices, a row a task. */
export function outcomeCharts(outcomes: readonly Outcome[]): string {
  return `<div class="matrices">${outcomes.map(outcomeChart).join('\n')}</div><p class="legend">Rows are gold labels, columns predictions, in percent of the row; of STS-B scores in steps of half a point. The rows of all seeds, and of both MNLI sets, together.</p>`;
}
