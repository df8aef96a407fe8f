/**
 * The report's only script: heads of tables become buttons that sort, with the mouse or the keyboard. Without it the tables stand as they are.
 * Rows stay in their group; what has no value comes last either way.
 */
export const sortScript = `
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.tHead.rows[0].cells];
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const { value } = cell.dataset;
    if (value !== undefined) return value === '' ? undefined : Number(value);
    const text = cell.textContent.trim();
    if (!heads[column].classList.contains('number')) return text;
    const number = Number.parseFloat(text.replace(/^[^0-9+.-]+/, ''));
    return Number.isNaN(number) ? undefined : number;
  };
  const compare = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true }));
  heads.forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      const numbers = head.classList.contains('number');
      const before = head.getAttribute('aria-sort');
      const order = before === null ? (numbers ? 'descending' : 'ascending') : before === 'ascending' ? 'descending' : 'ascending';
      for (const other of heads) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', order);
      const sign = order === 'ascending' ? 1 : -1;
      for (const body of table.tBodies) {
        const rows = [...body.rows].filter((row) => !row.classList.contains('group') && row.cells.length === heads.length);
        const rest = [...body.rows].filter((row) => !row.classList.contains('group') && !rows.includes(row));
        rows.sort((a, b) => {
          const [x, y] = [keyOf(a, column), keyOf(b, column)];
          if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
          return sign * compare(x, y);
        });
        body.append(...rows, ...rest);
      }
    });
  });
}
`;
