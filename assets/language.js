// The language that the page is read in, and its texts, as qlora_core/ui/scripts.py delivers them: English where there are
// none. What varies stands in braces: _("{n} of {total}", { n, total }).

const { tag = "en", texts = {} } = globalThis.qloraLanguage ?? {};

/** The page's language, as Intl takes it. */
export const LANGUAGE = tag;

const PLURAL = new Intl.PluralRules(tag);
const PARTS = new Intl.NumberFormat(tag).formatToParts(12345.6);
const part = (wanted) => PARTS.find(({ type }) => type === wanted).value;
const POINT = part("decimal");

/** The signs for a decimal point and between thousands, as Plotly takes them. */
export const SEPARATORS = POINT + part("group");

/** A text in the page's language. */
export function _(text, values = {}) {
  return filled(texts[text] ?? text, values);
}

/** Marks a text that is only looked up later. */
export const N_ = (text) => text;

/** The form for `n` things, "{n}" filled in. */
export function ngettext(one, many, n, values = {}) {
  const forms = texts[one] ?? [one, many];
  return filled(PLURAL.select(n) === "one" ? forms[0] : forms.at(-1), { n, ...values });
}

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (found, name) => values[name] ?? found);

/** Parts of a sentence, with the language's own comma between them. */
export const listed = (parts) => parts.join(_(", "));

/** A number that is written with a point, such as toFixed's, with the language's own. */
export const local = (number) => String(number).replace(".", POINT);

/** A whole number with what the language puts between its thousands. */
export const grouped = (number) => number.toLocaleString(tag);
