"""steps: random programs that train a model, line by line.

A program makes a model and an optimizer, and takes a few steps. Around them it does what trainings
do: it registers hooks, freezes parameters, changes them in place, saves, loads, copies, averages.
What is not drawn together, because torch is wrong or does something else there, is in ``APART``.
"""

from __future__ import annotations

import random

from plugrad.tests.fuzz import events
from plugrad.tests.fuzz.layers import model

_WEIGHT = "weight_decay=0.1"
_OPTIMIZERS: dict[str, tuple[str, ...]] = {
    "SGD": ("momentum=0.9", "momentum=0.9, nesterov=True", "momentum=0.5, dampening=0.1", _WEIGHT),
    "Adam": ("amsgrad=True", _WEIGHT, "betas=(0.5, 0.9)", "lr=torch.tensor(0.05)", "fused=True"),
    "AdamW": ("amsgrad=True", _WEIGHT, "eps=1e-4", "fused=True"),
    "Adagrad": ("lr_decay=0.1", _WEIGHT, "initial_accumulator_value=0.5", "fused=True"),
    "Adadelta": ("rho=0.5", _WEIGHT),
    "Adamax": ("betas=(0.5, 0.9)", _WEIGHT),
    "ASGD": ("lambd=0.1, t0=2", _WEIGHT),
    "NAdam": ("momentum_decay=0.1", _WEIGHT + ", decoupled_weight_decay=True"),
    "RAdam": (_WEIGHT, _WEIGHT + ", decoupled_weight_decay=True"),
    "RMSprop": ("centered=True, momentum=0.5", "momentum=0.9", _WEIGHT),
    "Rprop": ("etas=(0.4, 1.3)", "step_sizes=(1e-4, 1)"),
    "LBFGS": ("max_iter=3", "line_search_fn='strong_wolfe', max_iter=3", "history_size=2"),
    "Adafactor": (_WEIGHT, "beta2_decay=-0.5", "eps=(1e-8, 1e-2)"),
    "Muon": (_WEIGHT, "nesterov=False"),
    "SAM": (_WEIGHT, "momentum=0.9"),
}
_WITH_CLOSURE = ("LBFGS", "SAM")
_NO_FOREACH = ("LBFGS", "Muon")
_NOT_DIFFERENTIABLE = ("LBFGS", "Adafactor", "Muon")
_ALL = "model.parameters()"
_EACH_ITS_OWN = f"[{{'params': [p], 'lr': 0.01 * (i + 1)}} for i, p in enumerate({_ALL})]"
_SCHEDULERS = (
    *("StepLR(opt, 1, gamma=0.5)", "ExponentialLR(opt, 0.9)", "CosineAnnealingLR(opt, 3)"),
    *("OneCycleLR(opt, 0.1, total_steps=20)", "LambdaLR(opt, lambda e: 0.9**e)"),
    *("CyclicLR(opt, 0.01, 0.1, cycle_momentum=False)", "LinearLR(opt)", "PolynomialLR(opt, 5)"),
    *("MultiplicativeLR(opt, lambda e: 0.9)", "CosineAnnealingWarmRestarts(opt, 2)"),
    "SequentialLR(opt, [lr_scheduler.ConstantLR(opt), lr_scheduler.LinearLR(opt)], [1])",
    "ReduceLROnPlateau(opt, patience=0)",
)
_CALLS = (
    *["model(x)"] * 7,
    *("model(x * 1)", "model(x.detach())", "torch.cat([model(x[:2]), model(x[2:])])"),
    "checkpoint(model, x, use_reentrant=False)",
    "torch.func.functional_call(model, dict(model.named_parameters()), (x,))",
    "torch.func.functional_call(model, {n: p * 2 for n, p in model.named_parameters()}, (x,))",
)
_ASSIGNED = (
    f"for p, g in zip({_ALL}, grad({{0}}, list({_ALL}), allow_unused=True)):\n    p.grad = g",
)
_BACKWARDS = (
    *[("{0}.backward()",)] * 7,
    ("{0}.backward(retain_graph=True)", "{0}.backward()"),
    ("({0} / 2).backward()", "model(x).square().mean().backward()"),
    (f"{{0}}.backward(inputs=list({_ALL})[:2])",),
    ("backward([{0}, out], [None, torch.ones_like(out)])",),
    ("{0}.backward(create_graph=True)",),
    _ASSIGNED,
)
_GIVEN = f"for p in [p for p in {_ALL} if p.grad is not None]:\n    "
_CLIPS = (
    f"norm = nn.utils.clip_grad_norm_({_ALL}, 0.5)",
    f"norm = nn.utils.clip_grad_norm_({_ALL}, 0.5, norm_type=1.0, foreach=True)",
    f"norm = nn.utils.clip_grad_norm_({_ALL}, 0.5, float('inf'))",
    f"nn.utils.clip_grad_value_({_ALL}, 0.05)",
    *(_GIVEN + change for change in ("p.grad.data.mul_(0.5)", "p.grad = p.grad.clone()")),
    *(_GIVEN + change for change in ("p.grad += 0.01", "p.grad = torch.full_like(p, 0.01)")),
)
_IN_PLACE = ("inplace=True", "InPlace(")
_STATE = ("Chosen(", "Mean(", "Extra(", "BatchNorm")
#: What is not in one program: what the model has, what another line has, and why.
APART = (
    (("weight_norm(",), ("create_graph",), "torch's second derivative of weight_norm is wrong"),
    (
        ("Again(", "Halves(", "checkpoint(model"),
        _STATE,
        "what forward changes is changed once more, or not, as early as the second run ends",
    ),
    (
        *(("Dropout", "dropout=0.", "Jumps(", "RReLU", "Fractional"), ("func.grad", "func.jac")),
        "inside torch.func dropout draws other numbers",
    ),
    (
        (
            *(*_IN_PLACE, "Again(", "Halves(", "Written(", "Offloaded(", "Mean("),
            *("] * 2)", "full_backward", "BatchNorm", "spectral_norm("),
        ),
        ("func.grad", "func.jac", "func.vjp"),
        "torch.func refuses it, or leaves the model with what it was given",
    ),
    (
        *(_IN_PLACE, ("model(x[:2])",)),
        "a change of one part counts for both, but in autocast torch saves a copy",
    ),
    (
        ("RReLU",),
        ("saved_tensors_hooks", "Offloaded(", "Again(", "Halves(", "checkpoint(model"),
        "torch packs the noise before it is there",
    ),
    (("autocast",), ("create_graph",), "second derivatives in bfloat16 are little but rounding"),
    (
        *(("] * 2)",), ("functional_call",)),
        "torch leaves a module that is there twice with what it was given",
    ),
    (
        *(("vector_to_parameters",), ("optimizer_of",)),
        "the parameters then share memory, and a step of one looks like a change of the others",
    ),
)


