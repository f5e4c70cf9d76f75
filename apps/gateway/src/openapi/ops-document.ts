/** The document of the operations listener. */
import { DOCS_OPERATIONS } from './docs-operations.ts';
import { failureSchemas } from './failure-answers.ts';
import { FLEET_OPERATIONS } from './fleet-operations.ts';
import { inferenceSchemas } from './inference-schemas.ts';
import { KEY_OPERATIONS, keySchemas } from './key-operations.ts';
import { jobSchemas } from './job-schemas.ts';
import type { ApiDocument } from './document.ts';
import { LOAD_OPERATIONS, loadSchemas } from './load-operations.ts';
import { makeDocument } from './make-document.ts';
import { QUEUE_OPERATIONS } from './queue-operations.ts';
import { queueSchemas } from './queue-schemas.ts';
import { SETTINGS_OPERATIONS } from './settings-operations.ts';
import { settingsSchemas } from './settings-schemas.ts';
import { PAGE_OPERATIONS, PROBE_OPERATIONS, WATCHING_OPERATIONS } from './watching-operations.ts';
import { watchingSchemas } from './watching-schemas.ts';
import { workerSchemas } from './worker-schemas.ts';

export const opsDocument = (version: string): ApiDocument =>
  makeDocument({
    info: {
      title: 'Batchyard operations',
      version,
      description: [
        'What an operator may see and do. Errors are problem documents (RFC 9457) with a `code`.',
        'With API keys or `BATCHYARD_OPS_TOKEN` every route but the probes asks for one of them: as a bearer, as the password of HTTP Basic with any name, and a key as `X-API-Key` too; a browser signs in at `/login`. A key needs the scope `read` to look, `infer` to send requests, and `admin` for everything else, and for the keys themselves. Without both nothing but the address guards the port. With or without: what a page of another origin sends changes nothing (403).',
        'A route that answers `GET` answers `HEAD` too; unknown paths and other methods are 404. Bull Board, at `/board` unless it is off, and the sign-in at `/login` are pages with an interface of their own and not described here.',
      ].join('\n\n'),
    },
    servers: [{ url: '/', description: 'The listener that serves this document.' }],
    security: [{ bearer: [] }, { basic: [] }, { key: [] }],
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', description: 'An API key, or the token of `BATCHYARD_OPS_TOKEN`.' },
      basic: { type: 'http', scheme: 'basic', description: 'Any name, and the key or the token as the password.' },
      key: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key.' },
    },
    tags: [
      { name: 'Queues', description: 'What waits, and what may be done about it.' },
      { name: 'Jobs', description: 'Looking into single jobs.' },
      { name: 'Workers', description: 'Who computes, and how many of them.' },
      { name: 'Models', description: "Metadata, and the public listener's routes for a page of this origin." },
      { name: 'Balancing and batching', description: 'Changed while the cluster serves.' },
      { name: 'Cache', description: 'Results that are given again.' },
      { name: 'Tuning', description: 'Rules that change a setting, measure what it did, and take it back.' },
      { name: 'Performance', description: 'Samples of the cluster, one a second, kept for an hour.' },
      { name: 'Load tests', description: 'How much the cluster takes, measured from beside a gateway.' },
      { name: 'Alerts and events', description: 'What is wrong, and what happens.' },
      { name: 'Memory and Redis', description: 'What is held where.' },
      { name: 'Keys', description: 'Who may use the cluster, and for what.' },
      { name: 'Probes and metrics', description: 'For machines that watch.' },
      { name: 'Pages', description: 'The dashboard.' },
      { name: 'Documentation', description: 'What you read.' },
    ],
    operations: [
      ...QUEUE_OPERATIONS,
      ...FLEET_OPERATIONS,
      ...SETTINGS_OPERATIONS,
      ...WATCHING_OPERATIONS,
      ...LOAD_OPERATIONS,
      ...KEY_OPERATIONS,
      ...PROBE_OPERATIONS,
      ...PAGE_OPERATIONS,
      ...DOCS_OPERATIONS,
    ],
    schemas: {
      ...failureSchemas,
      ...inferenceSchemas,
      ...jobSchemas,
      ...queueSchemas,
      ...workerSchemas,
      ...settingsSchemas,
      ...watchingSchemas,
      ...loadSchemas,
      ...keySchemas,
    },
  });
