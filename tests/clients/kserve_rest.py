"""Runs the unmodified InferenceRESTClient of kserve: python kserve_rest.py URL. Exits non-zero on any difference."""

import asyncio
import sys

import httpx
from kserve import InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from kserve.protocol.infer_type import RequestedOutput

from samples import TYPES, same, sum_and_difference, values_of


def request(model, arrays, datatype, binary, **more):
    inputs = []
    for name, array in arrays.items():
        tensor = InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, binary_data=binary)
        inputs.append(tensor)
    return InferRequest(model, inputs, **more)


async def identity(client, url, datatype, binary):
    values = values_of(datatype)
    model = "identity_" + datatype.lower()
    outputs = [RequestedOutput("OUTPUT0", {"binary_data": binary})]
    asked = request(model, {"INPUT0": values}, datatype, binary, request_outputs=outputs)
    result = await client.infer(url, asked, model)
    same(datatype, result.get_output_by_name("OUTPUT0").as_numpy(), values)


async def fails(call, text):
    try:
        await call
    except httpx.HTTPStatusError as error:
        assert text in str(error), (text, str(error))
    else:
        raise AssertionError(f"did not fail with: {text}")


async def main(url):
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=1))
    assert await client.is_server_live(url) is True
    assert await client.is_server_ready(url) is True
    assert await client.is_model_ready(url, "simple") is True
    assert await client.is_model_ready(url, "nobody") is False
    inputs, wanted = sum_and_difference(8, 3)
    for binary in (True, False):
        asked = request("simple", inputs, "INT32", binary, request_id="seven", parameters={"binary_data_output": binary})
        result = await client.infer(url, asked, "simple")
        assert (result.id, result.model_name) == ("seven", "simple"), result
        for name, array in wanted.items():
            same("INT32", result.get_output_by_name(name).as_numpy(), array)
        for datatype in TYPES:
            if binary or datatype != "FP16":
                await identity(client, url, datatype, binary)
    alone = request("simple", {"INPUT0": inputs["INPUT0"]}, "INT32", False)
    await fails(client.infer(url, alone, "simple"), "expected 2 inputs but got 1 inputs for model 'simple'")
    await fails(client.infer(url, alone, "nobody"), "Request for unknown model: 'nobody' is not found")
    await client.close()
    print("kserve agrees")


asyncio.run(main(sys.argv[1]))
