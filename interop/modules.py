"""torch's modules on Variables: convert and revert, on_variables, functional_call."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import nn
from torch.utils.weak import WeakIdKeyDictionary

from plugrad.core.hooked import grad_dtype_of
from plugrad.core.variable import Parameter, Variable, plain
from plugrad.core.written import entered, enters
from plugrad.errors import ConvertedParameterError, ModuleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

#: What a module keeps besides parameters and that cannot refer to one.
_NO_PARAMETERS = {"_buffers", "_modules", "_non_persistent_buffers_set", "training"}

#: The torch Parameters that Variables have replaced.
_originals: Any = WeakIdKeyDictionary()


def convert(model: nn.Module) -> nn.Module:
    """Put a Variable in the place of every parameter of ``model``, in place; returns ``model``.

    Each is a ``plugrad.Parameter`` that shares the parameter's memory and has its grad and
    attributes. A parameter that is in several places (tied weights) becomes one Variable.
    Buffers stay tensors. Other references that the module has to a parameter, as attributes
    or in lists, tuples and dictionaries, are replaced too; any other use of the torch
    Parameter raises ConvertedParameterError until ``revert``, so an optimizer made before
    is not silently left without gradients.

    Raises:
        ModuleError: torch keeps the parameters where they cannot be replaced (a
            ScriptModule, a DistributedDataParallel), or one has no shape yet, or one has
            hooks, or one that requires grad is of a subclass of torch's Parameter.
    """
    _check_module(model)
    for name, value in _parameters(model):
        # One that is not trained keeps what its class is for in attributes: packed numbers.
        trained = not isinstance(value, Variable) and value.requires_grad
        if trained and type(value) is not nn.Parameter:
            _refuse_subclass(name, value)
    _convert(model)
    _watch(model)
    return model


def revert(model: nn.Module) -> nn.Module:
    """Put torch Parameters in the place of all Variables, in place; returns ``model``.

    The objects that ``convert`` replaced come back, with the memory and the grad that the
    Variables have now. Hooks on the Variables are lost.
    """
    _check_module(model)
    _revert(model, _distinct([v for _, v in _parameters(model) if isinstance(v, Variable)]))
    _unwatch(model)
    return model


@contextmanager
def on_variables(model: nn.Module) -> Iterator[dict[str, Parameter]]:
    """In the block, the parameters of ``model`` are Variables; ``as`` gives them by name.

    Afterwards they are torch Parameters again, and have the gradients. Inside another such
    block, or for a converted model, it does nothing.

    Raises:
        ModuleError: as ``convert`` does.
    """
    before = {id(v): v for _, v in _parameters(model) if isinstance(v, Variable)}
    converted = _convert(model)
    watches = _watch(model)
    try:
        yield dict(model.named_parameters())  # type: ignore[arg-type]
    finally:
        if watches:
            _unwatch(model)
        now = [v for _, v in _parameters(model) if isinstance(v, Variable)]
        _revert(model, [v for v in _distinct([*converted, *now]) if id(v) not in before])


def functional_call(
    model: nn.Module,
    params: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call ``model`` with ``params`` in place of its parameters and buffers of these names.

    Like ``torch.func.functional_call``, on Variables: ``plugrad.grad`` of what it returns
    with respect to them can be of any order. The model stays as it is.

    Raises:
        ModuleError: a left-out parameter requires grad in torch's autograd, and would get
            no gradient.
    """
    _check_module(model)
    merged = _merged([params] if hasattr(params, "keys") else params)
    _check_left_out(model, set(merged), tie_weights)
    return torch.func.functional_call(
        model, merged, args, dict(kwargs or {}), tie_weights=tie_weights, strict=strict
    )


def _merged(dicts: Any) -> dict[str, Any]:
    """Several dicts as one."""
    if not isinstance(dicts, list | tuple) or not all(hasattr(d, "keys") for d in dicts):
        raise ModuleError(
            "functional_call: expected the parameters and buffers to be a dict, or a list or tuple "
            f"of dicts, got {type(dicts).__name__}",
            where="a call of functional_call",
            fix="pass dict(model.named_parameters())",
        )
    merged: dict[str, Any] = {}
    for each in dicts:
        twice = sorted(set(merged) & set(each))
        if twice:
            raise ModuleError(
                f"functional_call: {', '.join(twice)} appeared in multiple dictionaries",
                where="a call of functional_call",
                fix="merge the dicts: {**parameters, **others}",
            )
        merged.update(each)
    return merged


