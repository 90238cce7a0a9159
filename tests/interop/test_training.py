"""A training loop of torch's on Parameters of plugrad: each part compared with torch's own."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import plugrad as pg

convert = pg.interop.convert


def small(seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).to(dtype)


def data(dtype=torch.float64):
    return torch.rand(5, 3, dtype=dtype, generator=torch.Generator().manual_seed(1))


def train(model, make, steps=4, after=None):
    """The losses of a few steps."""
    x, losses = data(), []
    optimizer = make(model.parameters())
    scheduler = None if after is None else after(optimizer)

    def closure():
        optimizer.zero_grad()
        loss = model(x).pow(2).sum()
        loss.backward()
        return loss

    for _ in range(steps):
        losses.append(optimizer.step(closure).item())
        if scheduler is not None:
            scheduler.step()
    return losses


def assert_as_torch(make, after=None):
    expected, got = train(small(), make, after=after), train(convert(small()), make, after=after)
    assert got == pytest.approx(expected, rel=1e-9)


OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "Adam": {"lr": 0.1, "amsgrad": True},
    "AdamW": {"lr": 0.1},
    "Adagrad": {"lr": 0.1, "lr_decay": 0.1},
    "Adadelta": {},
    "Adamax": {"lr": 0.1},
    "ASGD": {"lr": 0.1},
    "NAdam": {"lr": 0.1},
    "RAdam": {"lr": 0.1},
    "RMSprop": {"lr": 0.1, "centered": True, "momentum": 0.5},
    "Rprop": {"lr": 0.1},
}


@pytest.mark.parametrize("foreach", [False, True, None])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_does_its_steps(name, foreach):
    options = {**OPTIMIZERS[name], "foreach": foreach}
    assert_as_torch(lambda params: getattr(torch.optim, name)(params, **options))


@pytest.mark.filterwarnings("ignore:a Variable that requires grad was converted")  # torch 2.6 does
@pytest.mark.parametrize("options", [{}, {"line_search_fn": "strong_wolfe"}])
def test_lbfgs(options):
    assert_as_torch(lambda params: torch.optim.LBFGS(params, lr=0.1, **options))


@pytest.mark.parametrize("name", ["Adam", "SGD", "AdamW"])
def test_maximize_and_groups(name):
    def make(params):
        first, *rest = params
        groups = [{"params": [first], "lr": 0.01}, {"params": rest}]
        return getattr(torch.optim, name)(groups, lr=0.1, maximize=True)

    assert_as_torch(make)


@pytest.mark.parametrize(
    "make",
    [
        lambda o: lr_scheduler.StepLR(o, 1, gamma=0.5),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 4),
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=5),
        lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch),
    ],
)
def test_a_scheduler_changes_the_rate(make):
    assert_as_torch(lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9), make)


def test_a_step_in_place_is_noticed_by_a_graph_that_saved_the_parameter():
    model = convert(small())
    loss = model(data()).pow(2).sum()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(pg.errors.SavedTensorChangedError):
        loss.backward()


def test_a_grad_scaler_with_clipping():
    def run(model):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        losses = []
        for step in range(4):
            optimizer.zero_grad()
            loss = model(data(torch.float32)).pow(2).sum()
            scaler.scale(loss * (float("inf") if step == 1 else 1)).backward()  # one is skipped
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            scaler.step(optimizer)
            scaler.update()
            losses.append(loss.item())
        return [*losses, scaler.get_scale()]

    assert run(convert(small(dtype=torch.float32))) == pytest.approx(
        run(small(dtype=torch.float32))
    )


def test_autocast():
    model = convert(small(dtype=torch.float32))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = model(data(torch.float32))
    assert y.dtype is torch.bfloat16
    y.float().sum().backward()
    assert model[0].weight.grad.dtype is torch.float32


# --- what is asked of parameters -----------------------------------------------------


def with_gradients(model):
    model(data()).pow(2).sum().backward()
    return model


def both(function):
    """What a function of a module returns of one on torch and of one on Variables."""
    theirs, ours = with_gradients(small()), with_gradients(convert(small()))
    return function(theirs), function(ours), theirs, ours


def assert_equal_gradients(theirs, ours):
    for a, b in zip(theirs.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(b.grad.data, a.grad)


@pytest.mark.parametrize("foreach", [False, True, None])
@pytest.mark.parametrize("norm", [2.0, 1.0, float("inf")])
def test_clip_grad_norm(foreach, norm):
    def clip(model):
        return nn.utils.clip_grad_norm_(model.parameters(), 0.1, norm, foreach=foreach)

    expected, got, theirs, ours = both(clip)
    assert float(got) == pytest.approx(float(expected))
    assert_equal_gradients(theirs, ours)


@pytest.mark.parametrize("foreach", [False, True, None])
def test_clip_grad_value(foreach):
    _, _, theirs, ours = both(
        lambda model: nn.utils.clip_grad_value_(model.parameters(), 0.01, foreach=foreach)
    )
    assert_equal_gradients(theirs, ours)


def test_a_list_of_tensors_and_variables_is_grouped_by_dtype():
    from plugrad.interop.foreach import grouped

    a, b, c = pg.Variable(torch.ones(2)), torch.ones(2).double(), pg.Variable(torch.ones(3))
    groups = grouped([[a, b, c], [], [1, 2, 3]], True)
    assert list(groups) == [(a.device, torch.float32), (a.device, torch.float64)]
    lists, indices = groups[a.device, torch.float32]
    assert lists[0][0] is a
    assert lists[0][1] is c
    assert lists[1:] == [[], [1, 3]]
    assert indices == [0, 2]
    assert grouped([[b]], False) is None
    with pytest.raises(TypeError):
        torch.utils._foreach_utils._group_tensors_by_device_and_dtype([["x"]])


def test_parameters_to_a_vector_and_back():
    expected, got, _, ours = both(lambda m: nn.utils.parameters_to_vector(m.parameters()))
    assert torch.equal(got.data, expected)
    assert got.requires_grad
    nn.utils.vector_to_parameters(torch.zeros(21, dtype=torch.float64), ours.parameters())
    assert not any(p.data.any() for p in ours.parameters())


INITS = {
    "uniform_": (), "normal_": (), "constant_": (2.0,), "ones_": (), "zeros_": (), "eye_": (),
    "xavier_uniform_": (), "xavier_normal_": (), "kaiming_uniform_": (), "kaiming_normal_": (),
    "trunc_normal_": (), "orthogonal_": (), "sparse_": (0.5,),
}  # fmt: skip


@pytest.mark.parametrize("name", INITS)
def test_an_initialisation_fills_a_parameter_as_torchs(name):
    fill, results = getattr(nn.init, name), []
    for make in (nn.Parameter, pg.Parameter):
        torch.manual_seed(0)
        parameter = make(torch.zeros(4, 3))
        assert fill(parameter, *INITS[name]) is parameter
        assert parameter.requires_grad
        assert parameter.is_leaf
        results.append(parameter.detach())
    assert torch.equal(results[1].data, results[0])


def test_a_parameter_registers_in_a_module():
    module = nn.Module()
    module.w = w = pg.Parameter(torch.ones(2))
    module.register_parameter("b", pg.Parameter(torch.zeros(2)))
    module.plain = pg.Variable(torch.ones(2))
    module.register_buffer("buffer", pg.Variable(torch.ones(2)))
    assert [name for name, _ in module.named_parameters()] == ["w", "b"]
    assert module.w is w
    assert list(module.state_dict()) == ["w", "b", "buffer"]
    with pytest.raises(TypeError, match="cannot assign"):
        module.w = pg.Variable(torch.ones(2))
    module.w = None
    assert module.w is None
    kept = nn.ParameterList([w]), nn.ParameterDict({"a": w})
    assert all(next(iter(each.parameters())) is w for each in kept)


def test_to_another_dtype_keeps_the_parameter_and_casts_its_gradient():
    model = with_gradients(convert(small()))
    weight = model[0].weight
    model.half()
    assert model[0].weight is weight
    assert (weight.dtype, weight.grad.dtype) == (torch.float16, torch.float16)
    model.to(torch.float64).requires_grad_(False)
    assert not any(p.requires_grad for p in model.parameters())
    model.zero_grad()
    assert weight.grad is None


def test_a_conversion_to_what_it_is_changes_nothing():
    model = with_gradients(convert(small()))
    weight, gradient = model[0].weight, model[0].weight.grad
    values = weight.tolist()
    model.double().to("cpu").to(torch.float64).to(memory_format=torch.preserve_format)
    assert model[0].weight is weight
    assert weight.grad is gradient
    assert weight.tolist() == values
    y = weight * 2
    y.data = y.data
    assert y.grad_fn is not None


@pytest.mark.parametrize("persistent", [True, False])
def test_torchs_buffer_of_a_variable_is_a_buffer(persistent):
    variable = pg.Variable(torch.ones(2))
    module = nn.Module()
    module.mean = nn.Buffer(variable, persistent=persistent)
    assert isinstance(module.mean, nn.Buffer)
    assert not isinstance(variable, nn.Buffer)
    assert [name for name, _ in module.named_buffers()] == ["mean"]
    assert list(module.state_dict()) == (["mean"] if persistent else [])
    with pytest.raises(pg.errors.UnknownOpError, match="fix: call torch.nn.Buffer"):
        variable.persistent  # noqa: B018


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated")
def test_weights_are_normalised_as_a_whole():
    """torch.norm_except_dim has a primitive of its own for this."""
    models = [nn.utils.weight_norm(nn.Linear(3, 4).double(), dim=None) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    theirs, ours = models[0], convert(models[1])
    for model in (theirs, ours):
        model(data()).pow(2).sum().backward()
    assert_equal_gradients(theirs, ours)
    v = torch.rand(3, 2, dtype=torch.float64)
    x, w = v.clone().requires_grad_(), pg.Variable(v, requires_grad=True)
    for each in (x, w):
        torch.norm_except_dim(each, 3, -1).pow(2).backward()
    torch.testing.assert_close(w.grad.data, x.grad)


def test_torchs_parameter_of_a_variable_is_a_parameter():
    of_variable = nn.Parameter(pg.Variable(torch.ones(2)))
    of_parameter = nn.Parameter(pg.Parameter(torch.ones(2)))
    of_computed = nn.Parameter((pg.Variable(torch.ones(2), requires_grad=True) * 2).detach())
    for parameter in (of_variable, of_parameter, of_computed):
        assert isinstance(parameter, nn.Parameter)
        assert isinstance(parameter, pg.Variable)
        assert parameter.requires_grad
        assert parameter.is_leaf
        assert isinstance(copy.deepcopy(parameter), nn.Parameter)
    assert not nn.Parameter(pg.Variable(torch.ones(2, dtype=torch.int64)), False).requires_grad


@pytest.mark.parametrize("assign", [False, True])
def test_state_dicts_load_both_ways(assign):
    theirs, ours = small(0), convert(small(1))
    ours.load_state_dict(theirs.state_dict(), assign=assign)
    assert ours(data()).tolist() == theirs(data()).tolist()
    theirs, ours = small(0), convert(small(1))
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours(data()).data, theirs(data()))
    assert type(theirs[0].weight) is nn.Parameter


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("name", ["AdamW", "SGD", "RMSprop"])
def test_a_saved_training_goes_on_in_the_other_kind_of_model(name, ours_first):
    models = [small(0), small(1)]
    convert(models[0 if ours_first else 1])
    make = lambda m: getattr(torch.optim, name)(  # noqa: E731
        m.parameters(), lr=0.1, **({"momentum": 0.9} if name == "SGD" else {})
    )
    optimizers = [make(m) for m in models]

    def step(i):
        optimizers[i].zero_grad()
        loss = models[i](data()).pow(2).sum()
        loss.backward()
        optimizers[i].step()
        return loss.item()

    step(0), step(0)
    file = io.BytesIO()
    torch.save({"model": models[0].state_dict(), "optimizer": optimizers[0].state_dict()}, file)
    file.seek(0)
    saved = torch.load(file)
    models[1].load_state_dict(saved["model"])
    optimizers[1].load_state_dict(saved["optimizer"])
    assert [step(1) for _ in range(3)] == pytest.approx([step(0) for _ in range(3)])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ours_first", [True, False])
def test_a_distributed_checkpoint_loads_into_the_parameters_themselves(tmp_path, ours_first):
    from torch.distributed import checkpoint

    models = [small(0), small(1)]
    convert(models[0 if ours_first else 1])
    checkpoint.save(models[0].state_dict(keep_vars=True), checkpoint_id=tmp_path)
    state = models[1].state_dict(keep_vars=True)
    parameter = state["0.weight"]
    version = parameter._version
    checkpoint.load(state, checkpoint_id=tmp_path)
    assert state["0.weight"] is parameter is models[1][0].weight
    assert parameter._version > version
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert a.tolist() == b.tolist()


def test_weights_are_averaged():
    models = [small(), convert(small())]
    averages = [torch.optim.swa_utils.AveragedModel(m) for m in models]
    for model, average in zip(models, averages, strict=True):
        average.update_parameters(model)
        with torch.no_grad():
            model[0].weight.mul_(3)
        average.update_parameters(model)
    expected, got = (a.module[0].weight for a in averages)
    assert torch.equal(got.detach().data, expected)
