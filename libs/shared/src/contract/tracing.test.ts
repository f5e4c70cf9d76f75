import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isSampled, parseTraceparent, traceparentOf, wantsTraces } from './tracing.ts';

test('traces are made where there is somewhere to send them, unless that is turned off', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
  assert.equal(wantsTraces({}), false);
  assert.equal(wantsTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), false);
  assert.equal(wantsTraces(endpoint), true);
  assert.equal(wantsTraces({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }), true);
  assert.equal(wantsTraces({ OTEL_TRACES_EXPORTER: 'otlp' }), true);
  assert.equal(wantsTraces({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }), false);
  assert.equal(wantsTraces({ ...endpoint, OTEL_SDK_DISABLED: 'True' }), false);
});

test('a traceparent is read as the standard says, and written as version 00', () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const header = `00-${trace}-00f067aa0ba902b7-01`;
  assert.deepEqual(parseTraceparent(header), { traceId: trace, spanId: '00f067aa0ba902b7', traceFlags: 1 });
  assert.equal(traceparentOf(parseTraceparent(header)!), header);
  assert.equal(isSampled(header), true);
  assert.equal(isSampled(header.replace(/01$/, '00')), false);
  const broken = [
    undefined,
    '',
    `ff-${trace}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-00f067aa0ba902b7-01`,
    `${header}-more`,
    ` ${header}`,
  ];
  for (const one of broken) assert.equal(parseTraceparent(one), undefined, one);
});
