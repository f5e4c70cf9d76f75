/**
 * What a team would otherwise serve the same model with: each from its registry, in a Python environment of its own, as its
 * documents begin, with batches of up to 64 and one onnxruntime session of one thread; all speak the same protocol here.
 */
export type Peer = {
  readonly name: string;
  readonly packages: readonly string[];
  /** What the interpreter is given, in this folder. */
  readonly program: readonly string[];
  readonly args?: (port: number) => readonly string[];
  /** It queues in Redis. */
  readonly redis?: true;
};

/** onnxruntime in the version of ours. */
const WITH = ['onnxruntime==1.30.0', 'numpy<3'];

export const PEERS: readonly Peer[] = [
  {
    name: 'mosec',
    packages: ['mosec==0.9.8', ...WITH],
    program: ['mosec_server.py'],
    args: (port) => ['--address', '127.0.0.1', '--port', String(port)],
  },
  { name: 'pytriton', packages: ['nvidia-pytriton==0.7.0', ...WITH], program: ['pytriton_server.py'] },
  {
    name: 'bentoml',
    packages: ['bentoml==1.4.40', ...WITH],
    program: ['-m', 'bentoml', 'serve', 'bentoml_service:Infer'],
    args: (port) => ['--host', '127.0.0.1', '--port', String(port)],
  },
  { name: 'mlserver', packages: ['mlserver==1.7.1', 'uvloop<0.22', ...WITH], program: ['mlserver_start.py'] },
  { name: 'litserve', packages: ['litserve==0.2.19', ...WITH], program: ['litserve_server.py'] },
  {
    name: 'fastapi',
    packages: ['fastapi==0.165.0', 'uvicorn[standard]==0.54.0', ...WITH],
    program: ['fastapi_server.py'],
  },
  {
    name: 'celery',
    packages: ['celery[redis]==5.7.0', 'fastapi==0.165.0', 'uvicorn[standard]==0.54.0', ...WITH],
    program: ['celery_front.py'],
    redis: true,
  },
];
