"""LitServe."""
import litserve
import numpy

from common import MAX_BATCH, MAX_WAIT_S, PORT, ROUTE, Model, answer_of, row_of


class Infer(litserve.LitAPI):
    def setup(self, device):
        self.model = Model()

    def decode_request(self, request):
        return row_of(request)

    def batch(self, inputs):
        return numpy.concatenate(inputs)

    def predict(self, rows):
        return self.model.run(rows)

    def unbatch(self, outputs):
        return list(outputs)

    def encode_response(self, row):
        return answer_of(self.model.output, row)


if __name__ == "__main__":
    api = Infer(max_batch_size=MAX_BATCH, batch_timeout=MAX_WAIT_S, api_path=ROUTE)
    litserve.LitServer(api, accelerator="cpu", workers_per_device=1).run(
        host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning"
    )
