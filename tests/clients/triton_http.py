"""Runs the unmodified tritonclient[http] against a server: python triton_http.py HOST:PORT. Exits non-zero on any difference."""

import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

TYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_,
}


def simple(client, binary):
    first = np.arange(32, dtype=np.int32).reshape(2, 16)
    second = np.full((2, 16), 3, dtype=np.int32)
    inputs = [http.InferInput("INPUT0", [2, 16], "INT32"), http.InferInput("INPUT1", [2, 16], "INT32")]
    inputs[0].set_data_from_numpy(first, binary_data=binary)
    inputs[1].set_data_from_numpy(second, binary_data=binary)
    outputs = [http.InferRequestedOutput(name, binary_data=binary) for name in ("OUTPUT1", "OUTPUT0")]
    result = client.infer("simple", inputs, outputs=outputs, request_id="seven")
    assert result.get_response()["id"] == "seven"
    assert [output["name"] for output in result.get_response()["outputs"]] == ["OUTPUT1", "OUTPUT0"]
    assert (result.as_numpy("OUTPUT0") == first + second).all()
    assert (result.as_numpy("OUTPUT1") == first - second).all()


def values_of(datatype):
    dtype = TYPES[datatype]
    if datatype == "BOOL":
        return np.array([[True, False, True, True]], dtype=dtype)
    if datatype == "BYTES":
        return np.array([["a", "", "grün", "longer than the others"]], dtype=np.object_)
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        return np.array([[info.min, info.max, 0, 1]], dtype=dtype)
    return np.array([[0.5, -2.25, 0, 1]], dtype=dtype)


def identity(client, datatype, binary):
    values = values_of(datatype)
    tensor = http.InferInput("INPUT0", list(values.shape), datatype)
    tensor.set_data_from_numpy(values, binary_data=binary)
    outputs = [http.InferRequestedOutput("OUTPUT0", binary_data=binary)]
    got = client.infer("identity_" + datatype.lower(), [tensor], outputs=outputs).as_numpy("OUTPUT0")
    want = np.array([[text.encode() for text in values[0]]], dtype=np.object_) if datatype == "BYTES" else values
    if datatype == "BYTES" and not binary:
        got = np.array([[t if isinstance(t, bytes) else t.encode() for t in got[0]]], dtype=np.object_)
    assert got.tolist() == want.tolist(), (datatype, binary, got, want)


def main(address):
    client = http.InferenceServerClient(address)
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("simple")
    assert not client.is_model_ready("nobody")
    assert client.get_server_metadata()["name"] == "batchyard"
    metadata = client.get_model_metadata("simple")
    assert metadata["inputs"][0] == {"name": "INPUT0", "datatype": "INT32", "shape": [-1, 16]}, metadata
    for binary in (True, False):
        simple(client, binary)
        for datatype in TYPES:
            if datatype == "FP16" and not binary:
                continue
            identity(client, datatype, binary)
    pending = [client.async_infer("simple", infer_inputs(n)) for n in range(16)]
    for n, request in enumerate(pending):
        assert (request.get_result().as_numpy("OUTPUT0") == 2 * n).all()
    try:
        client.infer("nobody", infer_inputs(0))
        raise AssertionError("an unknown model answered")
    except InferenceServerException as error:
        assert "Request for unknown model: 'nobody' is not found" in error.message(), error.message()
    print("tritonclient agrees")


def infer_inputs(n):
    inputs = [http.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
    for tensor in inputs:
        tensor.set_data_from_numpy(np.full((1, 16), n, dtype=np.int32))
    return inputs


main(sys.argv[1])
