"""What quality-predictor is told about an image, and how good each route would have come out on it."""

import numpy as np

FEATURES = [
    "mean luminance",
    "standard deviation of luminance",
    "mean saturation (largest minus smallest channel)",
    "share of pixels on an edge (gradient above 0.1)",
    "mean gradient",
    "share of flat pixels (gradient below 0.01)",
    "mean absolute Laplacian",
    "share of the 64 colour bins (4 x 4 x 4) that hold over 0.5 % of the pixels",
]


def describe(images):
    """FP32 [n, 8] of images FP32 [n, 3, 64, 64]. Gradients are differences to the right and lower neighbour."""
    light = np.tensordot([0.299, 0.587, 0.114], images, axes=(0, 1))
    right = np.abs(light[:, :-1, 1:] - light[:, :-1, :-1])
    below = np.abs(light[:, 1:, :-1] - light[:, :-1, :-1])
    slope = np.maximum(right, below)
    centre = light[:, 1:-1, 1:-1] * 4
    ring = light[:, :-2, 1:-1] + light[:, 2:, 1:-1] + light[:, 1:-1, :-2] + light[:, 1:-1, 2:]
    flat = lambda values: values.reshape(len(images), -1).mean(axis=1)
    return np.stack(
        [
            flat(light),
            light.reshape(len(images), -1).std(axis=1),
            flat(images.max(axis=1) - images.min(axis=1)),
            flat(slope > 0.1),
            flat(slope),
            flat(slope < 0.01),
            flat(np.abs(centre - ring)),
            np.array([colour_share(image) for image in images]),
        ],
        axis=1,
    ).astype(np.float32)


def colour_share(image):
    red, green, blue = np.minimum((image * 4).astype(int), 3).reshape(3, -1)
    counts = np.bincount(red * 16 + green * 4 + blue, minlength=64)
    return (counts > 0.005 * counts.sum()).sum() / 64


def route_quality(image):
    """FP32 [4]: 1 - 5 times the RMSE of what a simple stand-in for each route makes of [3, 64, 64], cut to 0..1."""
    results = [quantised(image, 4), quantised(image, 2), mesh(image), thumbnail(image)]
    errors = [np.sqrt(np.mean((image - result) ** 2)) for result in results]
    return np.clip(1 - 5 * np.array(errors, np.float32), 0, 1)


def quantised(image, colours):
    """Tracing with that many flat colours: k-means that starts from evenly spaced luminances."""
    pixels = image.reshape(3, -1).T
    order = np.argsort(pixels.sum(axis=1))
    palette = pixels[order[np.linspace(0, len(pixels) - 1, colours).astype(int)]]
    for _ in range(8):
        nearest = ((pixels[:, None] - palette) ** 2).sum(axis=2).argmin(axis=1)
        palette = np.stack([pixels[nearest == k].mean(axis=0) if (nearest == k).any() else palette[k] for k in range(colours)])
    return palette[nearest].T.reshape(image.shape)


def mesh(image):
    """A mesh of 16 x 16 colour nodes, blended linearly between them."""
    nodes = image.reshape(3, 16, 4, 16, 4).mean(axis=(2, 4))
    at = np.clip((np.arange(64) - 1.5) / 4, 0, 15)
    low = np.minimum(at.astype(int), 14)
    part = at - low
    rows = nodes[:, low] * (1 - part)[None, :, None] + nodes[:, low + 1] * part[None, :, None]
    return rows[:, :, low] * (1 - part) + rows[:, :, low + 1] * part


def thumbnail(image):
    """An embedded raster of half the size with 16 levels a channel."""
    small = np.rint(image.reshape(3, 32, 2, 32, 2).mean(axis=(2, 4)) * 15) / 15
    return small.repeat(2, axis=1).repeat(2, axis=2)
