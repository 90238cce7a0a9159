"""torch functions without an op run torch's own implementation, and its primitives are our ops."""

from __future__ import annotations

import copy
import threading

import pytest
import torch
from torch.nn import functional

import plugrad as pg
from plugrad import errors
from plugrad.interop.fallback import fall_back
from plugrad.tests.installed import asks_what_a_number_is

aten = torch.ops.aten


def leaves(*shapes, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(*shape, generator=generator, dtype=dtype) for shape in shapes]
    tensors = [t.clone().requires_grad_() for t in made]
    return tensors, [pg.Variable(t, requires_grad=True) for t in made]


def same(function, *shapes, dtype=torch.float64):
    """Compare value, gradient and second derivative with torch's."""
    tensors, variables = leaves(*shapes, dtype=dtype)
    expected, y = function(*tensors), function(*variables)
    assert isinstance(y, pg.Variable)
    torch.testing.assert_close(y.data, expected.detach())
    cotangent = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
    wanted = torch.autograd.grad(expected, tensors, cotangent, create_graph=True)
    got = pg.grad(y, variables, pg.Variable(cotangent), create_graph=True)
    for g, w in zip(got, wanted, strict=True):
        torch.testing.assert_close(g.data, w.detach())
    squares = sum((g.abs() ** 2).sum() for g in wanted)
    if squares.requires_grad:
        again = pg.grad(sum((g.abs() ** 2).sum() for g in got), variables, allow_unused=True)
        wanted = torch.autograd.grad(squares, tensors, allow_unused=True)
        for g, w in zip(again, wanted, strict=True):
            if g is None or w is None:
                assert not any(v is not None and v.any() for v in (g, w))
            else:
                torch.testing.assert_close(g.data, w)


def without_op(function):
    """A function whose op is passed over: its implementation shows what another might do."""

    def called(*args):
        if isinstance(args[0], pg.Variable):
            return fall_back(function, *args)
        return function(*args)

    return called


COMPOSITES = {
    "cov": (lambda x: torch.cov(x), (3, 4)),
    "atleast_3d": (lambda x: torch.atleast_3d(x) ** 2, (3, 4)),
    "normalize": (lambda x: functional.normalize(x), (3, 4)),
    "hstack": (lambda x, y: torch.hstack([x, y]) ** 2, (3, 4), (3, 2)),
    "trapezoid": (lambda x: torch.trapezoid(x**2), (3, 4)),
    "diff": (lambda x: x.diff() ** 2, (3, 4)),
    "meshgrid": (lambda x, y: torch.meshgrid(x, y, indexing="ij")[1] * x.sum(), (3,), (4,)),
    "ravel": (lambda x: x.ravel() ** 2, (3, 4)),
    "l1_loss": (lambda x, y: functional.l1_loss(x, y, reduction="sum"), (3, 4), (3, 4)),
    "tensordot": (lambda x, y: torch.tensordot(x, y, dims=1), (3, 4), (4, 2)),
    # Their implementations write in place.
    "cosine_similarity": (without_op(functional.cosine_similarity), (3, 4), (3, 4)),
    "gaussian_nll_loss": (
        lambda x, y: without_op(functional.gaussian_nll_loss)(x, y, x**2 + 1),
        (3,),
        (3,),
    ),
}


@pytest.mark.parametrize("name", COMPOSITES)
def test_a_composite_has_the_gradients_of_what_it_is_made_of(name):
    function, *shapes = COMPOSITES[name]
    same(function, *shapes)


@pytest.mark.parametrize("name", ["cov", "hstack", "tensordot", "normalize"])
def test_complex_numbers_whose_conjugate_is_lazy(name):
    function, *shapes = COMPOSITES[name]
    same(function, *shapes, dtype=torch.complex128)


def test_an_ops_own_rule_wins_over_taking_it_apart():
    _, (x, weight) = leaves((2, 3, 4), (5, 4))
    # torch itself makes linear, which is called here with tensors, of views and addmm.
    made = fall_back(lambda x, w: functional.linear(x, w), x, weight)
    assert made.grad_fn.name() == "Linear"


