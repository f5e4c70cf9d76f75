"""Runs the unmodified tritonclient[grpc] against a server: python triton_grpc.py HOST:PORT. Exits non-zero on any difference."""

import asyncio
import queue
import sys

import numpy as np
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as grpc_aio
from tritonclient.utils import InferenceServerException

from samples import TYPES, same, values_of


def identity(client, datatype):
    values = values_of(datatype)
    tensor = grpc.InferInput("INPUT0", list(values.shape), datatype)
    tensor.set_data_from_numpy(values)
    outputs = [grpc.InferRequestedOutput("OUTPUT0")]
    got = client.infer("identity_" + datatype.lower(), [tensor], outputs=outputs).as_numpy("OUTPUT0")
    same(datatype, got, values)


def infer_inputs(n, module=grpc):
    inputs = [module.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
    for tensor in inputs:
        tensor.set_data_from_numpy(np.full((1, 16), n, dtype=np.int32))
    return inputs


def about_the_server(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("simple")
    assert client.get_server_metadata().name == "batchyard"
    metadata = client.get_model_metadata("simple", as_json=True)
    assert metadata["inputs"][0] == {"name": "INPUT0", "datatype": "INT32", "shape": ["-1", "16"]}, metadata
    config = client.get_model_config("simple").config
    assert config.max_batch_size > 0 and config.input[0].name == "INPUT0" and list(config.input[0].dims) == [16], config
    assert config.backend == "onnxruntime" and config.HasField("dynamic_batching"), config
    lines = {line.name: line.state for line in client.get_model_repository_index().models}
    assert lines["simple"] == "READY", lines
    refused = error_of(lambda: client.load_model("simple"))
    assert refused.message() == "explicit model load / unload is not allowed if polling is enabled", refused
    assert list(client.get_trace_settings().settings["trace_level"].value) == ["OFF"]
    assert client.get_log_settings().settings["log_error"].bool_param
    verbose = client.update_log_settings({"log_verbose_level": 0, "log_info": False})
    assert not verbose.settings["log_info"].bool_param, verbose
    assert len(client.get_system_shared_memory_status().regions) == 0
    client.unregister_system_shared_memory()


def answers(client):
    result = client.infer("simple", infer_inputs(4), request_id="seven", priority=2, timeout=20_000_000)
    assert result.get_response().id == "seven"
    assert (result.as_numpy("OUTPUT0") == 8).all() and (result.as_numpy("OUTPUT1") == 0).all()
    for compression in ("gzip", "deflate"):
        packed = client.infer("simple", infer_inputs(5), compression_algorithm=compression)
        assert (packed.as_numpy("OUTPUT0") == 10).all()
    for datatype in TYPES:
        identity(client, datatype)
    best = [grpc.InferRequestedOutput("OUTPUT0", class_count=2)]
    tensor = grpc.InferInput("INPUT0", [1, 3], "FP32")
    tensor.set_data_from_numpy(np.array([[0.5, 3, 1]], dtype=np.float32))
    classes = client.infer("identity_fp32", [tensor], outputs=best).as_numpy("OUTPUT0")
    assert [text.decode() for text in classes[0]] == ["3.000000:1", "1.000000:2"], classes


def counted(client):
    statistics = client.get_inference_statistics("simple").model_stats[0]
    assert statistics.name == "simple" and statistics.inference_stats.success.count >= 3, statistics
    assert statistics.inference_count >= 3 and len(statistics.batch_stats) >= 1, statistics
    assert len(client.get_inference_statistics().model_stats) > 10


def asynchronously(client):
    done = queue.Queue()
    for n in range(16):
        client.async_infer("simple", infer_inputs(n), lambda result, error: done.put((result, error)), request_id=str(n))
    for _ in range(16):
        result, error = done.get(timeout=20)
        assert error is None, error
        assert (result.as_numpy("OUTPUT0") == 2 * int(result.get_response().id)).all()


def streaming(address):
    with grpc.InferenceServerClient(address) as client:
        done = queue.Queue()
        client.start_stream(lambda result, error: done.put((result, error)))
        for n in range(20):
            model = "nobody" if n == 7 else "simple"
            client.async_stream_infer(model, infer_inputs(n), request_id=str(n), enable_empty_final_response=n % 2 == 0)
        for n in range(20):
            result, error = done.get(timeout=20)
            if n == 7:
                assert "unknown model" in error.message(), error
                continue
            assert error is None and result.get_response().id == str(n), (n, error)
            assert (result.as_numpy("OUTPUT0") == 2 * n).all()
            assert result.get_response().parameters["triton_final_response"].bool_param
        client.stop_stream()


def error_of(work):
    try:
        work()
    except InferenceServerException as error:
        return error
    raise AssertionError("it should have failed")


def errors(client):
    unknown = error_of(lambda: client.infer("nobody", infer_inputs(0)))
    assert unknown.status() == "StatusCode.NOT_FOUND", unknown.status()
    assert unknown.message() == "Request for unknown model: 'nobody' is not found", unknown.message()
    few = error_of(lambda: client.infer("simple", infer_inputs(0)[:1]))
    assert few.status() == "StatusCode.INVALID_ARGUMENT" and "expected 2 inputs but got 1" in few.message(), few
    # The client says the one, a gateway that knows how long a run takes the other, at once.
    late = error_of(lambda: client.infer("slower", [slow_input()], client_timeout=0.005))
    assert late.status() in ("StatusCode.DEADLINE_EXCEEDED", "StatusCode.UNAVAILABLE", None), late


def slow_input():
    tensor = grpc.InferInput("INPUT0", [1, 4], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 4), dtype=np.float32))
    return tensor


async def with_asyncio(address):
    async with grpc_aio.InferenceServerClient(address) as client:
        assert await client.is_server_ready()
        results = await asyncio.gather(*(client.infer("simple", infer_inputs(n, grpc_aio)) for n in range(8)))
        for n, result in enumerate(results):
            assert (result.as_numpy("OUTPUT0") == 2 * n).all()


def main(address):
    with grpc.InferenceServerClient(address) as client:
        about_the_server(client)
        answers(client)
        counted(client)
        asynchronously(client)
        errors(client)
    streaming(address)
    asyncio.run(with_asyncio(address))
    print("tritonclient agrees over gRPC")


main(sys.argv[1])
