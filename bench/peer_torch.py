"""The workloads in PyTorch.   usage: peer_torch.py WORKLOAD THREADS MODE

Modes: eager (its Adam as it comes), fused (its fused Adam), compile (torch.compile of forward and loss, fused Adam), and
for w5_cell also layer (nn.LSTM in the place of the cell, fused Adam)."""
import math
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from peer import serve

name, threads, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(threads)
ROWS, COLUMNS, TEN_MILLION = 4096, 1024, 10_000_000
RATE = 1e-6


def maybe_compiled(function):
    return torch.compile(function) if mode == "compile" else function


def adam(parameters):
    return torch.optim.Adam(parameters, lr=RATE, **({} if mode == "eager" else {"fused": True}))


def train(model, loss_of, fresh):
    optimiser, loss_of = adam(model.parameters()), maybe_compiled(loss_of)

    def step(*leaves):
        loss = loss_of(*leaves)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return loss.item()
    return fresh, step


def differentiate(function, fresh):
    """Forward and backward of a function under a cotangent; fresh gives (leaves..., cotangent)."""
    function = maybe_compiled(function)

    def leaves():
        *xs, cotangent = fresh()
        return (*(x.requires_grad_() for x in xs), cotangent)

    def step(*tensors):
        *xs, cotangent = tensors
        y = function(*xs)
        y.backward(cotangent)
        return y.detach().reshape(-1)[y.numel() // 2] + xs[0].grad.reshape(-1)[xs[0].numel() // 2]
    return leaves, step


def mlp(sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def classifier(sizes, batch):
    model = mlp(sizes)
    return train(model, lambda x, t: F.cross_entropy(model(x), t),
                 lambda: (torch.randn(batch, sizes[0]), torch.randint(sizes[-1], (batch,))))


def w1():
    def chain(y, a, b):
        for _ in range(1000):
            y = y * a + b
        return y
    return differentiate(chain, lambda: (torch.rand(1), 1 - 0.002 * torch.rand(1), 0.002 * torch.rand(1), torch.ones(1)))


def w2():
    return classifier([4, 256, 256, 256, 3], 30)


def w3():
    return classifier([784, 512, 256, 10], 64)


class Characters(nn.Module):
    """64 symbols, hidden 128; the cell from primitives, or the framework's layer."""

    def __init__(self, layer):
        super().__init__()
        k = 1 / math.sqrt(128)
        self.table, self.output, self.lstm = nn.Embedding(64, 64), nn.Linear(128, 64), None
        if layer:
            self.lstm = nn.LSTM(64, 128)
        else:
            self.input = nn.Parameter(torch.empty(64, 512).uniform_(-k, k))
            self.recurrent = nn.Parameter(torch.empty(128, 512).uniform_(-k, k))
            self.bias = nn.Parameter(torch.zeros(512))

    def forward(self, symbols):
        embedded = self.table(symbols)
        if self.lstm is not None:
            return self.output(self.lstm(embedded)[0])
        h = c = torch.zeros(symbols.shape[1], 128)
        every = []
        for x in embedded:
            i, f, o, g = (x @ self.input + h @ self.recurrent + self.bias).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            every.append(h)
        return self.output(torch.stack(every))


def w5_cell():
    model = Characters(mode == "layer")
    return train(model, lambda s, t: F.cross_entropy(model(s).reshape(-1, 64), t.reshape(-1)),
                 lambda: (torch.randint(64, (64, 16)), torch.randint(64, (64, 16))))


def wide(function, *more):
    return differentiate(function, lambda: (torch.randn(ROWS, COLUMNS), *(make() for make in more),
                                            torch.randn(ROWS, COLUMNS)))


def w7():
    images = (32, 64, 32, 32)
    return differentiate(lambda x, w: F.conv2d(x, w, padding=1),
                         lambda: (torch.randn(images), torch.randn(64, 64, 3, 3), torch.randn(images)))


def w8_softmax():
    return wide(lambda x: F.softmax(x, -1))


def w8_layernorm():
    return wide(lambda x, scale, shift: F.layer_norm(x, (COLUMNS,), scale, shift),
                lambda: torch.rand(COLUMNS), lambda: torch.randn(COLUMNS))


def w8_gelu():
    return wide(lambda x: F.gelu(x, approximate="tanh"))


def w8_sigmoid():
    return wide(lambda x: torch.sigmoid(x))


def w8_sum():
    return differentiate(lambda x: x.sum(), lambda: (torch.randn(ROWS, COLUMNS), torch.randn(())))


def w8_adam():
    w = torch.randn(TEN_MILLION, requires_grad=True)
    optimiser = adam([w])
    w.grad = torch.empty(TEN_MILLION)
    update = maybe_compiled(optimiser.step)

    def step():
        update()
        return w[TEN_MILLION // 2].item()
    return lambda: (w.grad.normal_(), ())[1], step


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.mean, self.logvar = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.decoder, self.picture = nn.Linear(20, 400), nn.Linear(400, 784)

    def loss(self, x):
        h = F.relu(self.encoder(x))
        mean, logvar = self.mean(h), self.logvar(h)
        code = mean + torch.randn_like(mean) * torch.exp(0.5 * logvar)
        logits = self.picture(F.relu(self.decoder(code)))
        cross = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        return (cross - 0.5 * (1 + logvar - mean ** 2 - logvar.exp()).sum()) / len(x)


def w9():
    model = Autoencoder()
    return train(model, model.loss, lambda: (torch.rand(128, 784),))


def w10():
    model = mlp([784, 512, 256, 10])
    parameters = list(model.parameters())

    def step(x, target, *v):
        loss = F.cross_entropy(model(x), target)
        gradients = torch.autograd.grad(loss, parameters, create_graph=True)
        dot = sum((g * d).sum() for g, d in zip(gradients, v))
        return torch.autograd.grad(dot, parameters)[0][0, 0]
    return lambda: (torch.randn(64, 784), torch.randint(10, (64,)), *(torch.randn_like(p) for p in parameters)), step


def usable():
    trained = name in ("w2", "w3", "w5_cell", "w8_adam", "w9")
    return {"eager": True, "fused": trained, "compile": name != "w10", "layer": name == "w5_cell"}[mode]


if not usable() or name not in globals():
    sys.exit(0)
serve("torch " + mode, torch.__version__, *globals()[name]())
