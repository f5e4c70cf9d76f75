/**
 * The architecture as data: which folder is pure, which is an edge, where the stages may meet, and which packages have
 * one door only. `folder-imports.mjs` turns it into a lint rule; .oxlintrc.json repeats the pure folders for the globals
 * they may not touch (tidy.test.ts checks that the two lists agree).
 */

/** Decide, and nothing else: the contract, zod, and the pure folders of the same package. Time is an argument. */
export const pureFolders = [
  'libs/shared/src/contract',
  'libs/shared/src/batching',
  'libs/loadtest/src/plan',
  'libs/loadtest/src/capacity',
  'libs/loadtest/src/judge',
  'libs/loadtest/src/report',
  'apps/gateway/src/protocol',
  'apps/gateway/src/admission',
  'apps/gateway/src/balancer',
  'apps/gateway/src/tuning',
  'apps/gateway/src/monitor',
  'apps/gateway/src/openapi',
  'apps/worker/src/batching',
  'apps/worker/src/memory',
];

/** Touch the world, each its own part of it, and never each other. */
export const edgeFolders = [
  'apps/gateway/src/http',
  'apps/gateway/src/grpc',
  'apps/gateway/src/cache',
  'apps/gateway/src/queue',
  'apps/gateway/src/fleet',
  'apps/gateway/src/watch',
  'apps/gateway/src/webhook',
  'apps/gateway/src/load',
  'apps/worker/src/queue',
  'apps/worker/src/repository',
  'apps/worker/src/inference',
  'apps/worker/src/control',
];

/** The files of an app in which its stages meet: the wiring and the stories. And any `open-….ts` beside them: a part of the wiring. */
export const wiringPart = /^open-[a-z-]+\.ts$/;
export const meetingPlaces = ['main.ts', 'answer-request.ts', 'steer-fleet.ts', 'serve-jobs.ts'];

/** Packages that a pure folder may import. */
export const purePackages = ['zod'];

/** Packages with one door: only these folders import them. */
export const doors = [
  {
    packages: ['express', 'helmet', '@bull-board/express'],
    folders: ['apps/gateway/src/http'],
  },
  { packages: ['@grpc/grpc-js', '@grpc/proto-loader'], folders: ['apps/gateway/src/grpc'] },
  { packages: ['@bull-board/api'], folders: ['apps/gateway/src/http', 'apps/gateway/src/queue'] },
  { packages: ['bullmq', 'msgpackr'], folders: ['libs/queue', 'apps/gateway/src/queue', 'apps/worker/src/queue'] },
  { packages: ['lru-cache'], folders: ['apps/gateway/src/cache'] },
  { packages: ['cockatiel'], folders: ['apps/gateway/src/fleet'] },
  { packages: ['onnxruntime-node'], folders: ['apps/worker/src/inference'] },
  {
    packages: [
      'ioredis',
      'pino',
      'prom-client',
      '@opentelemetry/api',
      '@opentelemetry/sdk-trace-base',
      '@opentelemetry/exporter-trace-otlp-http',
      '@opentelemetry/resources',
    ],
    folders: ['libs/shared/src/runtime'],
  },
  { packages: ['commander', 'picocolors', 'js-redis-server'], folders: ['apps/cli'] },
];

/** Packages of ours that others may import; the rest are apps. */
export const libraries = ['shared', 'queue', 'client', 'loadtest'];
