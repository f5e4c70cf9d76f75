"""logo-router: a small convolutional network, image -> which vectorisation route."""

import base64

import jax
import jax.numpy as jnp
import numpy as np

import folder
import learn
import logos

NAME = "logo-router"
TRAIN, HELD_OUT = 16_000, 4_000
CHANNELS = [3, 16, 24, 48]


def new_params(rng):
    kernels = [learn.glorot(rng, o, i, 3, 3) for i, o in zip(CHANNELS, CHANNELS[1:])]
    biases = [learn.zeros(o) for o in CHANNELS[1:]]
    return {"kernels": kernels, "biases": biases, "out": learn.glorot(rng, len(logos.ROUTES), CHANNELS[-1]), "shift": learn.zeros(len(logos.ROUTES))}


def logits(params, images):
    x = images - 0.5
    for kernel, bias in zip(params["kernels"], params["biases"]):
        x = jax.lax.conv_general_dilated(x, kernel, (2, 2), [(1, 1), (1, 1)], dimension_numbers=("NCHW", "OIHW", "NCHW"))
        x = jax.nn.relu(x + bias[None, :, None, None])
    return x.mean(axis=(2, 3)) @ params["out"].T + params["shift"]


def loss(params, images, routes):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits(params, images)), routes[:, None], axis=1))


def export(params):
    nodes = [folder.node("Sub", ["IMAGE", "half"], "x0")]
    weights = {"half": np.float32(0.5), "out": params["out"], "shift": params["shift"]}
    for i, (kernel, bias) in enumerate(zip(params["kernels"], params["biases"])):
        weights |= {f"kernel{i}": kernel, f"bias{i}": bias}
        nodes.append(folder.node("Conv", [f"x{i}", f"kernel{i}", f"bias{i}"], f"conv{i}", strides=[2, 2], pads=[1, 1, 1, 1]))
        nodes.append(folder.node("Relu", [f"conv{i}"], f"x{i + 1}"))
    nodes += [
        folder.node("GlobalAveragePool", [f"x{len(CHANNELS) - 1}"], "pooled"),
        folder.node("Flatten", ["pooled"], "flat"),
        folder.node("Gemm", ["flat", "out", "shift"], "logits", transB=1),
        folder.node("Softmax", ["logits"], "ROUTE_SCORES", axis=-1),
    ]
    return folder.save(NAME, [("IMAGE", "FP32", [3, 64, 64])], [("ROUTE_SCORES", "FP32", [4])], nodes, weights)


def samples(params, images):
    scores = np.asarray(jax.nn.softmax(logits(params, images)))
    pixels = [base64.b64encode(np.rint(image * 255).astype(np.uint8).tobytes()).decode() for image in images]
    return [
        ({"IMAGE": {"shape": [3, 64, 64], "pixels": text}}, {"ROUTE_SCORES": folder.listed(row)})
        for text, row in zip(pixels, scores)
    ]


def train():
    images, routes = logos.dataset(seed=11, count=TRAIN)
    params = learn.fit(loss, new_params(np.random.default_rng(12)), (images, routes), seed=13, epochs=24, rate=5e-3)
    path = export(params)
    held_images, held_routes = logos.dataset(seed=14, count=HELD_OUT)
    chosen = folder.run(path, {"IMAGE": held_images}).argmax(axis=1)
    confusion = np.zeros((4, 4), int)
    np.add.at(confusion, (held_routes, chosen), 1)
    folder.save_samples(NAME, samples(params, held_images[:4]))
    (folder.REPOSITORY / NAME / "labels.txt").write_text("\n".join(logos.ROUTES) + "\n")
    folder.save_card(NAME, card(confusion))


def card(confusion):
    right = np.trace(confusion) / confusion.sum()
    rows = "\n".join(
        f"| {name} | {' | '.join(map(str, row))} | {row[i] / row.sum():.1%} |"
        for i, (name, row) in enumerate(zip(logos.ROUTES, confusion))
    )
    return f"""
# logo-router
Says which of four routes turns a logo into vectors best.

| tensor | datatype | shape of a row | meaning |
| --- | --- | --- | --- |
| `IMAGE` (in) | FP32 | 3, 64, 64 | RGB, channels first, 0 to 1 (8-bit value / 255) |
| `ROUTE_SCORES` (out) | FP32 | 4 | probability of {", ".join(f"`{name}`" for name in logos.ROUTES)}; they add up to 1 |

- `trace_flat`: areas of a few plain colours. `trace_lines`: thin strokes. `gradient_mesh`: smooth blends. `embed_raster`: texture as of a photograph, better kept as pixels.
- Network: three 3 x 3 convolutions with stride 2 (16, 24, 48 channels), mean over the picture, one linear layer, softmax.
- Data: synthetic, {TRAIN:,} drawn images to train and {HELD_OUT:,} others to measure; a quarter carries one element of another kind, all have noise, some are blurred.

## Accuracy on the held-out images: {right:.1%}

| drawn as \\ answered | {" | ".join(logos.ROUTES)} | right |
| --- | --- | --- | --- | --- | --- |
{rows}
"""
