"""Runs the unmodified tritonclient[http].aio against a server: python triton_aio.py HOST:PORT. Exits non-zero on any difference."""

import asyncio
import sys

import tritonclient.http.aio as http
from tritonclient.utils import InferenceServerException

from samples import TYPES, same, sum_and_difference, values_of


def tensors(arrays, datatype, binary):
    made = []
    for name, array in arrays.items():
        tensor = http.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, binary_data=binary)
        made.append(tensor)
    return made


async def identity(client, datatype, binary):
    values = values_of(datatype)
    outputs = [http.InferRequestedOutput("OUTPUT0", binary_data=binary)]
    inputs = tensors({"INPUT0": values}, datatype, binary)
    result = await client.infer("identity_" + datatype.lower(), inputs, outputs=outputs)
    same(datatype, result.as_numpy("OUTPUT0"), values)


async def simple(client, seed, **compression):
    inputs, wanted = sum_and_difference(8, seed)
    result = await client.infer("simple", tensors(inputs, "INT32", True), **compression)
    for name, array in wanted.items():
        same("INT32", result.as_numpy(name), array)


async def fails(call, text):
    try:
        await call
    except InferenceServerException as error:
        assert text in error.message(), (text, error.message())
    else:
        raise AssertionError(f"did not fail with: {text}")


async def main(address):
    async with http.InferenceServerClient(address) as client:
        assert await client.is_server_live() and await client.is_server_ready()
        assert await client.is_model_ready("simple") and not await client.is_model_ready("nobody")
        assert (await client.get_server_metadata())["name"] == "batchyard"
        assert (await client.get_model_metadata("simple"))["versions"] == ["1"]
        for binary in (True, False):
            await asyncio.gather(
                *(identity(client, datatype, binary) for datatype in TYPES if binary or datatype != "FP16")
            )
        for sent in (None, "gzip", "deflate"):
            for answered in (None, "gzip", "deflate"):
                await simple(
                    client, 1, request_compression_algorithm=sent, response_compression_algorithm=answered
                )
        await asyncio.gather(*(simple(client, seed) for seed in range(32)))
        inputs = tensors(sum_and_difference(1, 0)[0], "INT32", True)
        # It reads errors and metadata without inflating them, whatever it has asked for.
        await fails(client.infer("nobody", inputs, response_compression_algorithm="gzip"), "Request for unknown model")
        await fails(client.infer("simple", inputs[:1]), "expected 2 inputs but got 1 inputs")
        assert (await client.get_model_config("simple"))["max_batch_size"] == 8
        statistics = await client.get_inference_statistics("simple")
        assert statistics["model_stats"][0]["inference_stats"]["success"]["count"] > 32
        assert (await client.get_log_settings())["log_file"] == ""
        assert (await client.get_trace_settings("simple"))["trace_level"] == ["OFF"]
        assert await client.get_system_shared_memory_status() == []
    print("tritonclient aio agrees")


asyncio.run(main(sys.argv[1]))
