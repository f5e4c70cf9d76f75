"""Runs the unmodified tritonclient[http] against a server: python triton_http.py HOST:PORT. Exits non-zero on any difference."""

import sys

import numpy as np
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

from samples import TYPES, as_text, same, sum_and_difference, values_of

BLOCKS = [
    "success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss",
]


def tensors(arrays, binary=True):
    names = {"int32": "INT32", "object": "BYTES", "float16": "FP16"}
    made = []
    for name, array in arrays.items():
        tensor = http.InferInput(name, list(array.shape), names[array.dtype.name])
        tensor.set_data_from_numpy(array, binary_data=binary)
        made.append(tensor)
    return made


def fails(call, text):
    try:
        call()
    except InferenceServerException as error:
        assert text in error.message(), (text, error.message())
    else:
        raise AssertionError(f"did not fail with: {text}")


def simple(client, binary, **compression):
    inputs, wanted = sum_and_difference(8, 3)
    outputs = [http.InferRequestedOutput(name, binary_data=binary) for name in ("OUTPUT1", "OUTPUT0")]
    result = client.infer("simple", tensors(inputs, binary), outputs=outputs, request_id="seven", **compression)
    assert result.get_response()["id"] == "seven"
    assert result.get_response()["model_version"] == "1"
    assert [output["name"] for output in result.get_response()["outputs"]] == ["OUTPUT1", "OUTPUT0"]
    for name, array in wanted.items():
        same("INT32", result.as_numpy(name), array)


def identity(client, datatype, binary):
    values = values_of(datatype)
    tensor = http.InferInput("INPUT0", list(values.shape), datatype)
    tensor.set_data_from_numpy(values, binary_data=binary)
    outputs = [http.InferRequestedOutput("OUTPUT0", binary_data=binary)]
    result = client.infer("identity_" + datatype.lower(), [tensor], outputs=outputs)
    same(datatype, result.as_numpy("OUTPUT0"), values)


def asynchronous(client):
    pending = [(n, client.async_infer("simple", tensors(sum_and_difference(1, n)[0]))) for n in range(32)]
    for n, request in pending:
        same("INT32", request.get_result().as_numpy("OUTPUT0"), sum_and_difference(1, n)[1]["OUTPUT0"])


def classes(client):
    outputs = [http.InferRequestedOutput("OUTPUT0", class_count=2)]
    result = client.infer("simple", tensors(sum_and_difference(2, 1)[0]), outputs=outputs).as_numpy("OUTPUT0")
    assert result.shape == (2, 2), result.shape
    assert [as_text(one) for one in result.reshape(-1)] == ["17:15", "16:14", "33:15", "32:14"], result


def errors(client):
    inputs = sum_and_difference(1, 0)[0]
    fails(lambda: client.infer("nobody", tensors(inputs)), "Request for unknown model: 'nobody' is not found")
    fails(
        lambda: client.infer("simple", tensors(inputs), model_version="9"),
        "Request for unknown model: 'simple' version 9 is not found",
    )
    fails(lambda: client.infer("simple", tensors(inputs)[:1]), "expected 2 inputs but got 1 inputs for model 'simple'")
    fails(
        lambda: client.infer("simple", tensors(sum_and_difference(9, 0)[0])),
        "inference request batch-size must be <= 8 for 'simple'",
    )
    wrong = tensors({**inputs, "INPUT1": np.array([["x"] * 16], dtype=np.object_)})
    fails(lambda: client.infer("simple", wrong), "data-type is 'BYTES', but model 'simple' expects 'INT32'")
    outputs = [http.InferRequestedOutput("OUTPUT9")]
    fails(
        lambda: client.infer("simple", tensors(inputs), outputs=outputs),
        "unexpected inference output 'OUTPUT9' for model 'simple'",
    )
    fails(lambda: client.infer("simple", tensors(inputs), parameters={"triton_enable_empty_final_response": True}), "triton_")
    fails(lambda: client.get_model_metadata("nobody"), "Request for unknown model")
    fails(lambda: client.get_model_config("nobody"), "Request for unknown model")


def options(client):
    inputs, wanted = sum_and_difference(1, 5)
    given = {"priority": 1, "timeout": 20_000_000, "parameters": {"colour": "blue"}, "query_params": {"x": "1"}}
    result = client.infer("simple", tensors(inputs), model_version="1", headers={"X-Request-Id": "abc"}, **given)
    same("INT32", result.as_numpy("OUTPUT1"), wanted["OUTPUT1"])


def inquiries(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("simple") and client.is_model_ready("simple", "1")
    assert not client.is_model_ready("nobody") and not client.is_model_ready("simple", "9")
    server = client.get_server_metadata()
    assert server["name"] == "batchyard" and "statistics" in server["extensions"], server
    metadata = client.get_model_metadata("simple")
    assert metadata["inputs"][0] == {"name": "INPUT0", "datatype": "INT32", "shape": [-1, 16]}, metadata
    config = client.get_model_config("simple", "1")
    assert (config["name"], config["max_batch_size"], config["backend"]) == ("simple", 8, "onnxruntime"), config
    assert config["input"][0]["data_type"] == "TYPE_INT32" and config["input"][0]["dims"] == [16], config
    for statistics in (client.get_inference_statistics(), client.get_inference_statistics("simple", "1")):
        [own] = [one for one in statistics["model_stats"] if one["name"] == "simple"]
        assert list(own["inference_stats"]) == BLOCKS, own
        assert own["inference_stats"]["success"]["count"] > 0 and own["inference_count"] > 0, own
        assert sum(one["batch_size"] * one["compute_infer"]["count"] for one in own["batch_stats"]) == own["inference_count"]


def settings(client):
    before = client.get_log_settings()
    verbose = {"log_error": True, "log_warning": True, "log_info": True, "log_verbose_level": 1}
    assert client.update_log_settings(verbose) == {**before, **verbose}
    assert client.get_log_settings()["log_verbose_level"] == 1
    same_again = {name: before[name] for name in verbose}
    assert client.update_log_settings(same_again) == before
    assert client.get_trace_settings()["trace_level"] == ["OFF"]
    assert client.update_trace_settings("simple", {"trace_level": "OFF"})["trace_level"] == ["OFF"]
    fails(lambda: client.update_trace_settings(settings={"trace_level": "TIMESTAMPS"}), "not supported")


def shared_memory(client):
    assert client.get_system_shared_memory_status() == [] and client.get_cuda_shared_memory_status() == []
    client.unregister_system_shared_memory()
    client.unregister_cuda_shared_memory("weights")
    fails(lambda: client.register_system_shared_memory("weights", "/weights", 64), "not supported")
    fails(lambda: client.get_system_shared_memory_status("weights"), "Unable to find")


def main(address):
    client = http.InferenceServerClient(address, concurrency=8)
    for binary in (True, False):
        simple(client, binary)
        for sent in (None, "gzip", "deflate"):
            for answered in (None, "gzip", "deflate"):
                simple(client, binary, request_compression_algorithm=sent, response_compression_algorithm=answered)
        for datatype in TYPES:
            if datatype == "FP16" and not binary:
                fails(lambda: identity(client, "FP16", False), "FP16")
            else:
                identity(client, datatype, binary)
    for check in (asynchronous, classes, errors, options, inquiries, settings, shared_memory):
        check(client)
    client.close()
    print("tritonclient agrees")


main(sys.argv[1])
