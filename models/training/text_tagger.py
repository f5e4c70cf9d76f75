"""text-tagger: the bytes of an order -> a tag for each byte. Rows have any length; id 0 is padding and changes nothing."""

import jax
import jax.numpy as jnp
import numpy as np

import folder
import learn
import sentences

NAME = "text-tagger"
TRAIN, HELD_OUT = 8_000, 2_000
WIDTH, IDS, LONGEST = 32, 257, 160
DILATIONS = [1, 2, 4, 8]


def new_params(rng):
    return {
        "table": jnp.asarray(rng.normal(0, 0.5, (IDS, WIDTH)), jnp.float32),
        "kernels": [learn.glorot(rng, WIDTH, WIDTH, 5) for _ in DILATIONS],
        "biases": [learn.zeros(WIDTH) for _ in DILATIONS],
        "out": learn.glorot(rng, len(sentences.TAGS), WIDTH, 1),
        "shift": learn.zeros(len(sentences.TAGS)),
    }


def logits(params, ids):
    """[batch, tags, n] of ids [batch, n]. The mask makes padding equal to the zeros beyond a row's end."""
    mask = (ids != 0).astype(jnp.float32)[:, None, :]
    x = params["table"][ids].transpose(0, 2, 1) * mask
    for kernel, bias, dilation in zip(params["kernels"], params["biases"], DILATIONS):
        x = (x + jax.nn.relu(convolve(x, kernel, dilation) + bias[:, None])) * mask
    return convolve(x, params["out"], 1) + params["shift"][:, None]


def convolve(x, kernel, dilation):
    reach = dilation * (kernel.shape[2] // 2)
    return jax.lax.conv_general_dilated(x, kernel, (1,), [(reach, reach)], rhs_dilation=(dilation,), dimension_numbers=("NCH", "OIH", "NCH"))


def loss(params, ids, tags):
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits(params, ids), axis=1), tags[:, None], axis=1)[:, 0]
    mask = ids != 0
    return -jnp.sum(chosen * mask) / jnp.sum(mask)


def export(params):
    node = folder.node
    weights = {
        "lowest": np.int64(0),
        "highest": np.int64(IDS - 1),
        "tokenAxis": np.array([1], np.int64),
        "table": params["table"],
        "out": params["out"],
        "shift": params["shift"],
    }
    nodes = [
        node("Clip", ["TOKEN_IDS", "lowest", "highest"], "ids"),
        node("Cast", ["ids"], "known", to=9),
        node("Cast", ["known"], "ones", to=1),
        node("Unsqueeze", ["ones", "tokenAxis"], "mask"),
        node("Gather", ["table", "ids"], "embedded"),
        node("Transpose", ["embedded"], "channels", perm=[0, 2, 1]),
        node("Mul", ["channels", "mask"], "x0"),
    ]
    for i, (kernel, bias, dilation) in enumerate(zip(params["kernels"], params["biases"], DILATIONS)):
        weights |= {f"kernel{i}": kernel, f"bias{i}": bias}
        nodes += [
            node("Conv", [f"x{i}", f"kernel{i}", f"bias{i}"], f"conv{i}", dilations=[dilation], pads=[2 * dilation, 2 * dilation]),
            node("Relu", [f"conv{i}"], f"relu{i}"),
            node("Add", [f"x{i}", f"relu{i}"], f"sum{i}"),
            node("Mul", [f"sum{i}", "mask"], f"x{i + 1}"),
        ]
    nodes += [
        node("Conv", [f"x{len(DILATIONS)}", "out", "shift"], "logits"),
        node("Transpose", ["logits"], "byToken", perm=[0, 2, 1]),
        node("Softmax", ["byToken"], "TAG_SCORES", axis=-1),
    ]
    outputs = [("TAG_SCORES", "FP32", ["length", len(sentences.TAGS)])]
    return folder.save(NAME, [("TOKEN_IDS", "INT64", ["length"])], outputs, nodes, weights)


def padded(rows):
    """Two arrays [len(rows), LONGEST]."""
    ids, tags = np.zeros((2, len(rows), LONGEST), np.int64)
    for i, (row_ids, row_tags) in enumerate(rows):
        ids[i, : len(row_ids)], tags[i, : len(row_ids)] = row_ids, row_tags
    return ids, tags


def accuracy(path, rows):
    """Share of bytes tagged right, and of rows without any error."""
    ids, tags = padded(rows)
    right = folder.run(path, {"TOKEN_IDS": ids}).argmax(axis=2) == tags
    return right[ids != 0].mean(), (right | (ids == 0)).all(axis=1).mean()


def samples(params, rows):
    scores = lambda ids: np.asarray(jax.nn.softmax(logits(params, ids[None]), axis=1))[0].T
    return [({"TOKEN_IDS": folder.listed(ids)}, {"TAG_SCORES": folder.listed(scores(ids))}) for ids, _ in rows]


def train():
    params = learn.fit(loss, new_params(np.random.default_rng(32)), padded(sentences.dataset(seed=31, count=TRAIN)), seed=33, epochs=6)
    path = export(params)
    held = sentences.dataset(seed=34, count=HELD_OUT)
    figures = accuracy(path, held), accuracy(path, sentences.dataset(seed=35, count=HELD_OUT, new_words=True))
    folder.save_samples(NAME, samples(params, sorted(held[:200], key=lambda row: len(row[0]))[::66]))
    folder.save_card(NAME, card(*figures))


def card(known, new):
    return f"""
# text-tagger
Finds colours, styles, sizes and trades in an order for a logo. Here as the model whose rows have **different lengths**.

| tensor | datatype | shape of a row | meaning |
| --- | --- | --- | --- |
| `TOKEN_IDS` (in) | INT64 | n | each UTF-8 byte of the text + 1 (1 to 256); 0 is padding; other values are clipped to that range |
| `TAG_SCORES` (out) | FP32 | n, {len(sentences.TAGS)} | per byte the probability of {", ".join(f"`{tag}`" for tag in sentences.TAGS)} |

Padding at the end does not change the scores of the bytes before it, so rows may be padded to a common length and cropped again: the configuration has buckets up to 1,024 bytes, and longer texts are refused.

- Network: {WIDTH} numbers a byte, four convolutions over 5 bytes with gaps of {", ".join(map(str, DILATIONS))}, each added to its input, one linear layer, softmax.
- Data: synthetic sentences from {len(sentences.PATTERNS)} patterns in English, {TRAIN:,} to train and {HELD_OUT:,} others to measure, one word in twelve misspelt.

## Accuracy on held-out sentences
| | bytes tagged right | sentences without an error |
| --- | --- | --- |
| the words of the training data | {known[0]:.2%} | {known[1]:.1%} |
| words that were kept out of it ({sentences.NEW_WORDS} for each tag) | {new[0]:.2%} | {new[1]:.1%} |
"""
