/** Who makes a request. Where no keys are configured it is the open caller, who may do everything; finding that out costs one look at the request. */
import type { IncomingMessage } from 'node:http';

import type { PriorityClass } from '@batchyard/shared/contract/job';

export type Scope = 'infer' | 'read' | 'admin';

export type Caller = {
  /** Whose jobs it sees, and whose its own become; `-`: nobody's in particular. */
  readonly tenant: string;
  /** The id of its key; undefined without one. */
  readonly key?: string;
  /** What it may do; undefined: everything. */
  readonly scopes?: ReadonlySet<Scope>;
  /** The priority classes that it may use; undefined: all. */
  readonly classes?: ReadonlySet<PriorityClass>;
};

const OPEN: Caller = { tenant: '-' };
const CALLER = Symbol('caller');

type Identified = IncomingMessage & { [CALLER]?: Caller };

export const callerOf = (request: IncomingMessage): Caller => (request as Identified)[CALLER] ?? OPEN;
