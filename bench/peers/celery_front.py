"""Celery on Redis: the server, whose threads wait for results, and the worker beside it."""
import subprocess
import sys

import uvicorn
from fastapi import FastAPI

from celery_tasks import infer as task
from common import PORT, ROUTE

app = FastAPI()


@app.post(ROUTE)
def infer(request: dict):
    return task.delay(request).get(timeout=60)


if __name__ == "__main__":
    worker = ["-m", "celery", "-A", "celery_tasks", "worker", "-c", "1", "-l", "warning"]
    subprocess.Popen([sys.executable, *worker])
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
