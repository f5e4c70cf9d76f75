"""Synthetic logos of four kinds, one for each way to turn an image into vectors. No real logo is in the data."""

import numpy as np

import draw

ROUTES = ["trace_flat", "trace_lines", "gradient_mesh", "embed_raster"]


def flat(rng, canvas, count):
    for _ in range(count):
        canvas = draw.paint(canvas, draw.blob(rng), draw.random_colour(rng))
    return canvas


def lines(rng, canvas, count):
    ink, width = draw.random_colour(rng) * 0.5, rng.uniform(0.012, 0.05)
    if canvas.mean() < 0.5:
        ink = 1 - ink
    for _ in range(count):
        canvas = draw.paint(canvas, draw.stroke(rng, width), ink)
    return canvas


def gradients(rng, canvas, count):
    for _ in range(count):
        canvas = draw.paint(canvas, draw.blob(rng), draw.gradient(rng))
    return canvas


def textures(rng, canvas, count):
    for _ in range(count):
        canvas = draw.paint(canvas, draw.blob(rng), draw.texture(rng))
    return canvas


def background(rng, route):
    plain = np.broadcast_to(draw.random_colour(rng), (draw.SIZE, draw.SIZE, 3))
    if route == 1:
        return np.full((draw.SIZE, draw.SIZE, 3), rng.choice([1.0, 0.95, 0.05])) if rng.random() < 0.8 else plain
    if route == 2 and rng.random() < 0.5:
        return draw.gradient(rng)
    if route == 3 and rng.random() < 0.7:
        return draw.texture(rng)
    return plain if rng.random() < 0.5 else np.ones((draw.SIZE, draw.SIZE, 3))


PAINTERS = [(flat, 2, 6), (lines, 3, 9), (gradients, 2, 5), (textures, 2, 5)]


def logo(rng, route):
    """One image [3, 64, 64] of the kind `route`. A quarter of them carry one element of another kind."""
    canvas = background(rng, route)
    if rng.random() < 0.25:
        stranger = PAINTERS[(route + rng.integers(1, 4)) % 4][0]
        canvas = stranger(rng, canvas, 1)
    painter, low, high = PAINTERS[route]
    return draw.finish(rng, painter(rng, canvas, rng.integers(low, high)))


def dataset(seed, count):
    """Images FP32 [count, 3, 64, 64] from 0 to 1, and their routes [count], evenly mixed."""
    rng = np.random.default_rng(seed)
    routes = np.arange(count) % len(ROUTES)
    return np.stack([logo(rng, route) for route in routes]), routes
