"""The laws on torch's engine: what they find in Functions, custom ops and functions as they are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.utils._pytree import tree_leaves

from plugrad import Sample
from plugrad.errors import ArgumentError, OpDefinitionError, TargetError
from plugrad.testing import check_op
from plugrad.testing.copies import recorded
from plugrad.testing.laws import LAWS
from plugrad.testing.torch_target import TorchTarget, made_samples, target_name
from plugrad.tests.testing import torch_functions as functions
from plugrad.tests.testing.torch_functions import rows

#: Those that compile take seconds, and have tests of their own.
FAST = [law.id for law in LAWS if not law.slow]


def broken(function, samples=rows, **told):
    report = check_op(function, samples=samples, laws=FAST, **told)
    return {r.law for r in report.failures}, {r.law for r in report.warnings}


def test_a_right_function_has_no_failures_and_says_what_torch_func_lacks():
    assert broken(functions.Swish) == (set(), {"setup-context", "complex"})


def test_a_wrong_gradient_is_found_by_torchs_own_forward_and_by_differences():
    report = check_op(functions.Wrong, samples=rows, laws=["oracle", "numeric"])
    assert [r.status for r in report] == ["failed"] * 4
    assert all("scaled by 1.01" in r.message for r in report)


def test_a_rule_that_reads_the_cotangents_memory_is_found():
    failures, _ = broken(functions.NeedsContiguous)
    assert failures == {"cotangent-layouts"}


def test_a_second_derivative_that_is_lost_is_one_failure():
    failures, _ = broken(functions.InNumpy)
    assert failures == {"once-differentiable"}


def test_what_torch_sums_is_a_warning_and_hides_no_other_law():
    def samples(make):
        return [Sample(make(4), make(3, 4))]

    failures, warnings = broken(functions.Tolerant, samples)
    assert failures == set()
    assert "gradient-form" in warnings
    report = check_op(functions.Tolerant, samples=samples, laws=["gradient-form", "oracle"])
    assert [r.status for r in report] == ["warning", "passed"]


def test_a_forward_that_detaches_is_judged_by_differences():
    assert broken(functions.Detached)[0] == set()


def test_what_writes_over_its_input_is_called_on_what_is_no_leaf():
    assert broken(functions.Doubled)[0] == set()


def test_a_mark_that_torch_does_not_enforce_is_a_warning():
    failures, warnings = broken(functions.Once)
    assert failures == set()
    assert "once-differentiable" in warnings


def test_a_cycle_through_ctx_is_a_failure_and_the_attribute_a_warning():
    failures, warnings = broken(functions.Leaking)
    assert failures == {"no-cycle"}
    assert "freed" in warnings


def test_draws_that_are_not_declared_are_one_failure():
    assert broken(functions.Noisy)[0] == {"random-state"}
    assert broken(functions.Noisy, random=True)[0] == set()


@pytest.mark.parametrize("dropped", [(0.0, 0.5), (0.5, 0.0)])
def test_whether_a_call_draws_is_found_out_of_each_sample(dropped):
    def samples(make):
        return [Sample(make(3, 4), each) for each in dropped]

    report = check_op(functions.Noisy, samples=samples, laws=FAST)
    broken = [(r.law, r.sample) for r in report.failures]
    assert broken == [("random-state", dropped.index(0.5))]


def test_any_function_on_tensors():
    assert broken(torch.nn.functional.silu) == (set(), set())
    assert broken(torch.nn.Softplus())[0] == set()


def test_a_reference_judges_values_and_gradients():
    assert broken(functions.Swish, reference=torch.nn.functional.silu)[0] == set()
    failures, _ = broken(functions.Swish, reference=torch.sigmoid)
    assert {"reference", "oracle"} <= failures


def test_a_list_of_arguments_in_which_only_some_require_grad():
    a, x = torch.rand(4, dtype=torch.float64), torch.rand(4, dtype=torch.float64)
    (sample,) = made_samples([(a, x.requires_grad_())], None)
    assert sample.constants == {0}
    assert not sample.args[1].requires_grad
    assert broken(functions.Tolerant, [(a, x)])[0] == set()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_what_needs_a_gpu_is_not_checked_and_says_so():
    report = check_op(functions.NeedsGpu, samples=rows, laws=["runs", "oracle"])
    assert [r.status for r in report] == ["warning", "not applicable"] * 2
    assert report.results[0].message.startswith(
        "not checked: it needs a GPU, and there is none here"
    )
    assert not report.failures
    assert report.unchecked == ["plugrad.tests.testing.torch_functions:NeedsGpu"]
    assert not report.passed  # nothing was checked
    report.results += check_op(functions.Swish, samples=rows, laws=["runs"]).results
    assert report.passed


_SCHEMA = "(Tensor x) -> Tensor"


@torch.library.custom_op("plugrad_tests::without_rule", mutates_args=(), schema=_SCHEMA)
def without_rule(x: torch.Tensor) -> torch.Tensor:
    """2x, with no rule."""
    return 2 * x


@torch.library.custom_op("plugrad_tests::order_of", mutates_args=(), schema=_SCHEMA)
def order_of(x: torch.Tensor) -> torch.Tensor:
    """Where the numbers of x are, from the smallest to the largest."""
    return x.argsort(-1)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda x: 2 * x.detach(), "torch does not differentiate it: x can require grad"),
        (lambda x: torch.from_numpy(x.detach().numpy() * 2), "torch does not differentiate it"),
        (lambda x: float(x.sum()), "torch does not differentiate it"),
        (lambda x: x.argmax(), "torch does not differentiate it"),
        (lambda _: None, "torch does not differentiate it"),
        (lambda x: SimpleNamespace(y=2 * x), "it returns a SimpleNamespace, and the laws look"),
        (lambda x: x.numpy(), "Can't call numpy"),
        (without_rule, "no autograd formula was registered"),
    ],
)
def test_what_torch_does_not_differentiate_is_one_failure(function, told):
    report = check_op(function, samples=rows)
    found = {r.law: r.message for r in report.failures}
    assert found.keys() - {"opcheck"} == {"runs"}
    assert told in found["runs"]


class Named(torch.autograd.Function):
    """Returns its output in a dict."""

    @staticmethod
    def forward(ctx, x):
        return {"y": 2 * x}

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy


class Listed(torch.autograd.Function):
    """The same in a list."""

    @staticmethod
    def forward(ctx, x):
        return [2 * x]

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy


class Beside(torch.autograd.Function):
    """The same beside a tensor in a list, perhaps one that is to have no gradient."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x, [3 * x]

    @staticmethod
    def backward(ctx, gy, _):
        return 2 * gy


