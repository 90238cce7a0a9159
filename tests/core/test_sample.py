"""SampleMaker: the same seed, the same numbers; each kind within its promise."""

from __future__ import annotations

import torch

import plugrad as pg


def draw(seed):
    make = pg.SampleMaker(seed)
    return [make(3), make.complex(2), make.nonzero(4), make.distinct(2, 3), make.integers(5)]


def test_a_seed_fixes_the_numbers():
    for a, b in zip(draw(3), draw(3), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(draw(3)[0], draw(4)[0])


def test_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    draw(0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_ranges_and_dtypes():
    make = pg.SampleMaker(1)
    x = make(1000, low=-1.0, high=3.0)
    assert x.dtype == torch.float64
    assert -1 <= x.min() < -0.9
    assert 2.9 < x.max() < 3
    assert make(2, dtype=torch.float32).dtype == torch.float32
    z = make.complex(1000)
    assert z.dtype == torch.complex128
    assert z.imag.min() < -1.9
    n = make.nonzero(1000)
    assert n.abs().min() >= 0.3
    assert (n < 0).any()
    assert (n > 0).any()
    assert set(make.integers(1000, low=2, high=5).tolist()) == {2, 3, 4}
    assert make.booleans(1000).float().mean().item() > 0.4
    assert make.tensor([1, 2]).dtype == torch.float64


def test_distinct_numbers_are_apart():
    values = pg.SampleMaker(0).distinct(4, 5).flatten().sort().values
    assert values.diff().min() > 0.09
    assert values.abs().min() > 0.01


def test_repr_of_a_sample():
    make = pg.SampleMaker(0)
    sample = pg.Sample(make(3, 4), 2, weight=make.integers(3)).constant("weight")
    assert repr(sample) == "Sample(float64[3, 4], 2, weight=int64[3])"
    assert sample.constants == {"weight"}


def test_a_sample_that_must_raise_says_what():
    sample = pg.Sample(pg.SampleMaker(0)(3)).raises(ValueError, "one dimension")
    assert (sample.error, sample.match) == (ValueError, "one dimension")
    assert pg.Sample().error is None
    assert pg.Sample().raises(ValueError).match == ""
