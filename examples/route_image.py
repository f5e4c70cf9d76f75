"""An image file, then logo-router, then quality-predictor for each route, then a decision. Python alone is enough.

node examples/make-image.mjs logo.ppm
python examples/route_image.py logo.ppm [http://127.0.0.1:8000]
"""

import json
import math
import os
import struct
import sys
import urllib.request

ROUTES = ["trace_flat", "trace_lines", "gradient_mesh", "embed_raster"]
SIZE = 64
GOOD_ENOUGH = 0.5


def read_image(path):
    """Three planes of 64 rows of 64 values, 0 to 1, of a binary PPM."""
    with open(path, "rb") as file:
        data = file.read()
    head = b"P6\n64 64\n255\n"
    if not data.startswith(head) or len(data) < len(head) + 3 * SIZE * SIZE:
        sys.exit(f"{path} is no PPM (P6) of 64 x 64")
    value = lambda channel, x, y: data[len(head) + 3 * (y * SIZE + x) + channel] / 255
    return [[[value(channel, x, y) for x in range(SIZE)] for y in range(SIZE)] for channel in range(3)]


def infer(url, model, name, shape, values, output):
    """One FP32 tensor in and one out, as raw bytes behind the JSON (the protocol's binary extension)."""
    raw = struct.pack(f"<{len(values)}f", *values)
    tensor = {"name": name, "datatype": "FP32", "shape": shape, "parameters": {"binary_data_size": len(raw)}}
    wanted = {"name": output, "parameters": {"binary_data": True}}
    header = json.dumps({"inputs": [tensor], "outputs": [wanted]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(header)), "Content-Type": "application/octet-stream"}
    if "BATCHYARD_KEY" in os.environ:
        headers["Authorization"] = "Bearer " + os.environ["BATCHYARD_KEY"]
    request = urllib.request.Request(f"{url}/v2/models/{model}/infer", header + raw, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        body = answer.read()
        start = int(answer.headers["Inference-Header-Content-Length"])
    return struct.unpack(f"<{(len(body) - start) // 4}f", body[start:])


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def describe(image):
    """The eight figures of models/quality-predictor/README.md."""
    red, green, blue = image
    every = [(x, y) for y in range(SIZE) for x in range(SIZE)]
    light = [[0.299 * r + 0.587 * g + 0.114 * b for r, g, b in zip(*rows)] for rows in zip(red, green, blue)]
    average = mean(light[y][x] for x, y in every)
    slopes = [
        max(abs(light[y][x + 1] - light[y][x]), abs(light[y + 1][x] - light[y][x]))
        for y in range(SIZE - 1)
        for x in range(SIZE - 1)
    ]
    bend = lambda x, y: 4 * light[y][x] - light[y - 1][x] - light[y + 1][x] - light[y][x - 1] - light[y][x + 1]
    bins = [0] * 64
    for x, y in every:
        r, g, b = (min(3, int(plane[y][x] * 4)) for plane in image)
        bins[r * 16 + g * 4 + b] += 1
    return [
        average,
        math.sqrt(mean((light[y][x] - average) ** 2 for x, y in every)),
        mean(max(p[y][x] for p in image) - min(p[y][x] for p in image) for x, y in every),
        mean(slope > 0.1 for slope in slopes),
        mean(slopes),
        mean(slope < 0.01 for slope in slopes),
        mean(abs(bend(x, y)) for y in range(1, SIZE - 1) for x in range(1, SIZE - 1)),
        sum(count > 0.005 * SIZE * SIZE for count in bins) / 64,
    ]


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "logo.ppm"
    url = sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8000"
    image = read_image(path)
    pixels = [value for plane in image for row in plane for value in row]
    scores = infer(url, "logo-router", "IMAGE", [1, 3, SIZE, SIZE], pixels, "ROUTE_SCORES")
    # One request of four rows: the same picture with each route.
    features = describe(image)
    rows = [value for route in range(4) for value in features + [float(other == route) for other in range(4)]]
    qualities = infer(url, "quality-predictor", "FEATURES", [4, 12], rows, "EXPECTED_QUALITY")
    for route, score, quality in zip(ROUTES, scores, qualities):
        print(f"{route:14} probability {score:.2f}  expected quality {quality:.2f}")
    best = max(range(4), key=lambda route: scores[route] * qualities[route])
    print("decision:", ROUTES[best] if qualities[best] >= GOOD_ENOUGH else "ask a person")


if __name__ == "__main__":
    main()
