"""The workloads in JAX, each step one jitted function.   usage: peer_jax.py WORKLOAD THREADS MODE

Modes: jit, and for w5_cell also scan (lax.scan in the place of the unrolled loop)."""
import os
import sys

name, threads, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
# JAX has as many threads as processors it may use.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from jax.tree_util import tree_leaves, tree_map  # noqa: E402

from peer import serve  # noqa: E402

ROWS, COLUMNS, TEN_MILLION, RATE = 4096, 1024, 10_000_000, 1e-6
key = jax.random.PRNGKey(1)


def next_key():
    global key
    key, one = jax.random.split(key)
    return one


def normal(*shape):
    return jax.random.normal(next_key(), shape)


def uniform(*shape):
    return jax.random.uniform(next_key(), shape)


def index(limit, *shape):
    return jax.random.randint(next_key(), shape, 0, limit)


def ready(fresh):
    return lambda: jax.block_until_ready(fresh())


def adam(parameters, gradients, m, v, t):
    m = tree_map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
    v = tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
    c1, c2 = 1 - 0.9 ** t, 1 - 0.999 ** t
    return tree_map(lambda p, m, v: p - RATE * (m / c1) / (jnp.sqrt(v / c2) + 1e-8), parameters, m, v), m, v, t + 1


def train(parameters, loss_of, fresh):
    zeros = tree_map(jnp.zeros_like, parameters)
    state = [parameters, zeros, tree_map(jnp.zeros_like, parameters), jnp.float32(1)]

    def whole(p, m, v, t, leaves):
        loss, gradients = jax.value_and_grad(loss_of)(p, *leaves)
        return loss, adam(p, gradients, m, v, t)
    whole = jax.jit(whole, donate_argnums=(0, 1, 2))

    def step(*leaves):
        loss, state[:] = whole(*state, leaves)
        jax.block_until_ready(state)
        return loss
    return ready(fresh), step


def differentiate(function, fresh):
    def both(*tensors):
        *xs, cotangent = tensors
        y, back = jax.vjp(function, *xs)
        return y, back(cotangent)
    both = jax.jit(both)

    def step(*tensors):
        y, gradients = jax.block_until_ready(both(*tensors))
        return y.reshape(-1)[y.size // 2] + gradients[0].reshape(-1)[gradients[0].size // 2]
    return ready(fresh), step


def linear(inputs, outputs):
    k = inputs ** -0.5
    return {"w": k * (2 * uniform(outputs, inputs) - 1), "b": k * (2 * uniform(outputs) - 1)}


def dense(p, x):
    return x @ p["w"].T + p["b"]


def cross_entropy(logits, target):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), target[..., None], -1).mean()


def mlp_loss(layers, x, target):
    for p in layers[:-1]:
        x = jax.nn.relu(dense(p, x))
    return cross_entropy(dense(layers[-1], x), target)


def classifier(sizes, batch):
    return train([linear(a, b) for a, b in zip(sizes, sizes[1:])], mlp_loss,
                 lambda: (normal(batch, sizes[0]), index(sizes[-1], batch)))


def w1():
    def chain(y, a, b):
        for _ in range(1000):
            y = y * a + b
        return y
    return differentiate(chain, lambda: (uniform(1), 1 - 0.002 * uniform(1), 0.002 * uniform(1), jnp.ones(1)))


def w2():
    return classifier([4, 256, 256, 256, 3], 30)


def w3():
    return classifier([784, 512, 256, 10], 64)


def w5_cell():
    k = 128 ** -0.5
    parameters = {"table": normal(64, 64), "input": k * (2 * uniform(64, 512) - 1),
                  "recurrent": k * (2 * uniform(128, 512) - 1), "bias": jnp.zeros(512), "output": linear(128, 64)}

    def cell(p, carry, x):
        h, c = carry
        i, f, o, g = jnp.split(x @ p["input"] + h @ p["recurrent"] + p["bias"], 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def loss(p, symbols, target):
        embedded, carry = p["table"][symbols], (jnp.zeros((16, 128)), jnp.zeros((16, 128)))
        if mode == "scan":
            every = jax.lax.scan(lambda carry, x: cell(p, carry, x), carry, embedded)[1]
        else:
            every = []
            for x in embedded:
                carry, h = cell(p, carry, x)
                every.append(h)
            every = jnp.stack(every)
        return cross_entropy(dense(p["output"], every), target)
    return train(parameters, loss, lambda: (index(64, 64, 16), index(64, 64, 16)))


def wide(function, *more):
    return differentiate(function, lambda: (normal(ROWS, COLUMNS), *(make() for make in more), normal(ROWS, COLUMNS)))


def w7():
    def function(x, w):
        return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return differentiate(function, lambda: (normal(32, 64, 32, 32), normal(64, 64, 3, 3), normal(32, 64, 32, 32)))


def w8_softmax():
    return wide(lambda x: jax.nn.softmax(x, -1))


def w8_layernorm():
    def function(x, scale, shift):
        centred = x - x.mean(-1, keepdims=True)
        return centred * jax.lax.rsqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5) * scale + shift
    return wide(function, lambda: uniform(COLUMNS), lambda: normal(COLUMNS))


def w8_gelu():
    return wide(lambda x: jax.nn.gelu(x, approximate=True))


def w8_sigmoid():
    return wide(jax.nn.sigmoid)


def w8_sum():
    return differentiate(lambda x: x.sum(), lambda: (normal(ROWS, COLUMNS), normal()))


def w8_adam():
    state = [normal(TEN_MILLION), jnp.zeros(TEN_MILLION), jnp.zeros(TEN_MILLION), jnp.float32(1)]
    update = jax.jit(lambda p, m, v, t, g: adam(p, g, m, v, t), donate_argnums=(0, 1, 2))

    def step(gradient):
        state[:] = jax.block_until_ready(update(*state, gradient))
        return state[0][TEN_MILLION // 2]
    return ready(lambda: (normal(TEN_MILLION),)), step


def w9():
    sizes = {"encoder": (784, 400), "mean": (400, 20), "logvar": (400, 20), "decoder": (20, 400), "picture": (400, 784)}

    def loss(p, x, noise_key):
        h = jax.nn.relu(dense(p["encoder"], x))
        mean, logvar = dense(p["mean"], h), dense(p["logvar"], h)
        code = mean + jax.random.normal(noise_key, mean.shape) * jnp.exp(0.5 * logvar)
        logits = dense(p["picture"], jax.nn.relu(dense(p["decoder"], code)))
        cross = (jax.nn.softplus(logits) - logits * x).sum()
        return (cross - 0.5 * (1 + logvar - mean ** 2 - jnp.exp(logvar)).sum()) / len(x)
    return train({n: linear(*s) for n, s in sizes.items()}, loss, lambda: (uniform(128, 784), next_key()))


def w10():
    sizes = [784, 512, 256, 10]
    layers = [linear(a, b) for a, b in zip(sizes, sizes[1:])]

    def product(p, x, target, v):
        def dot(p):
            gradients = jax.grad(mlp_loss)(p, x, target)
            return sum((a * b).sum() for a, b in zip(tree_leaves(gradients), tree_leaves(v)))
        return jax.grad(dot)(p)
    product = jax.jit(product)

    def step(x, target, v):
        return jax.block_until_ready(product(layers, x, target, v))[0]["w"][0, 0]
    return ready(lambda: (normal(64, 784), index(10, 64), tree_map(lambda p: normal(*p.shape), layers))), step


if name not in globals() or (mode == "scan" and name != "w5_cell"):
    sys.exit(0)
serve("jax " + mode, jax.__version__, *globals()[name]())
