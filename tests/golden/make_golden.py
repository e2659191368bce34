"""Writes nn.txt and optim.txt beside this script: what PyTorch computes for the layers, losses and optimisers of the
library, in double precision. The tests read the texts alone; run this again only to add a case.

    pip install torch numpy; python tests/golden/make_golden.py

Each entry is a name and a shape, then the values as C99 hexadecimal floats, row-major.
"""
import math
import pathlib
import warnings

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
FOLDER = pathlib.Path(__file__).parent


class Golden:
    def __init__(self, name):
        self.file = open(FOLDER / name, "w", encoding="ascii")
        self.file.write("# written by make_golden.py with torch %s\n" % torch.__version__.split("+")[0])

    def put(self, name, x):
        x = torch.as_tensor(x, dtype=torch.float64).detach()
        self.file.write("%s %s\n" % (name, " ".join(str(d) for d in [x.dim(), *x.shape])))
        values = [float(v).hex() for v in x.reshape(-1)]
        for i in range(0, len(values), 4):
            self.file.write(" ".join(values[i:i + 4]) + "\n")


def noise(seed, *shape, scale=1.0):
    """Values that f32 holds exactly, so that both precisions start from the same numbers."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(*shape, generator=generator) * scale).float().double()


# ---- layers and losses ----

def linear(golden):
    for name, shape, bias in [("rank1", (4,), True), ("rank2", (3, 4), True), ("rank3", (2, 3, 4), True),
                              ("no_bias", (3, 4), False)]:
        x, w, b = noise(1, *shape).requires_grad_(), noise(2, 5, 4).requires_grad_(), noise(3, 5).requires_grad_()
        c = noise(4, *shape[:-1], 5)
        y = F.linear(x, w, b if bias else None)
        (y * c).sum().backward()
        for key, value in dict(x=x, w=w, b=b, c=c, y=y, gx=x.grad, gw=w.grad).items():
            golden.put("linear.%s.%s" % (name, key), value)
        if bias:
            golden.put("linear.%s.gb" % name, b.grad)


def cross_entropy_one(golden, name, logits, target, smoothing):
    """torch wants the classes on axis 1, the library on the last one."""
    golden.put("cross_entropy.%s.logits" % name, logits)
    golden.put("cross_entropy.%s.target" % name, target)
    probabilities = target.is_floating_point()
    for reduction in ["mean", "sum", "none"]:
        x = logits.clone().requires_grad_()
        t = target.clone().requires_grad_(probabilities)
        flat_t = t.reshape(-1, t.shape[-1]) if probabilities else t.reshape(-1)
        y = F.cross_entropy(x.reshape(-1, x.shape[-1]), flat_t, reduction=reduction, label_smoothing=smoothing)
        if reduction == "none":
            y = y.reshape(logits.shape[:-1])
        cotangent = noise(9, *y.shape) if y.dim() else torch.tensor(1.0)
        (y * cotangent).sum().backward()
        for key, value in dict(c=cotangent, y=y, gx=x.grad).items():
            golden.put("cross_entropy.%s.%s.%s" % (name, reduction, key), value)
        if probabilities:
            golden.put("cross_entropy.%s.%s.gt" % (name, reduction), t.grad)


def cross_entropy(golden):
    plain, deep, wide = noise(5, 4, 5, scale=2), noise(6, 2, 3, 4), noise(7, 4, 5, scale=2)
    extreme = torch.tensor([[1000.0, -1000.0, 0.0], [-1e30, 0.0, 1.0], [500.0, 500.0, -500.0], [88.0, 89.0, 90.0],
                            [-1000.0, -1000.0, -1000.0]])
    classes = torch.tensor([0, 4, 2, 2])
    probabilities = torch.softmax(wide, -1).float().double()
    for suffix, smoothing in [("", 0.0), ("_smooth", 0.1)]:
        cross_entropy_one(golden, "index" + suffix, plain, classes, smoothing)
        cross_entropy_one(golden, "deep" + suffix, deep, torch.tensor([[0, 1, 2], [3, 3, 0]]), smoothing)
        cross_entropy_one(golden, "probability" + suffix, plain, probabilities, smoothing)
    cross_entropy_one(golden, "extreme", extreme, torch.tensor([0, 2, 1, 0, 1]), 0.0)


def squared_error(golden):
    x, t = noise(10, 3, 4), noise(11, 3, 4)
    golden.put("squared_error.x", x)
    golden.put("squared_error.t", t)
    for reduction in ["mean", "sum", "none"]:
        a = x.clone().requires_grad_()
        y = F.mse_loss(a, t, reduction=reduction)
        y.sum().backward()
        golden.put("squared_error.%s.y" % reduction, y)
        golden.put("squared_error.%s.gx" % reduction, a.grad)


def initialisers(golden):
    """The bound of the uniform ones and the deviation of the normal ones, by torch's own fans and gains."""
    for name, shape in [("matrix", (300, 200)), ("kernel", (40, 30, 5, 7))]:
        fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(*shape))
        tanh, relu = torch.nn.init.calculate_gain("tanh"), torch.nn.init.calculate_gain("relu")
        for kind, gain in [("default", 1.0), ("tanh", tanh)]:
            golden.put("xavier.%s.%s" % (name, kind), [gain, gain * math.sqrt(2.0 / (fan_in + fan_out))])
        for kind, gain in [("default", relu), ("tanh", tanh)]:
            golden.put("he.%s.%s" % (name, kind), [gain, gain / math.sqrt(fan_in)])


