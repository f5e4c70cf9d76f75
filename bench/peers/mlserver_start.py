"""Writes MLServer's two files of settings and becomes it."""
import json
import os
import sys
import tempfile

from common import MAX_BATCH, MAX_WAIT_S, MODEL, PORT

folder = tempfile.mkdtemp(prefix="batchyard-mlserver-")
settings = {
    "host": "127.0.0.1",
    "http_port": PORT,
    "grpc_port": PORT + 1,
    "metrics_port": PORT + 2,
    "parallel_workers": 1,
    "debug": False,
}
model = {
    "name": MODEL,
    "implementation": "mlserver_runtime.Infer",
    "max_batch_size": MAX_BATCH,
    "max_batch_time": MAX_WAIT_S,
}
for name, content in (("settings.json", settings), ("model-settings.json", model)):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(content, file)
here = os.path.dirname(os.path.abspath(__file__))
start = "from mlserver.cli import main; main()"
os.execve(sys.executable, [sys.executable, "-c", start, "start", folder], {**os.environ, "PYTHONPATH": here})