def test_only_the_overload_that_an_op_names_reaches_it():
    assert pg.registry.primitive(aten.mul.Tensor).name == "mul"
    assert pg.registry.primitive(aten.mul.out) is None


# --- nothing is recorded -------------------------------------------------------------


def test_answers_without_a_gradient():
    _, (x,) = leaves((3, 4))
    assert torch.equal(x, x) is True
    assert torch.allclose(x, x + 1) is False
    assert torch.is_same_size(x, x)
    drawn = torch.rand_like(x)
    assert isinstance(drawn, pg.Variable)
    assert not drawn.requires_grad
    assert torch.bucketize(x, torch.tensor([0.0])).data.tolist() == (x.data > 0).long().tolist()


def test_in_no_grad_torch_computes_on_the_tensors():
    _, (x, y) = leaves((3,), (3,))
    expected = torch.special.bessel_j1(x.data)
    with pg.no_grad():
        assert torch.equal(torch.special.bessel_j1(x).data, expected)
        version = x._version
        before = x.data.clone()
        assert x.addcdiv_(y, y.data) is x
    torch.testing.assert_close(x.data, before + 1)
    assert x._version == version + 1


def test_foreach_functions_step_variables():
    _, (x, y) = leaves((3,), (2,))
    before = [x.data.clone(), y.data.clone()]
    with pg.no_grad():
        torch._foreach_add_([x, y], [x.data.clone(), y.data.clone()], alpha=2)
        total = torch._foreach_mul([x, y], 2.0)
    assert [v.data.tolist() for v in (x, y)] == [(3 * b).tolist() for b in before]
    assert all(isinstance(v, pg.Variable) for v in total)


def test_a_version_that_was_saved_is_missed():
    _, (x, y) = leaves((3,), (3,))
    z = x * y
    with pg.no_grad():
        torch._foreach_add_([y], 1.0)
    with pytest.raises(errors.SavedTensorChangedError):
        z.sum().backward()


# --- views and changes in place ------------------------------------------------------


def test_a_view_that_survives_the_call_follows_its_base():
    (t,), (x,) = leaves((3, 4))

    def change(v):
        y = v * 1
        z = torch.narrow(y.swapaxes(0, 1), 0, 1, 2)
        y.mul_(3)
        z.add_(1)
        return (y**2).sum() + z.sum()

    (wanted,) = torch.autograd.grad(change(t), t)
    (got,) = pg.grad(change(x), x)
    torch.testing.assert_close(got.data, wanted)


def test_a_function_that_changes_its_argument():
    (t,), (x,) = leaves((4, 4))

    def change(v):
        y = v * 1
        y.fill_diagonal_(2.0)
        y.mul_(v)
        return (y * v).sum()

    (wanted,) = torch.autograd.grad(change(t), t)
    (got,) = pg.grad(change(x), x)
    torch.testing.assert_close(got.data, wanted)


def test_a_plain_tensor_that_would_be_written_to_is_refused():
    _, (x,) = leaves((3,))
    plain = torch.zeros(3, dtype=torch.float64)
    with pytest.raises(errors.InplaceError, match="into a plain tensor"):
        plain.add_(x)
    assert plain.tolist() == [0.0, 0.0, 0.0]


def test_out_is_refused_where_it_would_lose_the_gradient():
    _, (x,) = leaves((3, 4))
    out = torch.empty(3, 3, dtype=torch.float64)
    with pytest.raises(errors.OutArgumentError) as caught:
        torch.tensordot(x, x.t(), dims=1, out=out)
    assert "fix: drop out=" in str(caught.value)
    with pg.no_grad():
        torch.tensordot(x, x.t(), dims=1, out=out)
    torch.testing.assert_close(out, x.data @ x.data.T)


# --- what has no rule ----------------------------------------------------------------


