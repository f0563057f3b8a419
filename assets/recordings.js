// The table of many recordings: a press on a column's name sorts, a press on a row opens its recording.
const number = text => text === '' ? NaN : Number(text);
const order = (first, second) => {
  const [x, y] = [number(first), number(second)];
  if (Number.isNaN(x) || Number.isNaN(y)) return first.localeCompare(second, undefined, {numeric: true});
  return x - y;
};
const sort = button => {
  const head = button.closest('th'), body = button.closest('table').tBodies[0], column = Number(button.dataset.sort);
  const down = head.getAttribute('aria-sort') === 'ascending';
  const value = row => row.cells[column]?.dataset.value ?? '';
  const rows = [...body.rows].sort((one, other) => {
    const [x, y] = [value(one), value(other)];
    if (x === '' || y === '') return (x === '') - (y === '');  // without a value: always at the end
    return down ? order(y, x) : order(x, y);
  });
  body.append(...rows);
  head.parentElement.querySelectorAll('th').forEach(other => other.setAttribute('aria-sort', 'none'));
  head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
};
element.addEventListener('click', event => {
  const button = event.target.closest('button[data-sort]');
  if (button) return sort(button);
  const row = event.target.closest('tr[data-row]');
  if (row && getSelection().isCollapsed) trigger('click', {row: Number(row.dataset.row)});
});
