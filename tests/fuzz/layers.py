"""layers: random models, as text: torch's modules, and those of ``trained``."""

from __future__ import annotations

import math
import random

_ACTIVATIONS = (
    *("ReLU()", "ReLU(inplace=True)", "ReLU6()", "ELU(0.5)", "ELU(inplace=True)", "SELU()"),
    *("CELU(0.7)", "GELU()", "GELU('tanh')", "LeakyReLU(0.1)", "LeakyReLU(0.1, inplace=True)"),
    *("PReLU()", "RReLU()", "SiLU()", "SiLU(inplace=True)", "Mish()", "Softplus(2)", "Softsign()"),
    *("Hardtanh()", "Hardswish()", "Hardsigmoid()", "LogSigmoid()", "Tanhshrink()"),
    *("Hardshrink(0.1)", "Softshrink()", "Threshold(0.1, 0.2)", "Tanh()", "Sigmoid()"),
    *("Softmax(-1)", "Softmin(-1)", "LogSoftmax(-1)", "Dropout(0.3)", "Dropout(0.3, inplace=True)"),
    *("AlphaDropout(0.2)", "FeatureAlphaDropout(0.2)", "Identity()"),
)
_AROUND = (
    *("Residual", "Again", "Again", "Halves", "Chosen", "shared", "sequential"),
    *("Offloaded", "Jumps", "Full"),
)
_PARAMETRIZED = (
    *("weight_norm({})", "weight_norm({}, dim=None)", "spectral_norm({})", "orthogonal({})"),
    *("orthogonal({}, orthogonal_map='cayley')", "orthogonal({}, orthogonal_map='householder')"),
)
_PARAMETRIZED = (
    *[f"nn.utils.parametrizations.{text}" for text in _PARAMETRIZED],
    *("nn.utils.weight_norm({})", "nn.utils.spectral_norm({})", "pruned({})"),
    *("registered({}, Exp())", "registered({}, Pair())"),
)
_POOLS = (
    *("nn.AdaptiveAvgPool2d(2)", "nn.AdaptiveMaxPool2d(2)"),
    "nn.Sequential(nn.Upsample((4, 4)), nn.MaxPool2d(2))",
    "nn.Sequential(nn.Upsample((4, 4), mode='bilinear'), nn.AvgPool2d(2))",
    "nn.Sequential(nn.Upsample((4, 4), mode='bicubic'), nn.LPPool2d(2, 2))",
    "nn.Sequential(nn.Upsample((4, 4)), nn.FractionalMaxPool2d(2, (2, 2)))",
)
_INDEX = "nn.Sequential(Do(trained.index), {})"


