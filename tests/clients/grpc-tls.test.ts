/** gRPC of a gateway with a certificate: TLS only, by grpc-js and by tritonclient, and a new certificate without a restart. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { status, type ServiceError } from '@grpc/grpc-js';

import { makeCertificate, type CertificateFiles } from '../support/certificate.ts';
import { startGateway, type ExtraGateway } from '../support/gateway.ts';
import { grpcClient, simpleRequest, sumOf, type InferAnswer } from '../support/grpc.ts';
import { PYTHON, pythonWith } from '../support/python.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startSystem, until, type System } from '../support/system.ts';

const run = promisify(execFile);

let folder: string;
let redis: TestRedis;
let system: System;
let gateway: ExtraGateway;
let files: CertificateFiles;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'batchyard-grpc-tls-'));
  files = await makeCertificate(folder, 'first');
  redis = await startRedis();
  system = await startSystem({ REDIS_URL: redis.url });
  gateway = await startGateway({
    REDIS_URL: redis.url,
    GRPC_PORT: '0',
    BATCHYARD_TLS_CERT_FILE: files.cert,
    BATCHYARD_TLS_KEY_FILE: files.key,
  });
});
after(async () => {
  await gateway.kill9();
  await system.stop();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The sum that a client which trusts `authority` is answered with; without one it speaks plain text. */
async function sumBy(authority: Buffer | undefined): Promise<number | undefined> {
  const client = grpcClient(gateway.grpc, authority);
  try {
    return sumOf(await client.call<InferAnswer>('ModelInfer', simpleRequest(4), { timeoutMs: 3_000 }));
  } finally {
    client.close();
  }
}
const unavailable = ({ code }: ServiceError): boolean =>
  code === status.UNAVAILABLE || code === status.DEADLINE_EXCEEDED;

test('a call goes by TLS, and plain text is not answered', async () => {
  const authority = await readFile(files.cert);
  await until('the gateway knows the worker', async () => ((await sumBy(authority)) === 7 ? true : undefined));
  await assert.rejects(sumBy(undefined), unavailable);
  const other = await makeCertificate(folder, 'other');
  await assert.rejects(sumBy(await readFile(other.cert)), unavailable);
});

test('tritonclient[grpc] with ssl=True', { timeout: 600_000 }, async (t) => {
  const found = await pythonWith(PYTHON.tritonGrpc);
  if ('missing' in found) {
    t.skip(found.missing);
    return;
  }
  const script = `
import sys, numpy as np, tritonclient.grpc as grpc
client = grpc.InferenceServerClient(sys.argv[1], ssl=True, root_certificates=sys.argv[2])
inputs = [grpc.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
for tensor in inputs: tensor.set_data_from_numpy(np.full((1, 16), 4, dtype=np.int32))
print(client.infer("simple", inputs).as_numpy("OUTPUT0").tolist())
`;
  const { stdout } = await run(found.python, ['-c', script, gateway.grpc, files.cert], { timeout: 60_000 });
  assert.deepEqual(JSON.parse(stdout), [Array.from({ length: 16 }, () => 8)]);
});

test('a new certificate is taken without a restart, and a connection that is open goes on', async () => {
  const client = grpcClient(gateway.grpc, await readFile(files.cert));
  try {
    assert.equal(sumOf(await client.call<InferAnswer>('ModelInfer', simpleRequest(4))), 7);
    const next = await makeCertificate(folder, 'next');
    await copyFile(next.cert, files.cert);
    await copyFile(next.key, files.key);
    const authority = await readFile(next.cert);
    await until('the new one is shown', async () => ((await sumBy(authority)) === 7 ? true : undefined), 20_000);
    assert.equal(sumOf(await client.call<InferAnswer>('ModelInfer', simpleRequest(5))), 8);
  } finally {
    client.close();
  }
});