def test_a_primitive_without_a_rule_is_an_error_that_names_it():
    _, (x,) = leaves((3,))
    with pytest.raises(errors.MissingPrimitiveError) as caught:
        torch.special.bessel_j1(x)
    assert str(caught.value) == (
        "no op stands for torch.special.bessel_j1, and torch's own implementation of it calls the "
        "primitive aten.special_bessel_j1.default, for which there is none either, so its "
        "gradient is not known\n  where: a call of torch.special.bessel_j1\n  fix: `pip install "
        "plugrad-special` brings bessel_j1; or write a Function for it "
        "with @plugrad.op(..., overrides=(torch.ops.aten.special_bessel_j1.default,)) and "
        "registry.add it; or pass .detach() where no gradient is needed"
    )
    assert torch.special.bessel_j1(x.detach()).shape == (3,)


def test_the_op_that_the_error_asks_for_is_used():
    @pg.op("half_bessel", overrides=(torch.ops.aten.special_bessel_j1.default,))
    class Bessel(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.special.bessel_j1(x)

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return gy * (torch.special.bessel_j0(x) - torch.special.bessel_j1(x) / x)

    _, (x,) = leaves((3,))
    pg.registry.add(Bessel)
    try:
        (g,) = pg.grad(torch.special.bessel_j1(x).sum(), x)
    finally:
        pg.registry.remove("half_bessel")
    step = 1e-6
    slope = torch.special.bessel_j1(x.data + step) - torch.special.bessel_j1(x.data - step)
    torch.testing.assert_close(g.data, slope / (2 * step), rtol=1e-6, atol=1e-8)


def test_a_tensor_of_torchs_graph_is_refused():
    _, (x,) = leaves((3,))
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    with pytest.raises(errors.TorchGraphError, match="requires grad"):
        functional.l1_loss(x, weight)


# --- modes ---------------------------------------------------------------------------


def test_random_numbers_are_those_of_torchs_call():
    (t,), (x,) = leaves((3, 4))
    torch.manual_seed(3)
    wanted = functional.alpha_dropout(t, 0.5, training=True)
    after = torch.rand(1)
    torch.manual_seed(3)
    got = functional.alpha_dropout(x, 0.5, training=True)
    assert torch.equal(torch.rand(1), after)
    torch.testing.assert_close(got.data, wanted.detach())
    ones = torch.ones(3, 4, dtype=torch.float64)
    torch.testing.assert_close(
        pg.grad(got, x, pg.Variable(ones))[0].data, torch.autograd.grad(wanted, t, ones)[0]
    )


@pytest.mark.parametrize("layer", [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
def test_dropout_between_recurrent_layers_is_torchs(layer):
    """torch's implementation in Python, for its compiler, leaves it out."""
    torch.manual_seed(0)
    module = layer(3, 4, num_layers=3, dropout=0.5).double()
    ours = pg.interop.convert(copy.deepcopy(module))
    x = torch.ones(5, 2, 3, dtype=torch.float64)
    for called, given in ((module, x), (ours, pg.Variable(x))):
        torch.manual_seed(1)
        called(given)[0].sum().backward()
    for g, w in zip(ours.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(g.grad.data, w.grad)


def test_no_grad_inside_the_implementation_holds():
    _, (x,) = leaves((3, 4))
    torch.nn.init.ones_(x)
    assert x.is_leaf
    assert x.data.tolist() == [[1.0] * 4] * 3


def test_threads_do_not_see_each_others_calls():
    tensors, variables = leaves((3, 4), (3, 4))
    found = {}

    def work(number):
        for _ in range(20):
            (found[number],) = pg.grad(torch.cov(variables[number]).sum(), variables[number])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, t in enumerate(tensors):
        (wanted,) = torch.autograd.grad(torch.cov(t).sum(), t)
        torch.testing.assert_close(found[number].data, wanted)


def test_autocast_is_as_in_torch():
    (t, u), (x, y) = leaves((3, 4), (4, 2), dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        wanted, got = torch.tensordot(t, u, dims=1), torch.tensordot(x, y, dims=1)
    assert got.dtype is wanted.dtype is torch.bfloat16
    (w,) = torch.autograd.grad(wanted.float().sum(), t)
    (g,) = pg.grad(got.float().sum(), x)
    assert g.dtype is torch.float32
    torch.testing.assert_close(g.data, w)


#: Functions of a matrix that torch takes apart, for torch.vmap.
MAPPED = {
    "cov": torch.cov,
    "kron": lambda x: torch.kron(x, x),
    "tensordot": lambda x: torch.tensordot(x, x.mT, dims=1),
    "multi_dot": lambda x: torch.linalg.multi_dot([x, x.mT, x]),
    "trapezoid": lambda x: torch.trapezoid(x**2),
    "block_diag": lambda x: torch.block_diag(x, x * 2),
    "dropout": lambda x: functional.alpha_dropout(x, 0.5, training=True),
}


def batch():
    return torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("name", MAPPED)
def test_in_vmap_the_gradients_are_torchs(name):
    """They were zeros: torch.vmap handed on slices that belonged to no Variable."""
    found = []
    for name_space in (torch.func, pg.func):
        torch.manual_seed(0)
        each = name_space.grad(lambda x: (MAPPED[name](x) ** 2).sum())
        found.append(name_space.vmap(each, randomness="different")(batch()))
    torch.testing.assert_close(found[1], found[0])
    assert found[0].any()


def test_in_vmap_second_derivatives_are_torchs():
    def f(x):
        return torch.kron(x, x**2).sum()

    x = batch()
    wanted = torch.func.jacrev(torch.func.jacrev(f))
    torch.testing.assert_close(pg.func.hessian(f)(x[0]), wanted(x[0]))
    torch.testing.assert_close(pg.func.vmap(pg.func.hessian(f))(x), torch.func.vmap(wanted)(x))


def test_in_nested_vmaps_the_gradients_are_torchs():
    def f(x):
        return (torch.kron(x, x) ** 2).sum()

    twice = [F.vmap(F.vmap(F.grad(f)))(batch()) for F in (torch.func, pg.func)]
    torch.testing.assert_close(twice[1], twice[0])


def test_in_vmap_a_primitive_without_a_rule_is_an_error():
    with pytest.raises(errors.MissingPrimitiveError):
        pg.func.vmap(pg.func.grad(lambda x: torch.special.bessel_j1(x).sum()))(batch())


def test_what_torchs_code_squeezed_in_place_can_be_changed_by_the_caller():
    """Its base then had the new shape, and the gradient of the change none that fitted."""
    data = torch.arange(12, dtype=torch.float64).reshape(3, 4) ** 2
    ours, theirs = pg.Variable(data.clone(), requires_grad=True), data.clone().requires_grad_()
    found = []
    for x in (ours, theirs):
        q = torch.quantile(x * 1, 0.3, dim=1)
        q.mul_(2)
        q[0] = q[1] * 3
        (q * q).sum().backward()
        found.append(x.grad)
    torch.testing.assert_close(found[0].data, found[1])


def of_number():
    return pg.Variable(torch.tensor(0.5), requires_grad=True)


@pytest.mark.parametrize(
    "function",
    [
        *(
            pytest.param(function, marks=asks_what_a_number_is)
            for function in (
                lambda s: torch.full((2,), s),
                lambda s: torch.arange(s, s + 3),
                lambda s: functional.pad(torch.ones(2), (1, 1), value=s),
                lambda s: functional.leaky_relu(torch.ones(2), s),
                lambda s: torch.cdist(torch.ones(2, 2), torch.ones(2, 2), s),
            )
        ),
        lambda s: torch.cdist(
            pg.Variable(torch.ones(2, 2), requires_grad=True), torch.ones(2, 2), s
        ),
    ],
)
def test_a_variable_in_the_place_of_a_number_is_refused_as_in_torch(function):
    """torch read the number in it, and its gradient ended there."""
    with pytest.raises(errors.ArgumentError, match=r"(?s)number.*fix: .*\.detach\(\)"):
        function(of_number())


@asks_what_a_number_is
def test_numbers_of_variables_may_be_read_where_nothing_is_recorded():
    s = of_number()
    torch.testing.assert_close(torch.full((2,), s.detach()).data, torch.full((2,), 0.5))
    with pg.no_grad():
        torch.testing.assert_close(torch.full((2,), s).data, torch.full((2,), 0.5))
    assert torch.isclose(torch.ones(2), torch.ones(2), rtol=s).all()


@pytest.mark.parametrize("name", ["dropout1d", "dropout3d"])
def test_dropout_in_place_of_no_batch_says_what_to_do(name):
    shape = (3, 2) if name == "dropout1d" else (3, 2, 2, 2)
    function = getattr(functional, name)
    x = pg.Variable(torch.ones(shape), requires_grad=True) * 1
    with pytest.raises(errors.InplaceError, match=r"(?s)changes the shape.*fix: leave out inplace"):
        function(x, inplace=True)
    assert function(x).shape == function(x.unsqueeze(0), inplace=True)[0].shape


def test_torchs_checks_of_values_take_a_comparison():
    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    torch._check_tensor_all(x > 0, lambda: "bad")
    with pytest.raises(RuntimeError, match="bad"):
        torch._check_tensor_all(x > 1, lambda: "bad")


CONSTANTS_BESIDE = {
    "inner": torch.inner,
    "kron": lambda x, d: torch.kron(d, x),
    "tensordot": lambda x, d: torch.tensordot(x, d, 1),
    "bilinear": lambda x, d: torch.nn.functional.bilinear(x, d, torch.ones(1, 2, 2)),
    "list": lambda x, d: torch.linalg.multi_dot([x, d, x]),
}


@pytest.mark.parametrize("name", CONSTANTS_BESIDE)
def test_the_data_of_a_variable_is_a_constant_beside_it(name):
    """Before, it was taken for the Variable, and the gradient was that of both."""
    start = torch.tensor([[1.0, 2.0], [3.0, 5.0]])

    def gradient(x):
        CONSTANTS_BESIDE[name](x, x.data).sin().sum().backward()
        return torch.as_tensor(x.grad)

    expected = gradient(start.clone().requires_grad_())
    found = gradient(pg.Variable(start.clone(), requires_grad=True))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("view", [torch.conj, lambda b: b.conj().imag], ids=["conj", "neg"])
@pytest.mark.parametrize("function", [torch.atleast_1d, lambda v: torch.broadcast_tensors(v, v)[0]])
def test_a_change_of_a_lazily_conjugated_view_reaches_its_base(function, view):
    def base_and_gradient(x):
        base = x * 1
        function(view(base)).mul_(3)
        (base.real.sin() + base.imag.cos()).sum().backward()
        return torch.as_tensor(base.detach()), torch.as_tensor(x.grad)

    start = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128)
    expected = base_and_gradient(start.clone().requires_grad_())
    found = base_and_gradient(pg.Variable(start.clone(), requires_grad=True))
    torch.testing.assert_close(found, expected)


def test_a_plain_tensor_that_is_returned_is_itself():
    _, (x,) = leaves((3,))
    plain = torch.ones(2, 2, dtype=torch.float64)
    first, second = torch.atleast_2d(x, plain)
    assert isinstance(first, pg.Variable)
    assert second is plain


@pytest.mark.parametrize("returns", ["complex", "list"])
def test_complex_results_and_lists_of_a_primitive_without_a_rule_are_refused(returns):
    """They have a gradient; before, where this was not looked at, they would be constants."""
    schema = {"complex": "(Tensor x) -> Tensor", "list": "(Tensor x) -> Tensor[]"}[returns]
    with torch.library._scoped_library("plugrad_without_rule", "FRAGMENT") as library:
        library.define(returns + schema)
        kernels = {"complex": lambda x: x + 1j, "list": lambda x: [x * 1, x * 2]}
        library.impl(returns, kernels[returns], "CPU")
        function = getattr(torch.ops.plugrad_without_rule, returns)
        _, (x,) = leaves((3,))
        with pytest.raises(errors.MissingPrimitiveError):
            function(x)
        output = function(x.detach())
        first = output[0] if returns == "list" else output
        assert not first.requires_grad


def test_torchs_code_may_not_write_into_a_plain_tensor_either():
    _, (x,) = leaves((3,))
    plain = torch.full((3,), 2.0, dtype=torch.float64)
    with pytest.raises(errors.InplaceError, match="into a plain tensor"):
        plain.float_power_(x)
    with pytest.raises(errors.InplaceError, match="into a plain tensor"):
        plain[:2].float_power_(x[:2])
    assert plain.tolist() == [2.0, 2.0, 2.0]
