"""quality-predictor: eight figures of an image and a route -> how well that route would come out."""

import jax
import jax.numpy as jnp
import numpy as np

import features
import folder
import learn
import logos

NAME = "quality-predictor"
TRAIN, HELD_OUT = 6_000, 2_000
WIDTHS = [12, 64, 32, 1]


def dataset(seed, count):
    """Rows [4 * count, 12] (eight features, route as one of four) and qualities [4 * count]: each image with each route."""
    images, _ = logos.dataset(seed, count)
    figures = np.repeat(features.describe(images), 4, axis=0)
    routes = np.tile(np.eye(4, dtype=np.float32), (count, 1))
    qualities = np.concatenate([features.route_quality(image) for image in images])
    return np.concatenate([figures, routes], axis=1), qualities


def new_params(rng):
    return [(learn.glorot(rng, o, i), learn.zeros(o)) for i, o in zip(WIDTHS, WIDTHS[1:])]


def predict(params, rows):
    for matrix, bias in params[:-1]:
        rows = jax.nn.relu(rows @ matrix.T + bias)
    matrix, bias = params[-1]
    return jax.nn.sigmoid(rows @ matrix.T + bias)


def loss(params, rows, qualities):
    return jnp.mean((predict(params, rows)[:, 0] - qualities) ** 2)


def export(params, mean, scale):
    nodes = [folder.node("Sub", ["FEATURES", "mean"], "centred"), folder.node("Div", ["centred", "scale"], "x0")]
    weights = {"mean": mean, "scale": scale}
    last = len(params) - 1
    for i, (matrix, bias) in enumerate(params):
        weights |= {f"matrix{i}": matrix, f"bias{i}": bias}
        nodes.append(folder.node("Gemm", [f"x{i}", f"matrix{i}", f"bias{i}"], f"sum{i}", transB=1))
        nodes.append(folder.node("Relu" if i < last else "Sigmoid", [f"sum{i}"], f"x{i + 1}" if i < last else "EXPECTED_QUALITY"))
    return folder.save(NAME, [("FEATURES", "FP32", [12])], [("EXPECTED_QUALITY", "FP32", [1])], nodes, weights)


def train():
    rows, qualities = dataset(seed=21, count=TRAIN)
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    params = learn.fit(loss, new_params(np.random.default_rng(22)), ((rows - mean) / scale, qualities), seed=23, epochs=40, batch=128)
    path = export(params, mean, scale)
    held_rows, held = dataset(seed=24, count=HELD_OUT)
    predicted = folder.run(path, {"FEATURES": held_rows})[:, 0]
    expected = np.asarray(predict(params, (held_rows[:8] - mean) / scale))
    folder.save_samples(
        NAME,
        [({"FEATURES": folder.listed(row)}, {"EXPECTED_QUALITY": folder.listed(value)}) for row, value in zip(held_rows[:8], expected)],
    )
    folder.save_card(NAME, card(predicted, held))


def card(predicted, truth):
    errors = np.abs(predicted - truth)
    explained = 1 - np.sum((predicted - truth) ** 2) / np.sum((truth - truth.mean()) ** 2)
    best = (predicted.reshape(-1, 4).argmax(axis=1) == truth.reshape(-1, 4).argmax(axis=1)).mean()
    listed = "\n".join(f"| {i} | {text} |" for i, text in enumerate(features.FEATURES))
    return f"""
# quality-predictor
Says how good the result of a vectorisation route will be, from eight figures of the image, before anything is traced.

| tensor | datatype | shape of a row | meaning |
| --- | --- | --- | --- |
| `FEATURES` (in) | FP32 | 12 | see below |
| `EXPECTED_QUALITY` (out) | FP32 | 1 | 0 (unusable) to 1 (the same picture) |

| feature | of the 64 x 64 RGB image, values 0 to 1 |
| --- | --- |
{listed}
| 8 to 11 | the route, 1 for the one asked about and 0 for the others: {", ".join(logos.ROUTES)} |

- Network: 12 -> 64 -> 32 -> 1, rectified, sigmoid at the end; the features are centred and scaled inside.
- Data: synthetic, {TRAIN:,} drawn images to train and {HELD_OUT:,} others to measure, each with all four routes. The quality to learn is
  measured: 1 - 5 x RMSE between the image and what a simple stand-in for the route makes of it (4 colours, 2 colours, a mesh of 16 x 16 nodes, a half-size raster).

## Accuracy on the held-out images
Mean absolute error {errors.mean():.3f}, 95 % of the errors below {np.quantile(errors, 0.95):.3f}, R² {explained:.3f}; the truth has a standard deviation of {truth.std():.3f}.
The best of the four routes is named right for {best:.1%} of the images.
"""
