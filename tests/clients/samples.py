"""Values of every datatype, at the ends of their ranges, and how an answer is compared with what was sent."""

import numpy as np

TYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_,
}


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


def as_text(element):
    return element.decode() if isinstance(element, bytes) else str(element)


def same(datatype, got, want):
    """Fails unless both hold the same elements in the same shape."""
    assert list(got.shape) == list(want.shape), (datatype, got.shape, want.shape)
    if datatype == "BYTES":
        got, want = ([as_text(one) for one in array.reshape(-1)] for array in (got, want))
        assert got == want, (got, want)
    else:
        assert got.tolist() == want.tolist(), (datatype, got, want)


def sum_and_difference(rows, seed):
    """Inputs of the model `simple`, and what it makes of them."""
    first = np.arange(seed, seed + rows * 16, dtype=np.int32).reshape(rows, 16)
    second = np.full((rows, 16), seed % 7, dtype=np.int32)
    return {"INPUT0": first, "INPUT1": second}, {"OUTPUT0": first + second, "OUTPUT1": first - second}
