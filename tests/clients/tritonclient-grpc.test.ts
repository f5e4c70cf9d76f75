/** The unmodified tritonclient[grpc] from its registry: sync, aio, async and streams, every datatype; and our protocol files against its own. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import protobuf from 'protobufjs';

import { makeTestModels } from '../../models/make-test-models.ts';
import { PYTHON, pythonWith } from '../support/python.ts';
import { startSystem } from '../support/system.ts';

const run = promisify(execFile);
const fileAt = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** As protobuf's descriptors number the types that are no messages. */
const SCALARS: Readonly<Record<string, number>> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  bool: 8,
  string: 9,
  bytes: 12,
  uint32: 13,
};

type Numbers = Readonly<Record<string, Readonly<Record<string, readonly [number, number | string]>>>>;
type Found = { messages: Numbers; enums: Record<string, Record<string, number>>; methods: Record<string, string[]> };

/** Every message below this one, by its full name. */
function messagesIn(holder: protobuf.NamespaceBase): protobuf.Type[] {
  return holder.nestedArray.flatMap((one) => [
    ...(one instanceof protobuf.Type ? [one] : []),
    ...(one instanceof protobuf.Namespace ? messagesIn(one) : []),
  ]);
}
const nameOf = (one: protobuf.ReflectionObject): string => one.fullName.replace(/^\./, '');

test('tritonclient[grpc] works unmodified', { timeout: 600_000 }, async (t) => {
  const found = await pythonWith(PYTHON.tritonGrpc);
  if ('missing' in found) {
    t.skip(found.missing);
    return;
  }
  const models = await mkdtemp(join(tmpdir(), 'batchyard-models-'));
  await makeTestModels(models);
  const system = await startSystem({ BATCHYARD_MODELS: models, GRPC_PORT: '0' });
  try {
    const { stdout } = await run(found.python, [fileAt('triton_grpc.py'), system.grpc], { timeout: 120_000 });
    assert.match(stdout, /tritonclient agrees over gRPC/);
  } finally {
    await system.stop();
    await rm(models, { recursive: true, force: true });
  }
});

test("every message, field, enum and method of ours is tritonclient's", { timeout: 600_000 }, async (t) => {
  const found = await pythonWith(PYTHON.tritonGrpc);
  if ('missing' in found) {
    t.skip(found.missing);
    return;
  }
  const { stdout } = await run(found.python, [fileAt('message_numbers.py')]);
  const theirs = JSON.parse(stdout) as Found;
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => fileAt(`../../apps/gateway/proto/${target.replace(/^.*\//, '')}`);
  root.loadSync('inference.proto', { keepCase: true }).resolveAll();
  const ours = root.lookup('inference') as protobuf.Namespace;
  const messages = messagesIn(ours);
  assert.ok(messages.length > 70);
  for (const message of messages) {
    const their = theirs.messages[nameOf(message)];
    assert.ok(their, `tritonclient has ${nameOf(message)}`);
    for (const field of message.fieldsArray) {
      const [number, type]: readonly (number | string | undefined)[] = their[field.name] ?? [];
      assert.equal(field.id, number, `${nameOf(message)}.${field.name}`);
      if (field.map) assert.match(String(type), /Entry$/);
      else assert.equal(type, field.resolvedType ? nameOf(field.resolvedType) : SCALARS[field.type], field.fullName);
    }
  }
  assert.deepEqual({ ...ours.lookupEnum('DataType').values }, theirs.enums['inference.DataType']);
  const service = ours.lookupService('GRPCInferenceService');
  const methods = service.methodsArray.map(({ name, requestType, responseType }) => [
    name,
    [`inference.${requestType}`, `inference.${responseType}`],
  ]);
  assert.deepEqual(Object.fromEntries(methods), theirs.methods);
});
