"""BentoML."""
import bentoml
import numpy

from common import MAX_BATCH, ROUTE, Model, answer_of, row_of


@bentoml.service(workers=1, traffic={"timeout": 60})
class Infer:
    def __init__(self):
        self.model = Model()

    # What can be batched answers a list as long as the one that it is given.
    @bentoml.api(batchable=True, max_batch_size=MAX_BATCH, max_latency_ms=2_000, route=ROUTE)
    def infer(self, inputs: list[dict]) -> list[dict]:
        rows = self.model.run(numpy.concatenate([row_of({"inputs": [tensor]}) for tensor in inputs]))
        return [answer_of(self.model.output, row) for row in rows]
