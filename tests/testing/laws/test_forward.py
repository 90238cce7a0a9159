"""The laws of forward, where the controls do not reach."""

from __future__ import annotations

import plugrad as pg
from plugrad.tests.testing.doubled import but, said


def test_another_number_of_outputs_than_the_references_is_found():
    op = pg.op("test::one_of_two", reference=lambda x: (2 * x, x))(but())
    message = "not what the reference gives: expected 2 outputs, got 1"
    assert said(op, "reference") == ("failed", message)


def test_a_refused_sample_names_constants_that_forward_has():
    def samples(make):
        yield pg.Sample(make(3))
        yield pg.Sample(make(3)).constant("nope").raises(ValueError, "")

    status, message = said(but(samples=samples), "refusals")
    assert status == "failed"
    assert message.startswith("the sample calls 'nope' constant but has no such argument")


def test_other_strides_on_meta_tensors_are_found():
    def forward(ctx, x):
        return (2 * x).t().contiguous().t() if x.is_meta else 2 * x

    def samples(make):
        yield pg.Sample(make(3, 2))

    message = "a run on meta tensors gives another result: strides of output 0: expected "
    found = said(but(forward=forward, samples=samples), "meta")
    assert found == ("failed", f"{message}(2, 1), got (1, 3)")
