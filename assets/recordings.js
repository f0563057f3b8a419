// The table of many recordings: a press on a column's name sorts, a press on a row opens its recording, and a text
// that is changed is counted again. The order, and the text that somebody is writing, outlast a new table.
const number = text => text === '' ? NaN : Number(text);
const order = (first, second) => {
  const [x, y] = [number(first), number(second)];
  if (Number.isNaN(x) || Number.isNaN(y)) return first.localeCompare(second, undefined, {numeric: true});
  return x - y;
};
let sorted, held;
const sort = (button, down = button.closest('th').getAttribute('aria-sort') === 'ascending') => {
  const head = button.closest('th'), body = button.closest('table').tBodies[0], column = Number(button.dataset.sort);
  const value = row => row.cells[column]?.dataset.value ?? '';
  const rows = [...body.rows].sort((one, other) => {
    const [x, y] = [value(one), value(other)];
    if (x === '' || y === '') return (x === '') - (y === '');  // without a value: always at the end
    return down ? order(y, x) : order(x, y);
  });
  body.append(...rows);
  head.parentElement.querySelectorAll('th').forEach(other => other.setAttribute('aria-sort', 'none'));
  head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  sorted = {column, down};
};
element.addEventListener('click', event => {
  const button = event.target.closest('button[data-sort]');
  if (button) return sort(button);
  if (event.target.closest('textarea')) return;
  const row = event.target.closest('tr[data-row]');
  if (row && getSelection().isCollapsed) trigger('click', {row: Number(row.dataset.row)});
});
const rowOf = field => Number(field.closest('tr').dataset.row);
const correct = field => {
  // By Enter, and by what follows it: once it is counted, the text without spaces around it is the field's own.
  if ((field.dataset.sent ?? field.defaultValue).trim() === field.value.trim()) return;
  field.dataset.sent = field.value;
  trigger('edit', {row: rowOf(field), text: field.value});
};
element.addEventListener('change', event => {
  if (event.target.matches('.hw-correct')) correct(event.target);
});
// A text that was put back into a new table is no change to the browser.
element.addEventListener('focusout', ({target}) => {
  if (target.matches('.hw-correct')) correct(target);
});
element.addEventListener('keydown', event => {
  if (event.key !== 'Enter' || !event.target.matches('.hw-correct')) return;
  event.preventDefault();
  event.target.dispatchEvent(new Event('change', {bubbles: true}));
});
const hold = event => {
  const kind = ['.hw-correct', '.hw-open'].find(each => event.target.matches(each));
  held = kind && {row: rowOf(event.target), kind, text: event.target.value};
};
['focusin', 'input'].forEach(kind => element.addEventListener(kind, hold));
element.addEventListener('focusout', event => { if (event.relatedTarget) held = undefined; });
new MutationObserver(() => {
  const table = element.querySelector('.hw-recordings');
  if (!table || table.dataset.known) return;
  table.dataset.known = 'yes';
  const button = sorted && table.querySelector(`button[data-sort="${sorted.column}"]`);
  if (button) sort(button, sorted.down);
  const field = held && table.querySelector(`tr[data-row="${held.row}"] ${held.kind}`);
  if (!field || document.activeElement !== document.body) return;
  if (held.kind === '.hw-correct') field.value = held.text;
  field.focus();
}).observe(element, {childList: true, subtree: true});
