"""What all peers share: the model in one onnxruntime session with one thread, and the protocol's request and answer."""
import os

import numpy
import onnxruntime

MODEL = os.environ["PEER_MODEL"]
ROUTE = f"/v2/models/{MODEL}/infer"
PORT = int(os.environ["PEER_PORT"])
# As many rows as a batch of Batchyard's may have, and the wait for them that each system's own documents begin with.
MAX_BATCH = int(os.environ["PEER_MAX_BATCH"])
MAX_WAIT_S = 0.005


class Model:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            os.environ["PEER_FILE"], options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self.output = self._session.get_outputs()[0].name

    def run(self, rows):
        """(N, ...) FP32 -> (N, outputs) FP32"""
        return self._session.run(None, {self._input: rows})[0]


def row_of(request):
    """The one row of a request: (1, ...) FP32."""
    tensor = request["inputs"][0]
    return numpy.asarray(tensor["data"], dtype=numpy.float32).reshape(tensor["shape"])


def answer_of(name, row):
    """One row of outputs as the protocol answers it."""
    output = {"name": name, "datatype": "FP32", "shape": [1, row.shape[-1]], "data": row.ravel().tolist()}
    return {"model_name": MODEL, "outputs": [output]}
