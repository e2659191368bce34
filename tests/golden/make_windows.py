"""Writes windows.txt: pooling, sorting and padding as PyTorch has them, for random shapes and options.

    python3 tests/golden/make_windows.py
"""
import math
import pathlib
import random

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
FILE = open(pathlib.Path(__file__).parent / "windows.txt", "w", encoding="ascii")
FILE.write("# written by make_windows.py with torch %s\n" % torch.__version__.split("+")[0])


def text(value):
    """Whole numbers as such, else all digits; both zeros, infinities and NaN as C reads them."""
    value = float(value)
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    return "%d" % value if value == int(value) else value.hex()


def put(name, x):
    x = torch.as_tensor(x, dtype=torch.float64).detach()
    FILE.write("%s %s\n" % (name, " ".join(str(d) for d in [x.dim(), *x.shape])))
    values = [text(v) for v in x.reshape(-1)]
    for i in range(0, len(values), 20):
        FILE.write(" ".join(values[i:i + 20]) + "\n")


def whole(chance, shape):
    """Few different numbers: many ties."""
    generator = torch.Generator().manual_seed(chance.getrandbits(32))
    return torch.randint(-3, 4, shape, generator=generator).double()


def pools(count):
    chance = random.Random(7)
    for kind in ("max", "average"):
        done = 0
        while done < count:
            axes = chance.choice([1, 1, 2, 2, 2, 3])
            shape = [chance.randint(1, 2), chance.randint(1, 2)] + [chance.randint(2, 9 - 2 * axes + 2) for _ in range(axes)]
            size = [chance.randint(1, 4) for _ in range(axes)]
            stride = [chance.randint(1, 3) for _ in range(axes)]
            low = [chance.randint(0, k // 2) for k in size]
            dilation = [chance.randint(1, 2) if kind == "max" else 1 for _ in range(axes)]
            ceil, padding = chance.random() < 0.5, chance.random() < 0.5
            x = whole(chance, shape).requires_grad_()
            try:
                if kind == "max":
                    pool = [F.max_pool1d, F.max_pool2d, F.max_pool3d][axes - 1]
                    y, places = pool(x, size, stride, low, dilation, ceil_mode=ceil, return_indices=True)
                    plane = math.prod(shape[2:])
                    places = places + plane * torch.arange(shape[0] * shape[1]).reshape(shape[:2] + [1] * axes)
                else:
                    pool = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d][axes - 1]
                    y = pool(x, size, stride, low, ceil_mode=ceil, count_include_pad=padding)
            except RuntimeError:
                continue
            weights = torch.arange(1, y.numel() + 1).double().reshape(y.shape)
            (y * weights).sum().backward()
            put("%s.%d.options" % (kind, done), [size + [0] * (3 - axes), stride + [0] * (3 - axes), low + [0] * (3 - axes),
                                                 dilation + [0] * (3 - axes), [ceil, padding, 0]])
            put("%s.%d.x" % (kind, done), x)
            put("%s.%d.y" % (kind, done), y)
            put("%s.%d.gx" % (kind, done), x.grad)
            if kind == "max":
                put("%s.%d.places" % (kind, done), places)
            done += 1


def adaptive():
    chance = random.Random(9)
    for k, (shape, out) in enumerate([((2, 2, 7), (3,)), ((1, 2, 5, 6), (2, 4)), ((1, 1, 3, 4, 5), (2, 2, 3)), ((1, 1, 4), (7,))]):
        x = whole(chance, shape)
        put("adaptive.%d.x" % k, x)
        put("adaptive.%d.y" % k, [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d][len(out) - 1](x, out))


def order():
    chance = random.Random(11)
    odd = [math.nan, math.inf, -math.inf, 0.0, -0.0, math.nan]
    for k in range(6):
        x = whole(chance, (3, 4 + 5 * k))
        for i in range(x.numel()):
            if chance.random() < 0.3:
                x.view(-1)[i] = chance.choice(odd)
        put("order.%d.x" % k, x)
        for descending in (False, True):
            put("order.%d.%s" % (k, "descending" if descending else "ascending"),
                torch.sort(x, dim=-1, descending=descending, stable=True).indices)
        put("order.%d.top" % k, torch.topk(x, 3).values)
    x, sorted_ = whole(chance, (20,)), whole(chance, (11,)).sort().values
    put("search.x", x)
    put("search.sorted", sorted_)
    put("search.left", torch.searchsorted(sorted_, x))
    put("search.right", torch.searchsorted(sorted_, x, right=True))


def paddings():
    x = torch.arange(1, 25).double().reshape(1, 2, 3, 4)
    put("pad.x", x)
    for mode in ("constant", "reflect", "replicate", "circular"):
        put("pad.%s" % mode, F.pad(x, (3, 1, 2, 0), mode=mode, **(dict(value=9.0) if mode == "constant" else {})))


pools(40)
adaptive()
order()
paddings()
FILE.close()
