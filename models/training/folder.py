"""Writes a model's folder: ONNX file, sample rows for the tests, model card."""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
TYPES = {"FP32": TensorProto.FLOAT, "INT64": TensorProto.INT64}


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs, [output], name=output, **attributes)


def save(name, inputs, outputs, nodes, weights):
    """Writes <name>/1/model.onnx and returns its path. `inputs`, `outputs`: (name, datatype, shape without batch)."""
    values = lambda specs: [helper.make_tensor_value_info(n, TYPES[t], ["batch", *shape]) for n, t, shape in specs]
    constants = [numpy_helper.from_array(np.asarray(array), key) for key, array in weights.items()]
    graph = helper.make_graph(nodes, name, values(inputs), values(outputs), constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model.producer_name = "batchyard"
    onnx.checker.check_model(model, full_check=True)
    path = REPOSITORY / name / "1" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def run(path, feeds, batch=256):
    """The first output of the exported file, so that what is measured is what is shipped."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    count = len(next(iter(feeds.values())))
    parts = [
        session.run(None, {key: values[start : start + batch] for key, values in feeds.items()})[0]
        for start in range(0, count, batch)
    ]
    return np.concatenate(parts)


def save_samples(name, rows):
    """`rows`: (inputs, outputs), each {tensor: {"shape", "data" or "pixels"}} of one row without its batch axis."""
    text = json.dumps({"samples": [{"inputs": i, "outputs": o} for i, o in rows]}, indent=1)
    (REPOSITORY / name / "samples.json").write_text(text + "\n")


def listed(array):
    array = np.asarray(array)
    values = array.ravel().tolist()
    return {"shape": list(array.shape), "data": [float(f"{v:.7g}") if isinstance(v, float) else v for v in values]}


def save_card(name, text):
    (REPOSITORY / name / "README.md").write_text(text.strip() + "\n\n" + MADE_BY.strip() + "\n")


MADE_BY = """
## Licence and origin
MIT, like the project. All data was made by the training script from fixed seeds; nothing was collected, so the figures
above say how well the model does on such data and not how well it does on anybody's real files.

To make it again (Python 3.11, about ten minutes on two cores; on the same machine two trainings gave the same bytes, another processor may
round differently):

```sh
python -m venv .cache/training && .cache/training/bin/pip install -r models/training/requirements.txt
.cache/training/bin/python models/training/train.py
```
"""
