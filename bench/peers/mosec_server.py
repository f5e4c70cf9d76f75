"""mosec: a front in Rust, workers in Python."""
import numpy
from mosec import Server, Worker

from common import MAX_BATCH, MAX_WAIT_S, ROUTE, Model, answer_of, row_of


class Infer(Worker):
    def __init__(self):
        super().__init__()
        self.model = Model()

    def forward(self, data):
        rows = self.model.run(numpy.concatenate([row_of(request) for request in data]))
        return [answer_of(self.model.output, row) for row in rows]


if __name__ == "__main__":
    server = Server()
    server.append_worker(
        Infer, num=1, max_batch_size=MAX_BATCH, max_wait_time=round(1000 * MAX_WAIT_S), route=ROUTE
    )
    server.run()
