"""pytriton: Triton's server, whose model is a Python function."""
import json
import os
import sysconfig

import numpy
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from common import MAX_BATCH, MAX_WAIT_S, MODEL, PORT, Model

# Triton's backend loads a libpython; one of another release than this interpreter's modules does not start.
libraries = [sysconfig.get_config_var("LIBDIR"), os.environ.get("LD_LIBRARY_PATH", "")]
os.environ["LD_LIBRARY_PATH"] = ":".join(filter(None, libraries))
model = Model()
SHAPE = tuple(json.loads(os.environ["PEER_SHAPE"]))


@batch
def infer(INPUT):
    return [model.run(INPUT)]


config = TritonConfig(
    http_address="127.0.0.1", http_port=PORT, grpc_port=PORT + 1, metrics_port=PORT + 2, log_verbose=0
)
with Triton(config=config) as triton:
    triton.bind(
        model_name=MODEL,
        infer_func=infer,
        inputs=[Tensor(name="INPUT", dtype=numpy.float32, shape=SHAPE)],
        outputs=[Tensor(name=model.output, dtype=numpy.float32, shape=(-1,))],
        config=ModelConfig(
            max_batch_size=MAX_BATCH,
            batcher=DynamicBatcher(max_queue_delay_microseconds=round(1e6 * MAX_WAIT_S)),
        ),
    )
    triton.serve()