class ConvertedParameter(nn.Parameter):
    """A torch Parameter that a Variable has replaced in its module: using it is an error."""

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Any = (),
        kwargs: Any = None,
    ) -> Any:
        """Raise ConvertedParameterError, but show what it is."""
        if func is torch.Tensor.__repr__:
            with torch._C.DisableTorchFunctionSubclass():
                return repr(args[0].detach())
        with torch._C.DisableTorchFunctionSubclass():
            shapes = [tuple(a.shape) for a in _flat(args) if isinstance(a, ConvertedParameter)]
        raise ConvertedParameterError(
            "a torch Parameter was used that a Variable has replaced in its module: it would get "
            "no gradient",
            where=f"a Parameter of shape {' and '.join(map(str, shapes))}, in a call of "
            f"{getattr(func, '__name__', func)}",
            fix="take the parameters from model.parameters() after plugrad.interop.convert(model), "
            "and make optimizers then; or call plugrad.interop.revert(model) first",
        )


# --- inputs that require grad in torch ---


def _watch(model: nn.Module) -> bool:
    """Have the model's inputs looked at, unless they are; returns whether this is new."""
    if _enter in model._forward_pre_hooks.values():
        return False
    model.register_forward_pre_hook(_enter, prepend=True, with_kwargs=True)
    return True


def _unwatch(model: nn.Module) -> None:
    hooks = model._forward_pre_hooks
    for number in [number for number, hook in hooks.items() if hook is _enter]:
        del hooks[number]
        model._forward_pre_hooks_with_kwargs.pop(number, None)


