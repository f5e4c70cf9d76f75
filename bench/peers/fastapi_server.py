"""FastAPI with onnxruntime in its process, without batches: what is written first."""
import uvicorn
from fastapi import FastAPI, Request

from common import PORT, ROUTE, Model, answer_of, row_of

app = FastAPI()
model = Model()


@app.post(ROUTE)
async def infer(request: Request):
    return answer_of(model.output, model.run(row_of(await request.json()))[0])


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