class Layers:
    """Draws layers, and knows the shape of what the last one returns."""

    def __init__(self, choose: random.Random, shape: tuple[int, ...]) -> None:
        self.choose = choose
        #: Without the batch: (features,), (time, features) or (channels, height, width).
        self.shape = shape

    def one_of(self, *values):
        return self.choose.choice(values)

    def chance(self, p: float) -> bool:
        return self.choose.random() < p

    def layer(self, depth: int = 0) -> str:
        """A layer of any kind; the shape is the one after it."""
        if self.chance(0.3):
            return f"nn.{self.choose.choice(_ACTIVATIONS)}"
        if depth < 2 and self.chance(0.25):
            return self._around(depth)
        return (self._of_vectors, self._of_sequences, self._of_images)[len(self.shape) - 1]()

    def _same(self, depth: int) -> str:
        """A layer that keeps the shape."""
        before = self.shape
        for _ in range(10):
            text = self.layer(depth)
            if self.shape == before:
                return text
            self.shape = before
        return "nn.Tanh()"

    def _around(self, depth: int) -> str:
        """A module around others."""
        kind, depth = self.choose.choice(_AROUND), depth + 1
        if kind in ("Residual", "Offloaded", "Jumps"):
            return f"{kind}({self._same(depth)})"
        if kind == "Full":
            return f"Full(nn.Sequential(nn.LayerNorm({self.shape[-1]}), {self._same(depth)}))"
        if kind == "shared":
            return f"nn.Sequential(*[{self._same(depth)}] * 2)"
        if kind in ("Chosen", "Halves"):
            two = f"{self._same(depth)}, {self._same(depth)}"
            return f"Chosen({two})" if kind == "Chosen" else f"Halves(nn.Sequential({two}))"
        text = ", ".join([self.layer(depth) for _ in range(self.one_of(1, 2))])
        return (
            f"nn.Sequential({text})" if kind == "sequential" else f"{kind}(nn.Sequential({text}))"
        )

    def _parametrized(self, text: str) -> str:
        return text if self.chance(0.65) else self.choose.choice(_PARAMETRIZED).format(text)

    # --- vectors ---
    def _of_vectors(self) -> str:
        kinds = (*[self._linear] * 5, *[self._norm] * 3, *[self._own] * 2)
        return self.choose.choice((*kinds, self._bilinear, self._embedded, self._unflattened))()

    def _linear(self) -> str:
        n, m = self.shape[-1], self.one_of(2, 3, 4)
        self.shape = (*self.shape[:-1], m)
        return self._parametrized(f"nn.Linear({n}, {m}, bias={self.chance(0.8)})")

    def _norm(self) -> str:
        (n,), affine = self.shape, self.chance(0.8)
        momentum, tracked = self.one_of(0.1, 0.5, None), self.chance(0.8)
        options = f"momentum={momentum}, affine={affine}, track_running_stats={tracked}"
        return self.one_of(
            *(f"nn.BatchNorm1d({n}, {options})", f"nn.LayerNorm({n}, elementwise_affine={affine})"),
            *(f"nn.LayerNorm({n}, bias=False)", f"nn.RMSNorm({n})"),
            f"nn.GroupNorm(1, {n}, affine={affine})",
        )

    def _own(self) -> str:
        n = self.shape[-1]
        return self.one_of(
            *(f"Twice({n}, 3)", f"Tied({n})", f"Mean({n}, {self.chance(0.5)})", f"Listed({n})"),
            *(f"Tree({n})", f"Complex({n})", f"Extra({n})", f"Written({n}, trained.Square)"),
            *(f"Written({n}, trained.Sign)", f"Written({n}, trained.Sorted)"),
            *[f"InPlace({n})"] * (n > 1),
        )

    def _bilinear(self) -> str:
        (n,), m = self.shape, self.one_of(2, 3)
        self.shape = (m,)
        return f"Own(nn.Bilinear({n}, {n}, {m}), 2)"

    def _embedded(self) -> str:
        (n,), m = self.shape, self.one_of(2, 3, 4)
        if self.chance(0.3):
            self.shape = (m,)
            return _INDEX.format(f"nn.EmbeddingBag(5, {m}, mode='{self.one_of('sum', 'max')}')")
        self.shape = (n, m)
        options = self.one_of("", ", padding_idx=1", ", max_norm=1.0", ", sparse=True")
        return _INDEX.format(f"nn.Embedding(5, {m}{options})")

    def _unflattened(self) -> str:
        (n,) = self.shape
        if n % 2 or n == 2:
            self.shape = (n, 1)
            return "Do(trained.column)"
        self.shape = (2, n // 2)
        return f"nn.Unflatten(1, (2, {n // 2}))"

    # --- sequences ---
    def _of_sequences(self) -> str:
        kinds = (self._recurrent, self._recurrent, self._attention, self._transformer)
        kinds += (self._linear, self._norm_of_sequences, self._conv1d, self._own, self._shaped)
        return self.choose.choice(kinds)()

    def _recurrent(self) -> str:
        (t, n), m = self.shape, self.one_of(2, 3, 4)
        two, both, cell = self.chance(0.4), self.chance(0.4), self.one_of("RNN", "LSTM", "GRU")
        options = f"batch_first=True, num_layers={1 + two}, bidirectional={both}"
        options += f", bias={self.chance(0.8)}"
        options += ", dropout=0.2" * (two and self.chance(0.5))
        options += ", nonlinearity='relu'" * (cell == "RNN" and self.chance(0.3))
        smaller = cell == "LSTM" and m > 2 and self.chance(0.3)
        self.shape = (t, (2 if smaller else m) * (1 + both))
        inner = f"nn.{cell}({n}, {m}, {options}{', proj_size=2' * smaller})"
        return f"{self.one_of('First', 'First', 'Packed')}({inner})"

    def _attention(self) -> str:
        (t, n), heads = self.shape, 1 + (self.shape[1] % 2 == 0)
        options = self.one_of("", ", add_bias_kv=True", ", add_zero_attn=True", ", dropout=0.1")
        call = self.one_of("", ", need_weights=False", f", attn_mask=mask({t})")
        return f"Own(nn.MultiheadAttention({n}, {heads}{options}, batch_first=True), 3{call})"

    def _transformer(self) -> str:
        (_, n), heads = self.shape, 1 + (self.shape[1] % 2 == 0)
        options = f"{n}, {heads}, 4, batch_first=True, norm_first={self.chance(0.5)}"
        options += f", activation='{self.one_of('relu', 'gelu')}', dropout={self.one_of(0, 0.1)}"
        layer = f"nn.TransformerEncoderLayer({options})"
        decoder = f"Own(nn.TransformerDecoderLayer({options}), 2)"
        return self.one_of(layer, layer, f"nn.TransformerEncoder({layer}, 2)", decoder)

    def _norm_of_sequences(self) -> str:
        t, n = self.shape
        return self.one_of(
            *(f"nn.LayerNorm({n})", f"nn.LayerNorm(({t}, {n}))", f"nn.BatchNorm1d({t})"),
            *(f"nn.InstanceNorm1d({t}, affine=True)", f"nn.RMSNorm({n})"),
        )

    def _conv1d(self) -> str:
        (t, n), m = self.shape, self.one_of(2, 3, 4)
        self.shape = (m, n)
        mode = self.one_of("zeros", "zeros", "circular", "replicate")
        return self._parametrized(f"nn.Conv1d({t}, {m}, 3, padding='same', padding_mode='{mode}')")

    def _shaped(self) -> str:
        """To vectors, or to images."""
        (t, n), m = self.shape, self.one_of(2, 3)
        text, self.shape = self.one_of(
            ("nn.Flatten()", (t * n,)),
            ("nn.Unflatten(1, (1, -1))", (1, t, n)),
            (f"nn.Sequential(Do(trained.last), nn.GRUCell({n}, {m}))", (m,)),
        )
        return text

    # --- images ---
    def _of_images(self) -> str:
        kinds = (*[self._conv2d] * 3, self._transposed, self._norm_of_images, self._norm_of_images)
        return self.choose.choice((*kinds, self._pool, self._pool, self._flat))()

    def _conv2d(self) -> str:
        (c, h, w), m = self.shape, self.one_of(2, 4)
        groups = c if m % c == 0 and self.chance(0.3) else 1
        self.shape = (m, h, w)
        options = f"padding=1, groups={groups}, bias={self.chance(0.7)}"
        return self._parametrized(f"nn.Conv2d({c}, {m}, 3, {options})")

    def _transposed(self) -> str:
        (c, h, w), m = self.shape, self.one_of(2, 4)
        twice = h * w < 20
        self.shape = (m, 2 * h, 2 * w) if twice else (m, h, w)
        options = "2, stride=2" if twice else "3, padding=1"
        return self._parametrized(f"nn.ConvTranspose2d({c}, {m}, {options})")

    def _pool(self) -> str:
        self.shape = (self.shape[0], 2, 2)
        return self.choose.choice(_POOLS)

    def _norm_of_images(self) -> str:
        c, h, w = self.shape
        return self.one_of(
            *(f"nn.BatchNorm2d({c}, affine={self.chance(0.8)})", f"nn.GroupNorm({c}, {c})"),
            *(f"nn.LayerNorm(({c}, {h}, {w}))", "nn.LocalResponseNorm(2)", "nn.Softmax2d()"),
            *(f"nn.BatchNorm2d({c}, momentum=None)", "nn.Dropout2d(0.3)", f"nn.PReLU({c})"),
            "Do(trained.channels_last)",
        )

    def _flat(self) -> str:
        self.shape = (math.prod(self.shape),)
        return "nn.Flatten()"


def model(choose: random.Random) -> tuple[str, tuple[int, ...]]:
    """A model with three outputs, and the shape of its inputs without the batch."""
    shape = choose.choice(((3,), (4,), (3, 2), (2, 4), (2, 4, 4)))
    layers = Layers(choose, shape)
    texts = [layers.layer() for _ in range(choose.randint(1, 4))]
    if len(layers.shape) > 1:
        texts.append("nn.Flatten()")
    texts.append(f"nn.Linear({math.prod(layers.shape)}, 3, bias={choose.random() < 0.9})")
    return f"nn.Sequential({', '.join(texts)})", shape
