"""Parts of torch that are written in Python over many functions: distributions, packed sequences.

Each line runs on torch's tensors and on Variables, and gives the same values and gradients.
"""

import pytest
import torch
import torch.distributions as D  # noqa: N812 (as all who use it call it)
from torch import nn
from torch.nn.utils import rnn

import plugrad as pg

ONES, THIRD = torch.ones(3, dtype=torch.float64), torch.full((3,), 0.3, dtype=torch.float64)
EYE = torch.eye(3, dtype=torch.float64)
SIMPLEX = torch.tensor([0.3, 0.5, 0.2], dtype=torch.float64)

SAMPLES = {
    "Beta": (2, lambda a, b: D.Beta(a, b).rsample()),
    "Cauchy": (2, lambda a, b: D.Cauchy(a, b).rsample()),
    "Dirichlet": (1, lambda a: D.Dirichlet(a).rsample((2,))),
    "Exponential": (1, lambda a: D.Exponential(a).rsample()),
    "Gamma": (2, lambda a, b: D.Gamma(a, b).rsample((4,))),
    "Gumbel": (2, lambda a, b: D.Gumbel(a, b).rsample()),
    "Kumaraswamy": (2, lambda a, b: D.Kumaraswamy(a, b).rsample()),
    "Laplace": (2, lambda a, b: D.Laplace(a, b).rsample()),
    "LogNormal": (2, lambda a, b: D.LogNormal(a, b).rsample()),
    "Normal": (2, lambda a, b: D.Normal(a, b).rsample((2,))),
    "RelaxedOneHotCategorical": (
        1,
        lambda a: D.RelaxedOneHotCategorical(THIRD[0], logits=a).rsample(),
    ),
    "StudentT": (3, lambda a, b, c: D.StudentT(a, b, c).rsample()),
    "Weibull": (2, lambda a, b: D.Weibull(a, b).rsample()),
}
DENSITIES = {
    "Bernoulli": (1, lambda a: D.Bernoulli(logits=a).log_prob(ONES)),
    "Beta": (2, lambda a, b: D.Beta(a, b).log_prob(THIRD)),
    "Categorical": (1, lambda a: D.Categorical(logits=a).entropy()),
    "Dirichlet": (1, lambda a: D.Dirichlet(a).log_prob(SIMPLEX)),
    "Gamma": (2, lambda a, b: D.Gamma(a, b).log_prob(ONES)),
    "kl of Gammas": (4, lambda a, b, c, d: D.kl_divergence(D.Gamma(a, b), D.Gamma(c, d))),
    "kl of Normals": (4, lambda a, b, c, d: D.kl_divergence(D.Normal(a, b), D.Normal(c, d))),
    "LowRankMultivariateNormal": (
        3,
        lambda a, b, c: D.LowRankMultivariateNormal(a, b[:, None] * EYE[:, :2], c).log_prob(ONES),
    ),
    "MixtureSameFamily": (
        3,
        lambda a, b, c: D.MixtureSameFamily(D.Categorical(logits=a), D.Normal(b, c)).log_prob(
            THIRD[0]
        ),
    ),
    "MultivariateNormal": (
        2,
        lambda a, b: D.MultivariateNormal(a, torch.outer(b, b) + EYE).log_prob(ONES),
    ),
    "NegativeBinomial": (2, lambda a, b: D.NegativeBinomial(a, logits=b).log_prob(ONES)),
    "Normal's cdf": (2, lambda a, b: D.Normal(a, b).cdf(ONES)),
    "Normal's icdf": (2, lambda a, b: D.Normal(a, b).icdf(THIRD)),
    "Poisson": (1, lambda a: D.Poisson(a).log_prob(ONES)),
    "StudentT": (3, lambda a, b, c: D.StudentT(a, b, c).log_prob(ONES)),
    "TransformedDistribution": (
        2,
        lambda a, b: D.TransformedDistribution(
            D.Normal(a, b), [D.SigmoidTransform(), D.AffineTransform(a, b)]
        ).log_prob(a + b / 3),
    ),
    "VonMises": (2, lambda a, b: D.VonMises(a, b).log_prob(ONES)),
    "Wishart": (1, lambda a: D.Wishart(4 * ONES[0], torch.outer(a, a) + EYE).log_prob(EYE)),
}


@pytest.fixture(autouse=True)
def _random_numbers_are_as_before():
    with torch.random.fork_rng(devices=[]):
        yield


def gradients(made, call, number, shape):
    """The outputs and the gradients of a weighted sum of their squares."""
    generator = torch.Generator().manual_seed(0)
    inputs = [
        made(torch.rand(shape, dtype=torch.float64, generator=generator) + 0.5)
        for _ in range(number)
    ]
    torch.manual_seed(1)
    outputs = call(*inputs)
    outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
    sum((y * y).sum() for y in outputs).backward()
    return [torch.as_tensor(t.detach().numpy()) for t in outputs + [x.grad for x in inputs]]