# ---- optimisers ----

STEPS = 10


def problem():
    parameters = [("hidden.weight", noise(21, 5, 3, scale=0.5)), ("hidden.bias", noise(22, 5, scale=0.5)),
                  ("output.weight", noise(23, 2, 5, scale=0.5)), ("output.bias", noise(24, 2, scale=0.5))]
    return noise(25, 6, 3), noise(26, 6, 2), [(n, p.requires_grad_()) for n, p in parameters]


def run(golden, name, make, clip=None, schedule=None, frozen=()):
    """Ten steps; all parameters after each, the rate of each and the norm of its gradients before clipping.
    `frozen` names parameters that keep still in steps 3 to 5."""
    x, t, named = problem()
    p = dict(named)
    optimizer = make([n for n, _ in named], p)
    scheduler = schedule(optimizer) if schedule else None
    rates, norms, trace = [], [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        y = F.linear(torch.tanh(F.linear(x, p["hidden.weight"], p["hidden.bias"])), p["output.weight"], p["output.bias"])
        F.mse_loss(y, t, reduction="sum").backward()
        if 3 <= step <= 5:
            for n in frozen:
                p[n].grad = None
        held = [v for v in p.values() if v.grad is not None]
        norms.append(float(torch.linalg.vector_norm(torch.cat([v.grad.reshape(-1) for v in held]))))
        if clip:
            torch.nn.utils.clip_grad_norm_(held, clip)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if scheduler:
            scheduler.step()
        trace.append(torch.cat([v.detach().reshape(-1) for _, v in named]))
    golden.put(name + ".rates", rates)
    golden.put(name + ".norms", norms)
    golden.put(name + ".trace", torch.stack(trace))


def everything(kind, **options):
    return lambda names, p: kind([p[n] for n in names], **options)


def decayed(kind, chosen, decay, **options):
    """Only the parameters whose names contain `chosen` decay."""
    return lambda names, p: kind([dict(params=[p[n] for n in names if chosen in n], weight_decay=decay),
                                  dict(params=[p[n] for n in names if chosen not in n], weight_decay=0.0)], **options)


def cosine(steps):
    return lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, steps)


def warm(steps, after=None):
    def make(o):
        rise = torch.optim.lr_scheduler.LinearLR(o, 1 / steps, 1.0, steps - 1)
        if not after:
            return rise
        return torch.optim.lr_scheduler.SequentialLR(
            o, [rise, torch.optim.lr_scheduler.CosineAnnealingLR(o, after)], [steps])
    return make


def optimisers(golden):
    sgd, adam, adamw = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
    x, t, named = problem()
    golden.put("x", x)
    golden.put("t", t)
    for name, value in named:
        golden.put(name, value)
    run(golden, "sgd", everything(sgd, lr=0.02))
    run(golden, "sgd_momentum", everything(sgd, lr=0.02, momentum=0.9))
    run(golden, "sgd_dampening", everything(sgd, lr=0.02, momentum=0.9, dampening=0.3))
    run(golden, "sgd_nesterov", everything(sgd, lr=0.02, momentum=0.9, nesterov=True))
    run(golden, "sgd_decay", everything(sgd, lr=0.02, weight_decay=0.1))
    run(golden, "sgd_decay_on", decayed(sgd, "weight", 0.1, lr=0.02))
    run(golden, "sgd_clip", everything(sgd, lr=0.02), clip=0.5)
    run(golden, "sgd_all", everything(sgd, lr=0.05, momentum=0.8, dampening=0.2, weight_decay=0.05), 2.0, cosine(12))
    run(golden, "sgd_nesterov_all", everything(sgd, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.05), 2.0,
        warm(4, 5))
    run(golden, "sgd_frozen", everything(sgd, lr=0.02, momentum=0.9), frozen=["hidden.weight", "hidden.bias"])
    run(golden, "adam", everything(adam))
    run(golden, "adam_fast", everything(adam, lr=0.1, betas=(0.8, 0.95), eps=1e-3))
    run(golden, "adam_beta1_zero", everything(adam, lr=0.02, betas=(0.0, 0.9)))
    run(golden, "adam_coupled", everything(adam, lr=0.02, weight_decay=0.1))
    run(golden, "adamw", everything(adamw, lr=0.02, weight_decay=0.1))
    run(golden, "adamw_decay_on", decayed(adamw, "weight", 0.1, lr=0.02))
    run(golden, "adam_clip", everything(adam, lr=0.02), clip=0.5)
    run(golden, "adam_cosine", everything(adam, lr=0.1), schedule=cosine(10))
    run(golden, "adam_warmup", everything(adam, lr=0.1), schedule=warm(4))
    run(golden, "adamw_all", everything(adamw, lr=0.05, weight_decay=0.1), 2.0, warm(3, 6))


warnings.simplefilter("ignore")
made = Golden("nn.txt")
linear(made)
cross_entropy(made)
squared_error(made)
initialisers(made)
optimisers(Golden("optim.txt"))
