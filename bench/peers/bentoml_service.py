"""BentoML."""
import bentoml
import numpy

from common import MAX_BATCH, ROUTE, Model, answer_of, row_of


@bentoml.service(workers=1, traffic={"timeout": 60})
class Infer:
    def __init__(self):
        self.model = Model()

    @bentoml.api(batchable=True, max_batch_size=MAX_BATCH, max_latency_ms=2_000)
    def batched(self, tensors: list[dict]) -> list[dict]:
        rows = self.model.run(numpy.concatenate([row_of({"inputs": [tensor]}) for tensor in tensors]))
        return [answer_of(self.model.output, row) for row in rows]


@bentoml.service(workers=1, traffic={"timeout": 60})
class Front:
    infer_service = bentoml.depends(Infer)

    @bentoml.api(route=ROUTE)
    async def infer(self, inputs: list[dict]) -> dict:
        return (await self.infer_service.to_async.batched(inputs))[0]