def assert_same(call, number, shape=(3,)):
    with torch.random.fork_rng(devices=[]):
        wanted = gradients(lambda x: x.requires_grad_(), call, number, shape)
        actual = gradients(lambda x: pg.Variable(x, requires_grad=True), call, number, shape)
    assert len(actual) > number
    for a, w in zip(actual, wanted, strict=True):
        torch.testing.assert_close(a, w, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_of_distributions_have_torchs_gradients(name):
    number, call = SAMPLES[name]
    assert_same(call, number)


@pytest.mark.parametrize("name", DENSITIES)
def test_what_distributions_compute_has_torchs_gradients(name):
    number, call = DENSITIES[name]
    assert_same(call, number)


@pytest.mark.parametrize("enforce_sorted", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_padded_sequences_are_packed(batch_first, enforce_sorted):
    lengths = [3, 2, 2] if enforce_sorted else [2, 3, 1]

    def call(x):
        return rnn.pack_padded_sequence(x, lengths, batch_first, enforce_sorted).data

    assert_same(call, 1, (3, 3, 2))


def test_sequences_are_packed():
    assert_same(lambda a, b: rnn.pack_sequence([a, b[:1]]).data, 2, (3, 2))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_networks_run_on_packed_sequences(kind):
    torch.manual_seed(0)
    network = kind(2, 4, num_layers=2, bidirectional=True, batch_first=True).double()
    network.requires_grad_(False)

    def call(x):
        packed = rnn.pack_padded_sequence(x, [3, 2, 1], batch_first=True)
        output, hidden = network(packed)
        padded, _ = rnn.pad_packed_sequence(output, batch_first=True)
        return (padded, *hidden) if isinstance(hidden, tuple) else (padded, hidden)

    assert_same(call, 1, (3, 3, 2))


def test_pictures_are_moved_by_affine_maps():
    def call(theta):
        grid = nn.functional.affine_grid(theta, (2, 1, 4, 5), align_corners=False)
        pictures = torch.arange(40, dtype=torch.float64).reshape(2, 1, 4, 5) / 40
        return nn.functional.grid_sample(pictures, grid, align_corners=False)

    assert_same(call, 1, (2, 2, 3))


def test_a_view_changed_in_place_in_torchs_own_code():
    """stft of a signal without a batch ends in transpose_, whose form has another name."""
    window = torch.hann_window(8, dtype=torch.float64)
    assert_same(lambda x: torch.stft(x, 8, window=window, return_complex=True).abs(), 1, (32,))


def test_counts_of_events_have_zeros_for_a_gradient_and_are_torchs():
    rates = torch.tensor([0.3, 4.0, 60.0], dtype=torch.float64)
    x = pg.Variable(rates, requires_grad=True)
    y = torch.poisson(x, generator=torch.Generator().manual_seed(5))
    assert torch.equal(y.data, torch.poisson(rates, torch.Generator().manual_seed(5)))
    assert torch.equal(pg.grad(y.sum(), x)[0].data, torch.zeros(3, dtype=torch.float64))


def test_the_gradient_of_a_gamma_number_is_that_of_its_quantile():
    """Of the distribution function P, dP/dx by differences: torch is no oracle for its own rule."""
    x = pg.Variable(torch.tensor([0.4, 1.0, 2.5, 9.0], dtype=torch.float64), requires_grad=True)
    torch.manual_seed(3)
    y = torch._standard_gamma(x)
    y.sum().backward()
    a, t, h = x.data, y.data, 1e-5
    by_x = (torch.special.gammainc(a + h, t) - torch.special.gammainc(a - h, t)) / (2 * h)
    density = torch.exp((a - 1) * t.log() - t - torch.lgamma(a))
    # torch's kernel approximates: here it is 6e-5 off.
    torch.testing.assert_close(x.grad.data, -by_x / density, rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_recurrent_networks_are_mapped_for_a_gradient_of_each_example(kind):
    torch.manual_seed(0)
    network = getattr(torch.nn, kind)(3, 4, 2).double()
    x, h = torch.randn(2, 5, 3).double(), torch.randn(2, 2, 4).double()

    def loss(func, params, x, h):
        state = (h, h) if kind == "LSTM" else h
        return func.functional_call(network, params, (x, state))[0].square().sum()

    params = {name: p.detach().clone() for name, p in network.named_parameters()}
    theirs, ours = (
        func.vmap(func.grad(lambda *args, func=func: loss(func, *args)), (None, 0, 0))(params, x, h)
        for func in (torch.func, pg.func)
    )
    for name, expected in theirs.items():
        torch.testing.assert_close(ours[name], expected)