@pytest.mark.parametrize(
    ("function", "container", "status"),
    [(Named, "dict", "failed"), (Listed, "list", "failed"), (Beside, "list", "warning")],
)
def test_an_output_in_a_container_gets_no_gradient_and_that_is_told(function, container, status):
    x = torch.ones(2, requires_grad=True)
    lost = function.apply(x)
    assert not tree_leaves(lost)[-1].requires_grad  # torch says nothing
    report = check_op(function, samples=rows, laws=["runs", "untracked", "layouts"])
    told = {r.law: (r.status, r.message) for r in (*report.failures, *report.warnings)}
    assert told.keys() == {"runs"}
    assert told["runs"][0] == status
    assert f"forward returns a tensor inside a {container}, and torch" in told["runs"][1]


def test_a_function_may_return_a_dict_as_models_do():
    def model(x):
        return {"loss": (x * x).sum(), "logits": (x.sin(), None)}

    assert check_op(model, samples=rows, laws=FAST).passed
    report = check_op(lambda x: {"y": functions.Wrong.apply(x)}, samples=rows, laws=["numeric"])
    assert [r.status for r in report] == ["failed"] * 2


@pytest.mark.parametrize("function", [torch.floor, order_of, lambda x: (x * x, x.argmax())])
def test_what_has_no_slope_or_no_numbers_is_not_blamed(function):
    report = check_op(function, samples=rows, laws=["runs"])
    assert {r.status for r in report} == {"passed"}


def test_what_is_declared_constant_needs_no_gradient():
    samples = [Sample(torch.ones(3, dtype=torch.float64)).constant("x")]
    report = check_op(lambda x: 2 * x.detach(), samples=samples, laws=["runs"])
    assert report.passed


def test_a_function_without_a_forward_says_so():
    class Empty(torch.autograd.Function):
        pass

    with pytest.raises(TargetError, match="Empty has no forward\n.*\n  fix: write forward and"):
        check_op(Empty, samples=rows)


def test_samples_that_raise_are_told():
    def raising(make):
        raise ZeroDivisionError("no samples today")

    report = check_op(functions.Swish, samples=raising)
    assert [r.law for r in report.failures] == ["samples"]
    assert "ZeroDivisionError: no samples today" in report.failures[0].message
    told = {r.message for r in report if r.law == "compiled"}
    assert told == {"see the law samples, which says what they raise"}


