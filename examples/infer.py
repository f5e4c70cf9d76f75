"""Calls a running Batchyard with Triton's own client, unchanged: `simple`, then `quality-predictor` for four routes.

pip install numpy tritonclient[http]
python examples/infer.py [127.0.0.1:8000]
"""

import sys

import numpy as np
import tritonclient.http as triton

ROUTES = ["trace_flat", "trace_lines", "gradient_mesh", "embed_raster"]

# What models/quality-predictor/README.md lists, of some picture: few colours, sharp edges, large flat areas.
PICTURE = [0.62, 0.28, 0.31, 0.06, 0.03, 0.81, 0.05, 0.08]


def tensor(name, values, datatype):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values)
    return made


def add_and_subtract(client):
    first, second = np.arange(16, dtype=np.int32)[None], np.ones((1, 16), np.int32)
    answer = client.infer("simple", [tensor("INPUT0", first, "INT32"), tensor("INPUT1", second, "INT32")])
    print("sum       ", answer.as_numpy("OUTPUT0")[0])
    print("difference", answer.as_numpy("OUTPUT1")[0])


def compare_routes(client):
    """One request of four rows: the same picture with each route."""
    rows = np.concatenate([np.tile(PICTURE, (4, 1)), np.eye(4)], axis=1).astype(np.float32)
    qualities = client.infer("quality-predictor", [tensor("FEATURES", rows, "FP32")]).as_numpy("EXPECTED_QUALITY")
    for route, quality in zip(ROUTES, qualities[:, 0]):
        print(f"{route:14} expected quality {quality:.2f}")


def main():
    client = triton.InferenceServerClient(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8000")
    if not client.is_server_ready():
        sys.exit("the server is not ready; start it with: npm start")
    add_and_subtract(client)
    compare_routes(client)


if __name__ == "__main__":
    main()
