"""A training loop: Adam with cosine decay, fixed seed."""

import jax
import jax.numpy as jnp
import numpy as np


def glorot(rng, *shape):
    """A kernel [out, in, ...] or matrix; scaled for rectified units."""
    fan_in = int(np.prod(shape[1:]))
    return jnp.asarray(rng.normal(0, np.sqrt(2 / fan_in), shape), jnp.float32)


def zeros(*shape):
    return jnp.zeros(shape, jnp.float32)


def fit(loss, params, data, *, seed, epochs, batch=64, rate=2e-3, decay=1e-4):
    """Minimises loss(params, *rows of data). `data` is a tuple of arrays with one length."""
    rng = np.random.default_rng(seed)
    steps = epochs * (len(data[0]) // batch)
    state = (params, jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params))

    @jax.jit
    def step(state, number, rows):
        params, mean, square = state
        value, grads = jax.value_and_grad(loss)(params, *rows)
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
        square = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, square, grads)
        size = rate * 0.5 * (1 + jnp.cos(jnp.pi * number / steps))

        def move(p, m, s):
            m, s = m / (1 - 0.9 ** (number + 1)), s / (1 - 0.999 ** (number + 1))
            return p - size * (m / (jnp.sqrt(s) + 1e-8) + decay * p)

        return (jax.tree.map(move, params, mean, square), mean, square), value

    number = 0
    for epoch in range(epochs):
        order = rng.permutation(len(data[0]))
        total = 0.0
        for start in range(0, len(order) - batch + 1, batch):
            rows = tuple(values[order[start : start + batch]] for values in data)
            state, value = step(state, float(number), rows)
            total += float(value)
            number += 1
        print(f"  epoch {epoch + 1}/{epochs} loss {total / (len(order) // batch):.4f}", flush=True)
    return state[0]