def test_without_samples_nothing_is_passed():
    report = check_op(functions.NeedsContiguous)
    assert not report.passed
    assert [r.law for r in report.failures] == ["samples"]


@pytest.mark.parametrize("samples", [3, torch.ones(2), lambda _: 3, [3], {"x": 1}])
def test_what_is_no_samples_is_refused(samples):
    with pytest.raises(
        TargetError, match=r"samples= is, or returns, a .*\n.*\n  fix: pass a function"
    ):
        made_samples(samples, None)


def test_what_cannot_be_declared_is_refused():
    with pytest.raises(ArgumentError, match="view cannot be declared of a torch target"):
        check_op(functions.Swish, samples=rows, view=True)
    with pytest.raises(ArgumentError, match="samples is only for torch targets"):
        check_op("sin", samples=rows)


def test_what_is_no_target_is_refused():
    with pytest.raises(
        TargetError, match="is not something that torch differentiates\n.*\n  fix: pass"
    ):
        TorchTarget(torch.autograd.Function)


def test_what_is_no_target_is_refused_with_samples_too():
    for target in (3, torch.nn.Linear):
        with pytest.raises(OpDefinitionError, match="neither the name of an op nor a Function"):
            check_op(target, samples=rows)


def test_opcheck_is_not_asked_of_several_overloads_at_once():
    library = torch.library.Library("torch_target_test", "FRAGMENT")
    library.define("twice(Tensor x) -> Tensor")
    library.define("twice.scaled(Tensor x, float a) -> Tensor")
    library.impl("twice", lambda x: 2 * x, "CompositeImplicitAutograd")
    twice = torch.ops.torch_target_test.twice
    (result,) = check_op(twice, samples=rows, laws=["opcheck"])
    assert result.message.endswith("check torch.ops.torch_target_test.twice.default"), result
    (result,) = check_op(twice.default, samples=rows, laws=["opcheck"])
    assert result.status == "passed", result


def test_names():
    assert target_name(functions.Swish) == "plugrad.tests.testing.torch_functions:Swish"
    assert target_name(torch.nn.ReLU()) == "torch.nn.modules.activation:ReLU"


def test_a_result_says_how_to_see_it_again_only_where_a_command_finds_it():
    handed = check_op(functions.Wrong, samples=rows, laws=["oracle"]).failures[0]
    found = check_op(functions.Wrong, laws=["oracle"]).failures[0]
    assert handed.reproduce == ""
    name = "plugrad.tests.testing.torch_functions:Wrong"
    assert found.reproduce == f"plugrad check {name} --law oracle --sample 0 --seed 0"


class OfModule(torch.autograd.Function):
    """y = module(x), whose rule differentiates the module and the weight that it has."""

    @staticmethod
    def forward(ctx, module, x, weight):
        ctx.module = module
        ctx.save_for_backward(x)
        with torch.no_grad():
            return module(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            of_x, of_weight = torch.autograd.grad(ctx.module(x), (x, ctx.module.weight), g)
        return None, of_x, of_weight


def test_a_parameter_of_a_module_that_is_given_too_stays_that_parameter():
    module = torch.nn.Linear(3, 2, bias=False).double()

    def samples(make):
        return [Sample(module, make(4, 3), module.weight), Sample(module, make(3), module.weight)]

    report = check_op(OfModule, samples=samples, laws=["runs", "numeric", "oracle", "subsets"])
    assert not report.failures
    assert report.counts["passed"] >= 4


def test_a_recorded_call_keeps_what_is_in_two_arguments_one_object():
    module = torch.nn.Linear(3, 2, bias=False).double()
    recording = recorded((module.weight, module, torch.ones(4, 3)), {}, "a test")
    weight, again, _ = recording.forms[0].args
    assert again is not module
    assert again.weight is weight
    assert type(weight) is torch.nn.Parameter
    assert weight.requires_grad
    assert torch.equal(weight, module.weight)
    assert weight.data_ptr() != module.weight.data_ptr()


def test_stretched_is_advice_unless_a_sample_has_a_domain():
    class WrongFarAway(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return torch.where(x > 5, 3 * x * g, 2 * x * g)

    def status(samples):
        return {r.status for r in check_op(WrongFarAway, samples=samples, laws=["stretched"])}

    assert status(lambda make: [Sample(make(3, 4, low=0.6))]) == {"warning"}
    assert status(lambda make: [Sample(make(3, 4, domain="positive"))]) == {"failed"}
    assert status(lambda make: [Sample(make(3, 4, low=0.6)).domain("positive", "x")]) == {"failed"}