class Writer:
    """Writes a program."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(seed)
        self.lines: list[str] = []
        self.low = self.chance(0.2)
        self.scaled = self.chance(0.4 if self.low else 0.1)
        self.name = "SGD" if self.low else self.choose.choice([*_OPTIMIZERS, "SGD", "Adam"])

    def chance(self, p: float) -> bool:
        return self.choose.random() < p

    def add(self, *lines: str) -> bool:
        """Add lines, unless they don't go with what is there."""
        text = "\n".join([*self.lines, *lines])
        fits = not any(_any(a, text) and _any(b, text) for a, b, _ in APART)
        self.lines += lines if fits else ()
        return fits

    def has(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    def start(self) -> None:
        """What is before the first step."""
        self.add(f"dtype = torch.float{32 if self.low else 64}")
        text, shape = model(self.choose)
        while not self.add(f"model = {text}.to(dtype)"):
            text, shape = model(self.choose)
        self.size = ", ".join(map(str, (4, *shape)))
        if self.chance(0.3):
            self.add(f"model(draws({self.size}))")
        self.add("convert(model)")
        self.add(f"x, target = draws({self.size}), draws(4, 3)", "label = target.argmax(1)")
        if self.chance(0.4):
            self.add("x = leaf(x)")
        self.add(self._optimizer())
        if self.scaled:
            self.add("scaler = torch.amp.GradScaler('cpu', init_scale=64.0, growth_interval=1)")
        if self.chance(0.3):
            self.add(f"plan = lr_scheduler.{self.choose.choice(_SCHEDULERS)}")

    def _optimizer(self) -> str:
        name = self.name
        text = "" if self.chance(0.2) and name != "LBFGS" else self.choose.choice(_OPTIMIZERS[name])
        if not text.startswith("lr="):
            text += ", lr=0.05"
        if name not in _NO_FOREACH and "fused" not in text:
            text += self.choose.choice(("", "", ", foreach=True", ", foreach=False"))
        if name not in _NO_FOREACH and self.chance(0.15):
            text += ", maximize=True"
        if name not in _NOT_DIFFERENTIABLE and self.chance(0.08):
            text = text.replace(", foreach=True", "") + ", differentiable=True"
        what = self.choose.choice((_ALL, _ALL, _EACH_ITS_OWN, "model.named_parameters()"))
        if name == "Muon":
            what = f"[p for p in {_ALL} if p.dim() == 2]"
        elif name == "LBFGS":
            what = _ALL
        elif self.chance(0.1):
            what = f"list({_ALL})[:1]"
        module = "trained" if name == "SAM" else "torch.optim"
        return f"opt = {module}.{name}({what}, {text.strip(', ')})"

    def step(self) -> None:
        """One step of the optimizer, and what goes with it."""
        if self.chance(0.9):
            self.add(f"opt.zero_grad({self.choose.choice(('', '', 'set_to_none=False'))})")
        if self.name in _WITH_CLOSURE or self.chance(0.05):
            self._closure()
        else:
            self._forward()
            self._backward()
            self.add("scaler.step(opt); scaler.update()" if self.scaled else "opt.step()")
        if self.has("plan = ") and self.chance(0.8):
            self.add(f"plan.step({'float(loss)' if self.has('ReduceLROnPlateau') else ''})")
        if self.has("average = ") and self.chance(0.8):
            self.add("average.update_parameters(model)")

    def _closure(self) -> None:
        text = f"opt.zero_grad(); loss = {self._loss('model(x)')}; loss.backward(); note(loss)"
        self.add(f"def closure():\n    {text}; return loss", "loss = opt.step(closure)")

    def _loss(self, out: str) -> str:
        return self.choose.choice(events.LOSSES).format(out, "target", "label")

    def _forward(self) -> None:
        call = self.choose.choice(_CALLS)
        cast = self.low and self.chance(0.7)
        if not (cast and self.add(f"with torch.autocast('cpu', torch.bfloat16): out = {call}")):
            cast = False
            if not self.add(f"out = {call}"):
                self.add("out = model(x)")
        self.add(f"loss = {self._loss('out.float()' if cast else 'out')}")
        if self.chance(0.15):
            wrt = ["[x]"] * self.has("leaf(x)") + [f"list({_ALL})", f"list({_ALL})[:1]"]
            of = self.choose.choice(("loss", "out.sum()"))
            options = "create_graph=True, allow_unused=True"
            slopes = f"grad({of}, {self.choose.choice(wrt)}, {options})"
            squares = "loss = loss + sum(g.pow(2).sum() for g in first)"
            self.add(f"first = [g for g in {slopes} if g is not None]", squares)
        if self.chance(0.15):
            self.add(f"loss = loss + sum(p.norm() for p in {_ALL}) * 0.1")
        if self.chance(0.08):
            self.add(
                self.choose.choice(("out.retain_grad()", "out.register_hook(lambda g: g * 2)"))
            )

    def _backward(self) -> None:
        loss = "scaler.scale(loss)" if self.scaled else "loss"
        if not self.add(*[t.format(loss) for t in self.choose.choice(_BACKWARDS)]):
            self.add(f"{loss}.backward()")
        if self.chance(0.3):
            self.add(*["scaler.unscale_(opt)"] * self.scaled, self.choose.choice(_CLIPS))
        self.add(f"clean({_ALL})")

    def event(self) -> None:
        """Something between two steps."""
        lines = self.choose.choice(self.choose.choice(events.KINDS))
        lines = (lines,) if isinstance(lines, str) else lines
        made = [*self.lines, *lines]
        if all(any(t.startswith(f"{n} = ") for t in made) for n in events.needs(lines)):
            p = self.choose.choice((f"list({_ALL})[0]", f"list({_ALL})[-1]"))
            m = self.choose.choice(("model", "model[0]", "model[-1]", "list(model.modules())[1]"))
            self.add(
                *[t.replace("$p", p).replace("$m", m).replace("$size", self.size) for t in lines]
            )


def _any(words: tuple[str, ...], text: str) -> bool:
    return any(word in text for word in words)


def program(seed: int) -> list[str]:
    """The lines of a seed's program."""
    writer = Writer(seed)
    writer.start()
    for _ in range(writer.choose.randint(2, 4)):
        while writer.chance(0.6):
            writer.event()
        writer.step()
    return writer.lines
