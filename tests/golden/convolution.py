"""Writes convolution.txt: what PyTorch computes for random convolutions, as projections of each result.

    python3 tests/golden/convolution.py > tests/golden/convolution.txt

Operands are fixed patterns of small dyadic numbers, so all sums are exact in f64, and so is the comparison: all numbers are
whole multiples of 1 / 1024, and written so. Columns:
axes batch groups inputs outputs, then for each axis: length, kernel, stride, dilation, low, high, windows; then the
projections of y = conv(x, w), of the gradients of <y, c> by x and w, of those of <gradients, patterns> by x, w and c,
and of conv_transpose(c, w) to the length of x. Made with PyTorch 2.15."""
import random

import torch
import torch.nn.functional as F

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def pattern(shape, seed, modulus, scale):
    size = 1
    for n in shape:
        size *= n
    place = torch.arange(size, dtype=torch.int64)
    values = (place * 7 + seed * 5 + place // 3) % modulus - modulus // 2
    return (values.double() / scale).reshape(shape)


def project(t, seed):
    return (t * pattern(t.shape, seed, 13, 4)).sum().item()


def sizes(case):
    """Elements of x, w and y."""
    batch, groups, inputs, outputs = (case[k] for k in ("batch", "groups", "inputs", "outputs"))
    x, w, y = batch * groups * inputs, groups * inputs * outputs, batch * groups * outputs
    for a in case["axis"]:
        x, w, y = x * a[0], w * a[1], y * a[6]
    return x, w, y


def draw_small(chance):
    while True:
        case = draw(chance)
        if max(sizes(case)) <= 2000:
            return case


def draw(chance):
    axes = chance.choice([1, 1, 2, 2, 2, 3])
    groups = chance.choice([1, 1, 1, 2, 3])
    case = dict(axes=axes, batch=chance.randint(1, 3), groups=groups, inputs=chance.randint(1, 3), outputs=chance.randint(1, 3), axis=[])
    for _ in range(axes):
        while True:
            length, kernel = chance.randint(1, 9 if axes < 3 else 5), chance.randint(1, 5 if axes < 3 else 3)
            stride, dilation = chance.randint(1, 4), chance.choice([1, 1, 2, 3])
            low, high = chance.randint(0, 3), chance.randint(0, 3)
            room = length + low + high - dilation * (kernel - 1) - 1
            if room >= 0:
                break
        case["axis"].append((length, kernel, stride, dilation, low, high, room // stride + 1))
    return case


def compute(case):
    axis, groups = case["axis"], case["groups"]
    x = pattern([case["batch"], groups * case["inputs"]] + [a[0] for a in axis], 1, 17, 8).requires_grad_()
    w = pattern([groups * case["outputs"], case["inputs"]] + [a[1] for a in axis], 2, 11, 4).requires_grad_()
    padding = [p for a in reversed(axis) for p in (a[4], a[5])]

    def conv(x):
        return CONV[case["axes"]](F.pad(x, padding), w, stride=[a[2] for a in axis], dilation=[a[3] for a in axis], groups=groups)

    y = conv(x)
    assert list(y.shape[2:]) == [a[6] for a in axis]
    c = pattern(list(y.shape), 3, 19, 8).requires_grad_()
    gx, gw = torch.autograd.grad((y * c).sum(), (x, w), create_graph=True)
    second = (gx * pattern(x.shape, 5, 7, 2)).sum() + (gw * pattern(w.shape, 6, 7, 2)).sum()
    sx, sw, sc = torch.autograd.grad(second, (x, w, c))
    # the transposed convolution is the gradient by x, by PyTorch's own function where it has it: equal paddings, and
    # at most stride - 1 more at the end
    transposed = gx
    symmetric = all(a[4] == a[5] for a in axis)
    if symmetric:
        more = [a[0] - ((a[6] - 1) * a[2] + a[3] * (a[1] - 1) + 1 - 2 * a[4]) for a in axis]
        if all(0 <= m < max(a[2], a[3]) for m, a in zip(more, axis)):
            function = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}[case["axes"]]
            transposed = function(c, w, stride=[a[2] for a in axis], padding=[a[4] for a in axis], output_padding=more,
                                  groups=groups, dilation=[a[3] for a in axis])
            assert torch.equal(transposed, gx)
    return [project(y, 8), project(gx, 9), project(gw, 10), project(sx, 11), project(sw, 12), project(sc, 13), project(transposed, 14)]


def main():
    chance = random.Random(20261121)
    for _ in range(240):
        case = draw_small(chance)
        head = [case[k] for k in ("axes", "batch", "groups", "inputs", "outputs")] + [v for a in case["axis"] for v in a]
        found = [1024 * v for v in compute(case)]
        assert all(v == int(v) for v in found)
        print(*head, *(int(v) for v in found))


main()
