"""The in-place twins of view ops: the Variable becomes the view, as torch's own does."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import InplaceError, SavedTensorChangedError

NAMES = [
    ("t_", (), (2, 3)),
    ("squeeze_", (), (2, 1, 3)),
    ("squeeze_", (1,), (2, 1, 3)),
    ("unsqueeze_", (1,), (2, 3)),
    ("transpose_", (0, 1), (2, 3)),
    ("swapaxes_", (0, 1), (2, 3)),
    ("swapdims_", (0, 1), (2, 3)),
]


def _numbers(*shape: int) -> torch.Tensor:
    return torch.arange(1.0, 1 + torch.Size(shape).numel(), dtype=torch.float64).view(shape)


def _leaves(*shape: int):
    data = _numbers(*shape)
    return pg.Variable(data.clone(), requires_grad=True), data.clone().requires_grad_()


@pytest.mark.parametrize(("name", "args", "shape"), NAMES)
def test_a_result_changes_shape_as_torchs(name, args, shape):
    found = []
    for leaf in _leaves(*shape):
        y = leaf * 1
        before = y.data
        assert getattr(y, name)(*args) is y
        y.mul_(y.detach() + 1)
        (y * _numbers(*y.shape)).sum().backward()
        found.append((y.shape, y.detach().tolist(), leaf.grad.tolist(), y._version, y._base))
        assert before.shape == shape or isinstance(y, torch.Tensor)
    assert found[0] == found[1]


@pytest.mark.parametrize(("name", "args", "shape"), NAMES)
def test_a_view_changes_shape_and_its_base_does_not(name, args, shape):
    found = []
    for leaf in _leaves(2, *shape):
        base = leaf * 1
        view = base[1]
        getattr(view, name)(*args)
        assert view._base is base
        view.mul_(_numbers(*view.shape))
        (base * _numbers(2, *shape)).sum().backward()
        found.append((view.shape, base.detach().tolist(), leaf.grad.tolist(), view._version))
    assert found[0] == found[1]


def test_a_leaf_changes_shape_in_no_grad_only():
    leaf = pg.Variable(_numbers(2, 3), requires_grad=True)
    with pytest.raises(InplaceError, match="a leaf Variable that requires grad.*t_"):
        leaf.t_()
    assert leaf.shape == (2, 3)
    leaf.sum().backward()
    with (
        pg.no_grad(),
        pytest.raises(InplaceError, match=r"not those of its grad[^$]*fix: set grad to"),
    ):
        leaf.t_()
    leaf.grad = None
    with pg.no_grad():
        leaf.t_()
    (leaf * _numbers(3, 2)).sum().backward()
    assert leaf.grad.tolist() == _numbers(3, 2).tolist()


def test_what_an_op_computed_keeps_its_shape_in_no_grad():
    y = pg.Variable(_numbers(2, 2), requires_grad=True) * 1
    changes = {
        "t_": lambda y: y.t_(),
        "unsqueeze_": lambda y: y.unsqueeze_(0),
        "as_strided_": lambda y: y.as_strided_((2, 2), (1, 2)),
    }
    for mode in (pg.no_grad, pg.inference_mode):
        for name, change in changes.items():
            says = rf"{name} changes the shape or strides[^$]*fix: call it outside no_grad and inf"
            with mode(), pytest.raises(InplaceError, match=says):
                change(y)
            assert y.shape == (2, 2)
            assert y.stride() == (2, 1)


def test_an_output_of_several_is_refused():
    y = pg.Variable(_numbers(2, 2), requires_grad=True) * 1
    with pytest.raises(InplaceError, match="being modified inplace[^$]*unsqueeze_"):
        y.unbind(0)[0].unsqueeze_(0)


RESHAPES = {
    "t_": lambda y: y.t_(),
    "swapaxes_": lambda y: y.swapaxes_(-1, 0),
    "unsqueeze_": lambda y: y.unsqueeze_(1),
    "squeeze_": lambda y: y.unsqueeze_(0).squeeze_(),
    "two": lambda y: y.unsqueeze_(0).transpose_(0, 2),
    "back": lambda y: y.t_().t_(),
}
VIEWS = {
    "row": lambda y: y[0],
    "columns": lambda y: y[:, 1:],
    "t": lambda y: y.t(),
    "view": lambda y: y.view(3, 2),
    "of a view": lambda y: y[None][:, :, 1],
    "none": lambda y: y,
}
CHANGES = {
    "nothing": lambda y, v: None,
    "the base": lambda y, v: y.mul_(3),
    "the view": lambda y, v: v.mul_(3),
    "both": lambda y, v: (y.mul_(3), v.add_(1), y.mul_(2)),
    "a view of the view": lambda y, v: v[:1].mul_(2),
    "a kept gradient": lambda y, v: (v.retain_grad(), y.mul_(2)),
}


@pytest.mark.parametrize("reshape", RESHAPES.values(), ids=RESHAPES)
@pytest.mark.parametrize("make_view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("reshape_first", [False, True])
def test_views_from_before_follow_their_base(reshape, make_view, change, reshape_first):
    found = []
    for leaf, grad in zip(_leaves(2, 3), (pg.grad, torch.autograd.grad), strict=True):
        y = leaf / 8
        view = make_view(y)
        if reshape_first:
            reshape(y)
        change(y, view)
        if not reshape_first:
            reshape(y)
        (first,) = grad(view.cos().sum() + (y * y).sum(), leaf, create_graph=True)
        (second,) = grad((first * first).sum(), leaf)
        found.append([y.detach(), view.detach(), first.detach(), second])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours.data, theirs)


def test_views_from_before_new_data_are_refused():
    y = pg.Variable(_numbers(2, 3), requires_grad=True) * 1
    view = y[0]
    y.data = torch.ones(2, 3, dtype=torch.float64)
    y.mul_(2)
    assert view.sum().requires_grad  # it is what it was
    with pytest.raises(InplaceError, match=r"given other data[^$]*fix: make the view again"):
        view.mul_(2)
    view.detach().mul_(2)
    with pytest.raises(InplaceError, match=r"given other data[^$]*fix: make the view again"):
        view.sum().backward()


@pytest.mark.parametrize(
    ("dtype", "other"),
    [
        (torch.float64, lambda data: data[:1]),  # less of it
        (torch.float64, lambda data: data.as_strided((2, 3), (3, 1), 1)),  # from elsewhere on
        (torch.float64, lambda data: data.view(torch.int64)),
        (torch.complex128, lambda data: data.conj()),
    ],
)
def test_views_of_the_same_memory_read_differently_are_refused(dtype, other):
    base = pg.Variable(torch.zeros(12, dtype=dtype)[:6].view(2, 3))
    view = base[1]
    base.data = other(base.data)
    with pytest.raises(InplaceError, match=r"given other data[^$]*fix: make the view again"):
        view.mul_(pg.Variable(_numbers(3), requires_grad=True))


def test_what_was_saved_keeps_its_shape():
    constant = pg.Variable(_numbers(2, 3))
    w = pg.Variable(_numbers(2, 3), requires_grad=True)
    z = constant * w
    constant.t_()  # torch counts it as a change, and so do we
    with pytest.raises(SavedTensorChangedError):
        z.sum().backward()


def test_its_gradient_is_kept_from_then_on():
    y = pg.Variable(_numbers(2, 3), requires_grad=True) * 1
    y.retain_grad()
    y.t_()
    (y * _numbers(3, 2)).sum().backward()
    assert y.grad.tolist() == _numbers(3, 2).tolist()


def test_a_second_derivative_goes_through():
    found = []
    for leaf, grad in zip(_leaves(2, 3), (pg.grad, torch.autograd.grad), strict=True):
        y = leaf * 1
        y.t_()
        (first,) = grad((y**3).sum(), leaf, create_graph=True)
        found.append(grad(first.sum(), leaf)[0].tolist())
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
@pytest.mark.parametrize("split", ["chunk", "no_grad"])
def test_integers_take_numbers_that_require_grad_where_a_view_may_not_be_changed(dtype, split):
    """As in torch: no gradient could be lost."""
    found = []
    for leaf in (pg.Variable, lambda t, requires_grad=False: t.requires_grad_(requires_grad)):
        x = leaf(torch.zeros(4, dtype=dtype))
        w = leaf(torch.tensor([0.5, 1.5]), requires_grad=True)
        with torch.set_grad_enabled(split != "no_grad"):
            part = x.chunk(2)[1] if split == "chunk" else x[2:]
        part[:] = w
        part[:1].copy_(w[1:])
        found.append((x.tolist(), x.requires_grad, part.requires_grad))
    assert found[0] == found[1]
    assert not found[0][1]
