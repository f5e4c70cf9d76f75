/** The worker's own small listener: probes and metrics. */
import { createServer } from 'node:http';

type Parts = {
  readonly host: string;
  readonly port: number;
  readonly ready: () => boolean;
  readonly metrics: () => Promise<{ body: string; type: string }>;
};

/** @returns the port it listens on */
export async function startOpsListener({
  host,
  port,
  ready,
  metrics,
}: Parts): Promise<{ port: number; close(): void }> {
  const server = createServer((request, response) => {
    const send = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type });
      response.end(body);
    };
    const json = 'application/json';
    if (request.url === '/livez') send(200, json, '{"live":true}');
    else if (request.url === '/readyz') send(ready() ? 200 : 503, json, JSON.stringify({ ready: ready() }));
    else if (request.url === '/metrics') {
      metrics().then(
        ({ body, type }) => send(200, type, body),
        () => send(500, json, '{"error":"metrics failed"}'),
      );
    } else send(404, json, '{"error":"Not Found"}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : port, close: () => void server.close() };
}
