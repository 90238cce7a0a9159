"""The laws of special points, where the controls do not reach."""

from __future__ import annotations

import plugrad as pg
from plugrad.tests.testing.doubled import but, said


def test_a_kink_is_not_declared_where_forward_is_smooth():
    def samples(make):
        yield pg.Sample(make(3)).at_kink()

    message = "the sample is declared to be at a kink, but forward is smooth there"
    assert said(but(samples=samples), "kinks") == ("failed", message)
