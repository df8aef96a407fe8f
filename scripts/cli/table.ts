/** Tables on stdout: columns as wide as their widest cell. */

/** Head and rows as lines; numbers (as texts) stand at the right of their column where every cell below the head is one. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const atRight = head.map((_, i) => rows.every((row) => /^(-?[\d.,]+%?|-|)$/.test(row[i] ?? '')));
  return [head, ...rows].map((row) => row.map((text, i) => (atRight[i] === true ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0))).join('  ').trimEnd());
}
