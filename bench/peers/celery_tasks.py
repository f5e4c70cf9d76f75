"""Celery on Redis: the worker."""
import os

from celery import Celery

from common import Model, answer_of, row_of

app = Celery("peer", broker=os.environ["PEER_REDIS"], backend=os.environ["PEER_REDIS"])
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1, result_expires=60)
_model = None


@app.task
def infer(request):
    global _model
    if _model is None:
        _model = Model()
    return answer_of(_model.output, _model.run(row_of(request))[0])
