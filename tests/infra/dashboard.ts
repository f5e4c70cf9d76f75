/** The Grafana dashboard, as far as the tests read it. */
import { readFile } from 'node:fs/promises';

type Source = { readonly type: string; readonly uid: string };
type Grid = { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
export type Panel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: Grid;
  readonly targets?: readonly { readonly datasource: Source; readonly expr: string; readonly legendFormat: string }[];
};
export type Dashboard = {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[];
  };
  readonly annotations: { readonly list: readonly { readonly datasource: Source; readonly expr: string }[] };
};

export const readDashboard = async (file: URL): Promise<Dashboard> =>
  JSON.parse(await readFile(file, 'utf8')) as Dashboard;

const overlap = (a: Grid, b: Grid): boolean => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/** @returns what is wrong with where panels lie and what they are called */
export function layoutProblems(panels: readonly Panel[]): string[] {
  return panels.flatMap(({ id, title, gridPos }, i) => [
    ...([gridPos.x, gridPos.y, gridPos.w - 1, gridPos.h - 1].every((n) => Number.isInteger(n) && n >= 0)
      ? []
      : [`${title} has no place`]),
    ...(gridPos.x + gridPos.w > 24 ? [`${title} is wider than the dashboard`] : []),
    ...panels
      .slice(i + 1)
      .flatMap((other) => [
        ...(other.id === id ? [`${title} and ${other.title} have the same id`] : []),
        ...(overlap(gridPos, other.gridPos) ? [`${title} and ${other.title} overlap`] : []),
      ]),
  ]);
}

/** As Grafana would send it, with the variables filled in. */
export const filledIn = (query: string): string =>
  query.replaceAll('$__rate_interval', '1m').replaceAll('$model', '.*');
