/**
 * What a PromQL expression asks for: its selectors, and the labels it groups or joins by. It splits the text into words
 * and knows no types or precedence; that an expression is valid at all is promtool's to say. Aggregations are read in
 * the form `sum by (label) (…)`.
 */
export type Matcher = { readonly label: string; readonly op: string; readonly value: string };
export type Selector = { readonly metric: string; readonly matchers: readonly Matcher[] };
/** `by`: labels of the result of an aggregation, and the metrics below it. `on`: labels that two sides are joined by. */
export type Grouping = {
  readonly kind: string;
  readonly labels: readonly string[];
  readonly metrics: readonly string[];
};
export type Asked = {
  readonly selectors: readonly Selector[];
  readonly groupings: readonly Grouping[];
  /** Labels that the first aggregation keeps: none without `by`. Undefined where nothing is aggregated. */
  readonly kept: readonly string[] | undefined;
};

const WORD = /"(?:[^"\\]|\\.)*"|\$?[A-Za-z_][\w:]*|\d[\w.]*|=~|!~|!=|==|<=|>=|[-+*/%^<>=(){}[\],]|\s+/gy;
const NAME = /^[A-Za-z_]/;
const OPERATORS = new Set(['and', 'or', 'unless', 'bool', 'offset']);
const GROUPINGS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const AGGREGATIONS = new Set(['sum', 'min', 'max', 'avg', 'count', 'group']);

/** @throws Error where something is written that is not known here */
function wordsOf(expression: string): string[] {
  const words = Array.from(expression.matchAll(WORD), ([word]) => word);
  if (words.join('') !== expression) throw new Error(`not understood: ${expression.slice(words.join('').length)}`);
  return words.filter((word) => word.trim() !== '');
}

/** The index after the bracket that closes the one at `open`. */
function afterClosing(words: readonly string[], open: number): number {
  let depth = 0;
  for (let i = open; i < words.length; i += 1) {
    if ('({['.includes(words[i] ?? '')) depth += 1;
    if (')}]'.includes(words[i] ?? '')) depth -= 1;
    if (depth === 0) return i + 1;
  }
  throw new Error(`not closed: ${words.slice(open).join(' ')}`);
}

function matchersOf(words: readonly string[]): Matcher[] {
  const inner = words.filter((word) => word !== ',');
  return Array.from({ length: inner.length / 3 }, (_, i) => {
    const [label = '', op = '', value = ''] = inner.slice(3 * i, 3 * i + 3);
    return { label, op, value: value.slice(1, -1) };
  });
}

const labelsIn = (words: readonly string[], open: number): string[] =>
  words.slice(open + 1, afterClosing(words, open) - 1).filter((word) => word !== ',');

/** @throws Error where something is written that is not known here */
export function askedBy(expression: string): Asked {
  const words = wordsOf(expression);
  const selectors: (Selector & { readonly at: number })[] = [];
  const groups: { kind: string; labels: string[]; from: number; to: number }[] = [];
  let kept: readonly string[] | undefined;
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? '';
    const next = words[i + 1];
    if (word === '[') i = afterClosing(words, i) - 1;
    else if (word === '{') throw new Error(`a selector without a name: ${expression}`);
    else if (GROUPINGS.has(word) && next === '(') {
      const after = afterClosing(words, i + 1);
      const labels = labelsIn(words, i + 1);
      const over = word === 'by' || word === 'without';
      if (over && words[after] !== '(') throw new Error(`write it as sum by (…) (…): ${expression}`);
      groups.push({ kind: word, labels, from: over ? after : 0, to: over ? afterClosing(words, after) : words.length });
      i = after - 1;
    } else if (AGGREGATIONS.has(word)) kept ??= next === 'by' ? labelsIn(words, i + 2) : [];
    else if (NAME.test(word) && !OPERATORS.has(word) && next !== '(') {
      const after = next === '{' ? afterClosing(words, i + 1) : i + 1;
      const matchers = next === '{' ? matchersOf(words.slice(i + 2, after - 1)) : [];
      selectors.push({ metric: word, matchers, at: i });
      i = after - 1;
    }
  }
  const groupings = groups.map(({ kind, labels, from, to }) => {
    const below = selectors.filter(({ at }) => at >= from && at < to);
    return { kind, labels, metrics: below.map(({ metric }) => metric) };
  });
  return { selectors: selectors.map(({ metric, matchers }) => ({ metric, matchers })), groupings, kept };
}
