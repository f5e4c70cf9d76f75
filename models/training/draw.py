"""Shapes and paints on a 128 x 128 canvas, which is averaged down to 64 x 64 so that edges are smooth.

A mask is a float array [128, 128] from 0 to 1; a paint is an array that broadcasts to [128, 128, 3], RGB from 0 to 1.
"""

import numpy as np

SIZE = 128
Y, X = np.meshgrid(np.linspace(-1, 1, SIZE), np.linspace(-1, 1, SIZE), indexing="ij")


def random_colour(rng):
    return rng.uniform(0, 1, 3)


def rotated(rng):
    """Coordinates around a random centre, at a random angle."""
    cx, cy = rng.uniform(-0.45, 0.45, 2)
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.cos(angle), np.sin(angle)
    return (X - cx) * c + (Y - cy) * s, (Y - cy) * c - (X - cx) * s


def blob(rng):
    """A filled shape: an ellipse, a rectangle, a polygon or a star."""
    u, v = rotated(rng)
    a, b = rng.uniform(0.2, 0.6, 2)
    kind = rng.integers(4)
    if kind == 0:
        return ((u / a) ** 2 + (v / b) ** 2 < 1).astype(float)
    if kind == 1:
        return ((np.abs(u) < a) & (np.abs(v) < b)).astype(float)
    corners = rng.integers(3, 8)
    angle, radius = np.arctan2(v, u), np.hypot(u, v)
    if kind == 2:
        side = np.pi / corners
        return (radius * np.cos((angle % (2 * side)) - side) < a).astype(float)
    return (radius < a * (0.65 + 0.35 * np.cos(corners * angle))).astype(float)


def stroke(rng, width):
    """A thin line: a segment, a circle, a wave. `width` is in canvas units (1 is half the canvas)."""
    u, v = rotated(rng)
    length = rng.uniform(0.3, 0.8)
    kind = rng.integers(3)
    if kind == 0:
        distance = np.hypot(np.maximum(np.abs(u) - length, 0), v)
    elif kind == 1:
        distance = np.abs(np.hypot(u, v * rng.uniform(0.7, 1.5)) - length * 0.8)
    else:
        wave = rng.uniform(0.1, 0.3) * np.sin(rng.uniform(3, 8) * u)
        distance = np.maximum(np.abs(v - wave), np.abs(u) - length)
    return (distance < width).astype(float)


def gradient(rng):
    """A smooth paint between two clearly different colours, along a line or around a point."""
    first, second = random_colour(rng), random_colour(rng)
    while np.abs(first - second).max() < 0.45:
        second = random_colour(rng)
    u, v = rotated(rng)
    t = u / rng.uniform(0.8, 2) / 2 + 0.5 if rng.random() < 0.5 else np.hypot(u, v) / rng.uniform(0.8, 1.8)
    return first + (second - first) * np.clip(t, 0, 1)[..., None]


def texture(rng):
    """A paint like a photograph's: noise of several sizes, larger ones stronger, between three colours."""
    total = np.zeros((SIZE, SIZE, 3))
    roughness = rng.uniform(0.5, 0.85)
    for octave in range(1, 7):
        cells = 2**octave
        shared = rng.normal(size=(cells, cells, 1)) + 0.4 * rng.normal(size=(cells, cells, 3))
        total += roughness**octave * stretch(shared)
    total = total / total.std() * rng.uniform(0.08, 0.25)
    return np.clip(random_colour(rng) * 0.6 + 0.2 + total, 0, 1)


def stretch(cells):
    """Bilinear enlargement of [n, n, c] to the canvas."""
    n = cells.shape[0]
    at = np.linspace(0, n - 1, SIZE)
    low = np.minimum(at.astype(int), n - 2)
    part = (at - low)[:, None, None]
    rows = cells[low] * (1 - part) + cells[low + 1] * part
    part = part.transpose(1, 0, 2)
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part


def paint(canvas, mask, colour):
    return canvas + (colour - canvas) * mask[..., None]


def finish(rng, canvas):
    """To [3, 64, 64] FP32: averaged down, a little noise and blur as of a bad copy, rounded to 8 bits."""
    image = canvas.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    if rng.random() < 0.3:
        image = (image + np.roll(image, 1, 0) + np.roll(image, 1, 1) + np.roll(image, -1, 0) + np.roll(image, -1, 1)) / 5
    image = image + rng.normal(size=image.shape) * rng.uniform(0, 0.03)
    pixels = np.clip(np.rint(image * 255), 0, 255)
    return (pixels / 255).astype(np.float32).transpose(2, 0, 1)
