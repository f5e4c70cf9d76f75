/** What a load test sends, and when: plain values that cross to the generator threads. */
import type { PriorityClass } from '@batchyard/shared/contract/job';
import type { Datatype } from '@batchyard/shared/contract/tensor';

import type { Arrivals, Stretch } from './schedule.ts';

export type InputSpec = {
  readonly name: string;
  readonly datatype: Datatype;
  /** Of the request, with its batch axis. */
  readonly shape: readonly number[];
};

export const FORMS = ['json', 'binary'] as const;
export type Form = (typeof FORMS)[number];

/** One kind of request; the plan mixes them by weight. */
export type RequestKind = {
  readonly name: string;
  readonly model: string;
  readonly version: string | undefined;
  readonly priority: PriorityClass;
  readonly weight: number;
  readonly form: Form;
  readonly inputs: readonly InputSpec[];
  /** JSON bodies sent in turn as they are, in the place of random inputs. */
  readonly bodies?: readonly string[];
};

/** `host` and `port` of an HTTP listener; `authorization` goes out as that header. */
export type Target = {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Before each route, without a slash at its end. */
  readonly basePath: string;
  readonly authorization: string | undefined;
};

/** What is measured by itself, one after another. `warmupS` of it is sent before and not counted. */
export type Step = { readonly name: string; readonly warmupS: number } & (
  | { readonly mode: 'open'; readonly arrivals: Arrivals; readonly stretches: readonly Stretch[] }
  /** `kinds`: which kind each is; absent: by chance. */
  | {
      readonly mode: 'trace';
      readonly timesMs: readonly number[];
      readonly kinds?: readonly number[];
      readonly speed: number;
    }
  /** Each of so many clients sends its next request when its last was answered. */
  | { readonly mode: 'closed'; readonly clients: number; readonly seconds: number }
);

export type LoadPlan = {
  readonly target: Target;
  readonly kinds: readonly RequestKind[];
  /** Share of the requests, 0 … 1, that repeat one of a few inputs, so that a cache may answer them. */
  readonly repeats: number;
  /** The server may take so long, ms; told to it as the request's deadline, and a little later it is given up. */
  readonly timeoutMs: number;
  /** Connections of all generators together, at most. */
  readonly maxConnections: number;
  readonly generators: number;
  readonly seed: number;
  /** Inputs are numbered from here, so that no earlier run has sent them. */
  readonly stampFrom: number;
};
