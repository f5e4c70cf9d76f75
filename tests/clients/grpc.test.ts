/**
 * GRPCInferenceService by grpc-js: raw and typed tensors, errors with their status, deadlines and cancelling that reach the
 * job, streams in order and bounded, health, and a drain that answers what was asked.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { status, type ServiceError } from '@grpc/grpc-js';

import { makeTestModels } from '../../models/make-test-models.ts';
import {
  grpcClient,
  simpleRequest,
  sumOf,
  type GrpcClient,
  type InferAnswer,
  type Message,
  type StreamAnswer,
} from '../support/grpc.ts';
import { startSystem, until, type System } from '../support/system.ts';

let models: string;
let system: System;
let client: GrpcClient;
before(async () => {
  models = await mkdtemp(join(tmpdir(), 'batchyard-grpc-'));
  await makeTestModels(models);
  system = await startSystem({ BATCHYARD_MODELS: models, GRPC_PORT: '0', BATCHYARD_MAX_BINARY_BYTES: '1048576' });
  client = grpcClient(system.grpc);
});
after(async () => {
  client.close();
  await system.stop();
  await rm(models, { recursive: true, force: true });
});

type Tensors = readonly { readonly name: string; readonly shape: readonly (number | string)[] }[];
type Metadata = { readonly inputs: Tensors; readonly outputs: Tensors };

async function failureOf(answer: Promise<unknown>): Promise<ServiceError> {
  const error = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error && 'code' in error, String(error));
  return error as ServiceError;
}
const infer = (request: Message, given = {}): Promise<InferAnswer> => client.call('ModelInfer', request, given);
const identity = (datatype: string, shape: number[], rest: Message): Message => ({
  model_name: `identity_${datatype.toLowerCase()}`,
  inputs: [{ name: 'INPUT0', datatype, shape, ...rest }],
});

test('health and metadata are those of HTTP', async () => {
  assert.deepEqual(await client.call('ServerLive', {}), { live: true });
  assert.deepEqual(await client.call('ServerReady', {}), { ready: true });
  assert.deepEqual(await client.call('ModelReady', { name: 'simple' }), { ready: true });
  assert.equal((await client.call('ServerMetadata', {}))['name'], 'batchyard');
  const overHttp = (await (await fetch(`${system.url}/v2/models/simple`)).json()) as Metadata;
  const overGrpc = await client.call<Metadata>('ModelMetadata', { name: 'simple', version: '1' });
  const shapes = ({ inputs, outputs }: Metadata): unknown =>
    [...inputs, ...outputs].map(({ name, shape }) => [name, shape.map(Number)]);
  assert.deepEqual(shapes(overGrpc), shapes(overHttp));
  assert.equal(await client.health(''), 'SERVING');
  assert.equal(await client.health('inference.GRPCInferenceService'), 'SERVING');
  assert.equal(await client.health('live'), 'SERVING');
  assert.equal((await failureOf(client.health('else'))).code, status.NOT_FOUND);
  assert.deepEqual(await client.call('SystemSharedMemoryStatus', {}), { regions: {} });
  assert.equal((await failureOf(client.call('CudaSharedMemoryRegister', {}))).code, status.INVALID_ARGUMENT);
});

test('raw tensors are answered in the asked order, with the id', async () => {
  const answer = await infer(simpleRequest(5));
  assert.equal(sumOf(answer), 8);
  assert.deepEqual([answer.id, answer.model_name, answer.model_version], ['5', 'simple', '1']);
  const turned = await infer(simpleRequest(5, { outputs: [{ name: 'OUTPUT1' }, { name: 'OUTPUT0' }] }));
  assert.deepEqual(
    turned.outputs.map(({ name, shape }) => [name, shape]),
    [
      ['OUTPUT1', ['1', '16']],
      ['OUTPUT0', ['1', '16']],
    ],
  );
  assert.equal(sumOf(turned), 2);
});

test('typed contents of every datatype come back as they went', async () => {
  const cases: [string, Message, Buffer][] = [
    ['BOOL', { bool_contents: [true, false] }, Buffer.from([1, 0])],
    ['UINT8', { uint_contents: [255, 0] }, Buffer.from([255, 0])],
    ['UINT16', { uint_contents: [65_535, 1] }, Buffer.from(Uint16Array.of(65_535, 1).buffer)],
    ['UINT32', { uint_contents: [4_294_967_295, 1] }, Buffer.from(Uint32Array.of(4_294_967_295, 1).buffer)],
    [
      'UINT64',
      { uint64_contents: ['18446744073709551615', 1] },
      Buffer.from(BigUint64Array.of(2n ** 64n - 1n, 1n).buffer),
    ],
    ['INT8', { int_contents: [-128, 127] }, Buffer.from([128, 127])],
    ['INT16', { int_contents: [-32_768, 1] }, Buffer.from(Int16Array.of(-32_768, 1).buffer)],
    ['INT32', { int_contents: [-2_147_483_648, 1] }, Buffer.from(Int32Array.of(-2_147_483_648, 1).buffer)],
    [
      'INT64',
      { int64_contents: ['-9007199254740993', 1] },
      Buffer.from(BigInt64Array.of(-9_007_199_254_740_993n, 1n).buffer),
    ],
    ['FP32', { fp32_contents: [-0, 0.1] }, Buffer.from(Float32Array.of(-0, 0.1).buffer)],
    ['FP64', { fp64_contents: [5e-324, 0.1] }, Buffer.from(Float64Array.of(5e-324, 0.1).buffer)],
    [
      'BYTES',
      { bytes_contents: [Buffer.from('grün'), Buffer.alloc(0)] },
      Buffer.from('\x05\0\0\0gr\xc3\xbcn\0\0\0\0', 'latin1'),
    ],
  ];
  for (const [datatype, contents, expected] of cases) {
    const { raw_output_contents: raw } = await infer(identity(datatype, [1, 2], { contents }));
    assert.deepEqual(raw[0], expected, datatype);
  }
});

test('classification, and what a model without a batch axis answers', async () => {
  const outputs = [{ name: 'OUTPUT0', parameters: { classification: { int64_param: 2 } } }];
  const contents = { fp32_contents: [0.5, 3, 1] };
  const answer = await infer({ ...identity('FP32', [1, 3], { contents }), outputs });
  assert.deepEqual(answer.outputs[0], { ...answer.outputs[0], datatype: 'BYTES', shape: ['1', '2'] });
  assert.match(String(answer.raw_output_contents[0]), /3\.000000:1.*1\.000000:2/s);
});

test('what is wrong has the status and the text that clients match on', async () => {
  const cases: [Message, number, RegExp][] = [
    [
      simpleRequest(1, { model_name: 'nobody' }),
      status.NOT_FOUND,
      /^Request for unknown model: 'nobody' is not found$/,
    ],
    [simpleRequest(1, { model_version: '9' }), status.NOT_FOUND, /version 9 is not found/],
    [simpleRequest(1, { model_name: '../\ud800' }), status.NOT_FOUND, /unknown model/],
    [
      simpleRequest(1, { raw_input_contents: [Buffer.alloc(64)] }),
      status.INVALID_ARGUMENT,
      /unable to find data for input tensor 'INPUT1'/,
    ],
    [
      simpleRequest(1, { raw_input_contents: [1, 2, 3].map(() => Buffer.alloc(64)) }),
      status.INVALID_ARGUMENT,
      /unexpected additional input data/,
    ],
    [
      simpleRequest(1, { raw_input_contents: [Buffer.alloc(63), Buffer.alloc(64)] }),
      status.INVALID_ARGUMENT,
      /^input byte size mismatch/,
    ],
    [simpleRequest(1, { inputs: [] }), status.INVALID_ARGUMENT, /unexpected additional input data|expected 2 inputs/],
    [identity('FP16', [1, 1], { contents: {} }), status.INVALID_ARGUMENT, /FP16 has no typed contents/],
    [
      identity('UINT8', [1, 1], { contents: { uint_contents: [300] } }),
      status.INVALID_ARGUMENT,
      /300 is out of range for UINT8/,
    ],
    [
      identity('INT8', [1, 1], { contents: { uint_contents: [3] } }),
      status.INVALID_ARGUMENT,
      /unexpected explicit tensor data/,
    ],
    [
      identity('INT32', [1, 1], { contents: { int_contents: [1, 2] } }),
      status.INVALID_ARGUMENT,
      /^input byte size mismatch/,
    ],
    [
      identity('BYTES', [1, 1], { contents: { bytes_contents: [Buffer.from('a\0b')] } }),
      status.INVALID_ARGUMENT,
      /contains NUL/,
    ],
    [
      simpleRequest(1, { parameters: { triton_x: { bool_param: true } } }),
      status.INVALID_ARGUMENT,
      /reserved for Triton/,
    ],
    [
      simpleRequest(1, { parameters: { priority: { int64_param: 9 } } }),
      status.INVALID_ARGUMENT,
      /Unable to parse 'priority'/,
    ],
    [simpleRequest(1, { id: 'x'.repeat(65) }), status.INVALID_ARGUMENT, /Unable to parse 'id'/],
  ];
  for (const [request, code, text] of cases) {
    const failure = await failureOf(infer(request));
    assert.match(failure.details, text);
    assert.equal(failure.code, code, failure.details);
    assert.equal(typeof failure.metadata.get('batchyard-code')[0], 'string');
  }
  const both = simpleRequest(1);
  const [first, second] = both['inputs'] as [Message, Message];
  const mixed = { ...both, inputs: [{ ...first, contents: { int_contents: [1] } }, second] };
  assert.match(
    (await failureOf(infer(mixed))).details,
    /contents field must not be specified when using raw_input_contents for 'INPUT0' for model 'simple'/,
  );
  assert.equal(
    (await failureOf(infer(simpleRequest(1), { metadata: { 'batchyard-priority': 'soon' } }))).code,
    status.INVALID_ARGUMENT,
  );
});

test('a message beyond the limit is refused, and the connection serves on', async () => {
  const large = identity('UINT8', [1, 2_000_000], {});
  const failure = await failureOf(infer({ ...large, raw_input_contents: [Buffer.alloc(2_000_000)] }));
  assert.equal(failure.code, status.RESOURCE_EXHAUSTED);
  assert.equal(sumOf(await infer(simpleRequest(1))), 4);
});

test('the deadline of a call is its job’s, and a cancelled call cancels its job', async () => {
  const slow = {
    model_name: 'slower',
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, 4], contents: { fp32_contents: [1, 2, 3, 4] } }],
  };
  assert.equal((await failureOf(infer(slow, { timeoutMs: 1 }))).code, status.DEADLINE_EXCEEDED);
  assert.equal(
    (await failureOf(infer(slow, { metadata: { 'batchyard-timeout-ms': '1' } }))).code in { 4: 1, 14: 1 },
    true,
  );
  const waiting = async (): Promise<number> => {
    const { queues } = (await (await fetch(`${system.ops}/v1/queues`)).json()) as {
      queues: { model: string; depth: number }[];
    };
    return queues.find(({ model }) => model === 'slower')?.depth ?? 0;
  };
  const streams = Array.from({ length: 100 }, () => {
    const stream = client.stream();
    stream.on('error', () => undefined);
    stream.write(slow);
    return stream;
  });
  await until('some wait', async () => ((await waiting()) > 5 ? true : undefined));
  for (const stream of streams) stream.cancel();
  await until('none waits any more', async () => ((await waiting()) === 0 ? true : undefined), 5_000);
});

test('a stream is answered in order, goes on after an error, and takes more than its window', async () => {
  const stream = client.stream();
  const answers: StreamAnswer[] = [];
  stream.on('data', (answer: StreamAnswer) => answers.push(answer));
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('end', resolve);
    stream.on('error', reject);
  });
  for (let n = 0; n < 200; n += 1)
    stream.write(n === 50 ? simpleRequest(n, { model_name: 'nobody' }) : simpleRequest(n));
  stream.end();
  await ended;
  assert.equal(answers.length, 200);
  for (const [n, { error_message: error, infer_response: answer }] of answers.entries()) {
    assert.equal(answer.id, String(n));
    if (n === 50) assert.match(error, /unknown model/);
    else
      assert.deepEqual(
        [error, sumOf(answer), answer.parameters['triton_final_response']?.bool_param],
        ['', n + 3, true],
      );
  }
});

test('what is no gRPC closes its own connection only', async () => {
  const [host = '', port] = system.grpc.split(':');
  for (const bytes of [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    '\x16\x03\x01\x02\x00',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff',
  ]) {
    const socket = connect(Number(port), host);
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      socket.on('close', () => resolve());
      socket.resume();
      socket.write(Buffer.from(bytes, 'latin1'));
    });
  }
  assert.equal(sumOf(await infer(simpleRequest(2))), 5);
});

test('calls are counted where those of HTTP are', async () => {
  await infer(simpleRequest(1));
  const metrics = await (await fetch(`${system.ops}/metrics`)).text();
  assert.match(
    metrics,
    /batchyard_http_request_duration_seconds_count\{route="infer",method="gRPC",status="200"\} [1-9]/,
  );
  assert.match(
    metrics,
    /batchyard_inference_requests_total\{model="simple",version="1",class="normal",outcome="success"\} [1-9]/,
  );
});

test('a drain answers what was asked, ends streams and tells those who watch', async () => {
  const own = await startSystem({ BATCHYARD_MODELS: models, GRPC_PORT: '0' });
  const caller = grpcClient(own.grpc);
  const watched: string[] = [];
  const watching = (async () => {
    for await (const { status: seen } of caller.watchHealth()) watched.push(seen);
  })();
  const stream = caller.stream();
  const answers: StreamAnswer[] = [];
  const over = new Promise<ServiceError | undefined>((resolve) => {
    stream.on('data', (answer: StreamAnswer) => answers.push(answer));
    stream.on('end', () => resolve(undefined));
    stream.on('error', (error: ServiceError) => resolve(error));
  });
  stream.write(simpleRequest(1));
  await until('it is answered', async () => (answers.length === 1 && watched.length === 1 ? true : undefined));
  const pending = Array.from({ length: 8 }, (_, n) => caller.call<InferAnswer>('ModelInfer', simpleRequest(n)));
  await Promise.all(pending);
  assert.equal(await own.stop(), 0);
  assert.equal((await over)?.code, status.UNAVAILABLE);
  await watching.catch(() => undefined);
  assert.deepEqual(watched, ['SERVING', 'NOT_SERVING']);
  caller.close();
});