def _enter(
    _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments of a call, with Variables for tensors that require grad in torch's autograd.

    So all that the model computes of them can be differentiated, also twice.
    """
    given = (*args, *kwargs.values())
    if not (torch.is_grad_enabled() and any(map(enters, given))):
        return None
    return tuple(map(entered, args)), {name: entered(v) for name, v in kwargs.items()}


# --- there and back ------------------------------------------------------------------


def _convert(model: nn.Module) -> list[Variable]:
    """Convert what is not yet; returns the new Variables."""
    _check_module(model)
    found: dict[int, nn.Parameter] = {}
    for name, value in _parameters(model):
        if not isinstance(value, Variable):
            _check_parameter(name, value)
            found[id(value)] = value
    made = {key: _variable_for(parameter) for key, parameter in found.items()}
    _replace(model, made)
    for key, parameter in found.items():
        _originals[made[key]] = parameter
        parameter.grad = None  # the Variable's now
        if type(parameter) is nn.Parameter:
            setattr(parameter, "__class__", ConvertedParameter)  # noqa: B010 (mypy knows one class)
    return list(made.values())


def _variable_for(parameter: nn.Parameter) -> Variable:
    variable = Parameter(parameter.detach(), requires_grad=parameter.requires_grad)
    dtype = getattr(parameter, "grad_dtype", parameter.dtype)  # new in torch 2.9 or so
    if dtype is not parameter.dtype:
        variable.grad_dtype = dtype
    if parameter.grad is not None:
        variable._grad = plain(parameter.grad.detach())
    variable.__dict__.update(vars(parameter))
    return variable


def _revert(model: nn.Module, variables: Iterable[Variable]) -> None:
    made = {id(v): _parameter_for(v) for v in variables}
    _replace(model, made)


def _distinct(variables: Iterable[Variable]) -> list[Variable]:
    return list({id(v): v for v in variables}.values())


def _parameter_for(variable: Variable) -> nn.Parameter:
    parameter: Any = _originals.pop(variable, None)
    if parameter is None:  # made since, or copied
        parameter = nn.Parameter(variable._data.detach(), requires_grad=variable.requires_grad)
    else:
        if type(parameter) is ConvertedParameter:
            setattr(parameter, "__class__", nn.Parameter)  # noqa: B010
        parameter.data = variable._data
        parameter.requires_grad_(variable.requires_grad)
    if grad_dtype_of(variable) is not variable.dtype:
        parameter.grad_dtype = grad_dtype_of(variable)
    if variable._grad is not None:
        parameter.grad = variable._grad._data
    vars(parameter).update(getattr(variable, "__dict__", {}))
    return parameter  # type: ignore[no-any-return]


def _parameters(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Every place in ``model`` where a parameter is, by its name."""
    for path, module in model.named_modules(remove_duplicate=True):
        for key, value in module._parameters.items():
            if value is not None:
                yield f"{path}.{key}" if path else key, value


def _replace(model: nn.Module, made: Mapping[int, Any]) -> None:
    """Replace every parameter in ``model`` by its entry in ``made``, which is keyed by id."""
    if not made:
        return
    for module in model.modules():
        attributes = vars(module)
        for key in [k for k in attributes if k not in _NO_PARAMETERS]:
            value = attributes[key]
            new = _replaced(value, made, set())
            if new is not value:
                attributes[key] = new


def _replaced(value: Any, made: Mapping[int, Any], seen: set[int]) -> Any:
    if id(value) in made:
        return made[id(value)]
    kind = type(value)
    if issubclass(kind, tuple):  # each time anew: it cannot be changed where it was seen first
        parts = [_replaced(part, made, seen) for part in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    if id(value) in seen or not issubclass(kind, list | dict):
        return value
    seen.add(id(value))
    for key, old in list(value.items() if issubclass(kind, dict) else enumerate(value)):
        new = _replaced(old, made, seen)
        if new is not old:
            value[key] = new
    return value


# --- refusals ------------------------------------------------------------------------


def _check_module(model: Any) -> None:
    if not isinstance(model, nn.Module):
        raise ModuleError(
            f"a torch.nn.Module was expected, not {type(model).__name__}",
            fix="pass the model; for a single tensor, plugrad.Parameter(tensor) makes a Variable",
        )
    for path, module in model.named_modules():
        where = f"the module {path or 'itself'}, a {type(module).__name__}"
        if isinstance(module, torch.jit.ScriptModule):
            _refuse(
                "a ScriptModule keeps its parameters, and runs its code, where no Variable can be",
                where,
                "convert the module that it was scripted or traced from",
            )
        if isinstance(module, nn.DataParallel) and len(module.device_ids) > 1:
            _refuse(
                "DataParallel copies its module's parameters to other devices by torch's autograd",
                where,
                "convert and call model.module, on one device",
            )
        if type(module).__name__ in ("DistributedDataParallel", "FullyShardedDataParallel"):
            _refuse(
                f"{type(module).__name__} collects gradients from torch's autograd, which would "
                "compute none",
                where,
                "convert model.module, and average the gradients yourself: "
                "torch.distributed.all_reduce(p.grad.data) after backward",
            )


def _refuse_subclass(name: str, value: nn.Parameter) -> None:
    """What the class adds would be lost, and an optimizer made before would not notice."""
    if isinstance(value, ConvertedParameter | nn.UninitializedParameter):
        return  # which _check_parameter refuses
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    raise ModuleError(
        f"the parameter {name} is a {kind}, a subclass of torch.nn.Parameter: a Variable in its "
        "place would lose what that class adds",
        where=f"a call of plugrad.interop.convert, parameter {name}",
        fix="use `with plugrad.interop.on_variables(model):`, after which the optimizer finds the "
        "module's own parameters with their gradients; or make it a torch.nn.Parameter",
    )


def _check_parameter(name: str, parameter: nn.Parameter) -> None:
    where = f"the parameter {name}"
    if isinstance(parameter, nn.UninitializedParameter):
        _refuse(
            "a parameter that has no shape yet cannot become a Variable",
            where,
            "call the model once with an input of the right shape, then convert it",
        )
    if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
        _refuse(
            "a parameter has hooks of torch's autograd, which would not be called any more",
            where,
            "remove them (handle.remove()), convert the model, and register them on its parameters",
        )
    if parameter.grad is not None and parameter.grad.requires_grad:
        _refuse(
            "the grad of a parameter has a graph of torch's autograd, which would be lost",
            where,
            "call model.zero_grad() first",
        )


def _check_left_out(model: nn.Module, given: set[str], tie_weights: bool) -> None:
    names: dict[int, list[str]] = {}
    left_out = []
    for name, value in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(value), []).append(name)
    for name, value in model.named_parameters(remove_duplicate=False):
        tied = names[id(value)] if tie_weights else [name]
        if not isinstance(value, Variable) and value.requires_grad and not given & set(tied):
            left_out.append(name)
    if left_out and torch.is_grad_enabled():
        _refuse(
            f"functional_call was not given {', '.join(left_out[:5])}"
            + (f" and {len(left_out) - 5} more" if len(left_out) > 5 else "")
            + ": torch Parameters that require grad, which would get none",
            f"the model, a {type(model).__name__}",
            "give Variables for them too; or convert the model first: "
            "plugrad.interop.convert(model); or requires_grad_(False) them",
        )


def _refuse(what: str, where: str, fix: str) -> NoReturn:
    raise ModuleError(what, where=where, fix=fix)


def _flat(args: Any) -> Iterator[Any]:
    for arg in args if isinstance(args, list | tuple) else (args,):
        if isinstance(arg, list | tuple):
            yield from _flat(arg)
        else:
            yield arg
