/** A line for every change that is made through a route: who, what, when, and what came of it. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { callerOf } from './caller.ts';
import { sentBody } from './read-body.ts';

export type AuditLine = {
  /** The key's name and id, or `-`: no key was asked for. */
  readonly who: string;
  readonly from: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** What was sent, cut off where it is long. */
  readonly body: string;
};
export type Audit = (line: AuditLine) => void;

const LONGEST = 512;

/** Tells of the request once it is answered. */
export function auditRequest(request: IncomingMessage, response: ServerResponse, audit: Audit): void {
  const { method = '', url = '' } = request;
  const from = request.socket.remoteAddress ?? '';
  response.once('finish', () => {
    const { key, name } = callerOf(request);
    audit({
      who: key === undefined ? '-' : `${name} (${key})`,
      from,
      method,
      path: url.slice(0, LONGEST),
      status: response.statusCode,
      body: sentBody(request).slice(0, LONGEST),
    });
  });
}
