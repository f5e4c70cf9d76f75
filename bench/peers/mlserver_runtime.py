"""MLServer: a runtime of its own kind with adaptive batching."""
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

from common import Model


class Infer(MLModel):
    async def load(self):
        self.model = Model()
        return True

    async def predict(self, payload):
        rows = NumpyCodec.decode_input(payload.inputs[0])
        outputs = self.model.run(rows.astype("float32"))
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output(self.model.output, outputs)]
        )
