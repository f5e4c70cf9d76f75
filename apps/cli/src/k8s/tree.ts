/**
 * Manifests as data with holes in them. They are filled with values for `batchyard k8s render`, and with the words of Helm's
 * templates for the chart, so that both say the same.
 */
export type Hole =
  /** `<release>-<part>`, or the release itself. */
  | { readonly hole: 'name'; readonly part: string }
  /** A text, a number, or a whole tree, by its path in the values. */
  | { readonly hole: 'text' | 'number' | 'tree'; readonly path: string }
  /** In a list: the items of that list, if it has any. */
  | { readonly hole: 'items'; readonly path: string };

/** What is there only if any of the values is true (or not empty), or only if none is. */
export type Guarded = { readonly when: { readonly any: readonly string[]; readonly is: boolean }; readonly what: Tree };

export type Tree = string | number | boolean | Hole | Guarded | readonly Tree[] | { readonly [key: string]: Tree };

export type Template = { readonly file: string; readonly enabled?: string; readonly manifest: Tree };

export const name = (part = ''): Hole => ({ hole: 'name', part });
export const text = (path: string): Hole => ({ hole: 'text', path });
export const number = (path: string): Hole => ({ hole: 'number', path });
export const tree = (path: string): Hole => ({ hole: 'tree', path });
export const items = (path: string): Hole => ({ hole: 'items', path });
export const ifSet = (path: string, what: Tree): Guarded => ({ when: { any: [path], is: true }, what });
export const ifUnset = (path: string, what: Tree): Guarded => ({ when: { any: [path], is: false }, what });
export const unlessAny = (any: readonly string[], what: Tree): Guarded => ({ when: { any, is: false }, what });

export const isHole = (value: Tree): value is Hole => typeof value === 'object' && 'hole' in value;
export const isGuarded = (value: Tree): value is Guarded => typeof value === 'object' && 'when' in value;
export const isList = (value: Tree): value is readonly Tree[] => Array.isArray(value);
