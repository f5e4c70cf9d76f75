/** The document of the public listener. It knows no route of the operations listener. */
import { DOCS_OPERATIONS } from './docs-operations.ts';
import { failureSchemas } from './failure-answers.ts';
import { EXTENSION_OPERATIONS } from './extension-operations.ts';
import { INFERENCE_OPERATIONS } from './inference-operations.ts';
import { inferenceSchemas } from './inference-schemas.ts';
import { JOB_OPERATIONS } from './job-operations.ts';
import { publicJobSchemas } from './job-schemas.ts';
import type { ApiDocument } from './document.ts';
import { makeDocument } from './make-document.ts';
import { REPOSITORY_OPERATIONS, repositorySchemas } from './repository-operations.ts';

/** Whoever has no key is told these as well. */
const OPEN = new Set(['/livez', '/readyz', '/v2/health/live', '/v2/health/ready', '/openapi.json', '/docs']);

export const publicDocument = (version: string): ApiDocument =>
  makeDocument({
    info: {
      title: 'Batchyard',
      version,
      description: [
        'Inference by the Open Inference Protocol (`/v2`), and the same models behind durable jobs (`/v1`).',
        'Under `/v2` every error is `{"error": "…"}`, as clients of the protocol read it; under `/v1` it is a problem document (RFC 9457) with a `code`. Where an answer has `Retry-After`, the same request can succeed after that many seconds.',
        'Where the cluster has API keys every route but the probes and this description asks for one, as `Authorization: Bearer byk_…` or as `X-API-Key`. A key sees the jobs of its own tenant, and may be kept to some of the priority classes and to a rate of rows.',
        'Besides what is listed, any path may answer 400, 408, 417 or 431 to what is not proper HTTP, comes too slowly, expects something, or has headers of more than 16 KiB; a path with another method answers 405 and `Allow`; an unknown one 404. Query parameters that are not known are ignored.',
      ].join('\n\n'),
    },
    servers: [{ url: '/', description: 'The listener that serves this document.' }],
    security: [{}, { bearer: [] }, { key: [] }],
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', description: 'An API key.' },
      key: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key.' },
    },
    tags: [
      { name: 'Inference', description: 'Requests that wait for their answer, and what there is to ask.' },
      { name: 'Repository', description: 'What models there are, and which of them are loaded.' },
      { name: 'Jobs', description: 'Requests that outlive their caller.' },
      { name: 'Settings', description: "What Triton's extensions set, as far as it is obeyed." },
      { name: 'Health', description: 'Probes.' },
      { name: 'Documentation', description: 'What you read.' },
    ],
    operations: [
      ...INFERENCE_OPERATIONS,
      ...EXTENSION_OPERATIONS,
      ...REPOSITORY_OPERATIONS,
      ...JOB_OPERATIONS,
      ...DOCS_OPERATIONS,
    ].map((one) => (OPEN.has(one.path) ? { ...one, open: true } : one)),
    schemas: { ...failureSchemas, ...inferenceSchemas, ...repositorySchemas, ...publicJobSchemas },
  });
