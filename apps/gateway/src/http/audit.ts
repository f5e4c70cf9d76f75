/** A line for every change that is made through a route: who, what, when, and what came of it. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { callerOf, whoOf } from './caller.ts';
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
const KEYS = /byk_[\w-]+/g;

/** Tells of the request once it is answered. */
export function auditRequest(request: IncomingMessage, response: ServerResponse, audit: Audit): void {
  const { method = '', url = '' } = request;
  const from = request.socket.remoteAddress ?? '';
  response.once('finish', () => {
    audit({
      who: whoOf(callerOf(request)),
      from,
      method,
      path: url.slice(0, LONGEST),
      status: response.statusCode,
      // A load test is sent with the key that it is to use.
      body: sentBody(request).replace(KEYS, 'byk_…').slice(0, LONGEST),
    });
  });
}
