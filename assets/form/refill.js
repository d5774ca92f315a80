// What choosing another preset, or other pairs, makes of the settings: at once and without asking the server, so that
// nothing that is typed meanwhile is overwritten by a late answer.

/** Every setting's value as a preset has it on some pairs; a file of one's own is like the pairs that come along. */
function given(table, preset, dataset) {
  const byDataset = table[preset] ?? Object.values(table)[0];
  return byDataset[dataset] ?? Object.values(byDataset)[0];
}

/** A value to compare: an empty box is 0 or nothing. */
const comparable = (value) => JSON.stringify(!value || value.length === 0 ? null : value);

/** What the form is to hold: for which preset and pairs it was filled in, as one text, then every setting's value.
 *
 * Another preset sets everything. Other pairs set what their recipe has otherwise, and leave what a visitor changed.
 * `table` has the settings' values by preset and pairs; `before` is the first of what this returned last; `values` are
 * those that the form holds.
 */
export function refill(table, preset, dataset, before, ...values) {
  const [oldPreset, oldDataset] = before.split(" ");
  const wanted = given(table, preset, dataset);
  const old = given(table, oldPreset, oldDataset);
  const isChanged = (value, place) => comparable(value) !== comparable(old[place]);
  const kept = (value, place) => (isChanged(values[place], place) ? values[place] : value);
  return [`${preset} ${dataset}`, ...(preset === oldPreset ? wanted.map(kept) : wanted)];
}
