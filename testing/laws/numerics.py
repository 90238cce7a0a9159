"""Numerics of kernels: a narrow dtype's result compared with float64's and a reference's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from plugrad.testing.agree import Mismatch, probable_cause
from plugrad.testing.call import OracleCall, flat, mended, refuse_surrogate
from plugrad.testing.law import LAWS, NotApplicable, Violation
from plugrad.testing.laws.inputs import cast, castable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from plugrad.testing.call import Call
    from plugrad.testing.case import Case

#: The dtypes that kernels are written for.
NARROW = (torch.float32, torch.bfloat16, torch.float16)
#: Relative to the cotangents, a gradient in float64 that is a sum of terms that cancel.
_CANCELLED = 1e-12


@LAWS.law("kernel-numerics", "first order")
def kernel_numerics(case: Case) -> None:
    """In a narrow dtype each element is about as close to float64 as the reference's elements are.

    The law judges samples in float32, bfloat16 or float16 of an op that has a reference.
    The reference runs twice: on the sample, and on the same numbers in float64, where no
    step leaves float64. An element g of a value or gradient passes if

        |g - g64| <= 2 e + 2 eps max(|g64|, rms(g64))

    where g64 is that element in float64, e the largest error of the reference in the
    sample's dtype, and eps that of g's dtype. Each element is judged by itself, so no norm
    hides a wrong one. The verdict, a field of the result in JSON, is ``pass``, ``fail``, or

    - ``limited``: the reference itself is off by more than sqrt(eps) rms(g64), so the
    sample is ill-conditioned in this dtype, and the op is off by no more than that over
    sqrt(eps). - ``inconclusive``: zeros instead of the gradient would pass too.

    These two are warnings. Without a reference the gradient of a forward that torch cannot
    differentiate (NumPy's, a kernel's) is not compared with anything in such a dtype; that
    is ``inconclusive`` too. A sample in float64 is judged by the law ``oracle``, and cast
    down by ``low-precision``.
    """
    function = case.op.reference
    if function is None:
        _refuse_unjudged(case)
        raise NotApplicable("the op names no reference=")
    _refuse_other_dtypes(case)
    if case.draws:
        raise NotApplicable("random numbers that are drawn in float64 are others")
    call = case.call()
    narrow, wide = _referred(case, function, case.values), _in_float64(case, function)
    verdicts = list(_verdicts(case, call, narrow, wide))
    _say(verdicts)


def _refuse_other_dtypes(case: Case) -> None:
    dtypes = {given.tensor.dtype for given in case.inputs if castable(given.tensor)}
    if not dtypes or not dtypes <= set(NARROW):
        raise NotApplicable("the sample is not in float32, bfloat16 or float16")


def _refuse_unjudged(case: Case) -> None:
    """Raise unless a law judges the sample's gradient, or the op has no rule of its own."""
    _refuse_other_dtypes(case)
    refuse_surrogate(case)
    if case.op.composite or not case.wanted or not case.call().roots:
        return
    try:
        case.oracle.call()
    except NotApplicable:
        message = (
            "no law compares the gradient with anything: name a reference written in plain torch"
        )
        _say([Numerics("the gradient", "inconclusive", message)])


# --- the reference -------------------------------------------------------------------


class _Widened(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """No step in it leaves float64: ``x.float()`` and ``dtype=`` are for the narrow run.

    Random numbers are drawn in the dtype that is asked for, otherwise they would differ.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        random = torch.Tag.nondeterministic_seeded in func.tags
        if kwargs.get("dtype") in NARROW and not random:
            kwargs["dtype"] = torch.float64
        return func(*args, **kwargs)


def _in_float64(case: Case, function: Callable[..., Any]) -> OracleCall:
    wide = [cast(t, torch.float64) for t in case.values]
    with _Widened():  # type: ignore[no-untyped-call]
        return _referred(case, function, wide)


def _referred(case: Case, function: Callable[..., Any], values: list[Tensor]) -> OracleCall:
    """The reference, called with a graph of torch's.

    Raises:
        NotApplicable: it raises, which for the sample's own dtype ``oracle`` tells.
    """
    leaves = [t.detach().requires_grad_() if i in case.wanted else t for i, t in enumerate(values)]
    args, kwargs = case.arguments(leaves)
    try:
        with torch.enable_grad():
            return OracleCall(case, leaves, flat(function(*args, **kwargs)))
    except Exception as error:
        dtypes = sorted({str(t.dtype) for t in values if castable(t)})
        raise NotApplicable(
            f"the reference does not run in {', '.join(dtypes)} here: {error}"
        ) from error


# --- verdicts ------------------------------------------------------------------------


@dataclass(frozen=True)
class Numerics:
    """What one result of a kernel shows.

    Args:
        what: its name: ``gradient of x``, ``output 0``.
        verdict: ``pass``, ``limited``, ``fail`` or ``inconclusive``.
        message: why, in words; empty if it passes.
        mismatch: the worst element of one that fails.
    """

    what: str
    verdict: str
    message: str = ""
    mismatch: Mismatch | None = None


def judge(
    what: str, got: Tensor, reference: Tensor, exact: Tensor, cotangent: float | None = None
) -> Numerics:
    """Compare a result with the reference's, both beside float64's.

    Args:
        what: its name.
        got: the op's, in a narrow dtype.
        reference: the reference's in the same dtype.
        exact: the reference's in float64.
        cotangent: of a gradient, which must be more than what is allowed, the largest element of
            the cotangents.
    """
    if got.shape != exact.shape:
        shapes = f"{list(got.shape)}, the reference's is {list(exact.shape)}"
        return Numerics(what, "fail", f"{what} is of shape {shapes}")
    if not exact.is_floating_point() or not exact.numel():
        return Numerics(what, "pass")
    eps = torch.finfo(got.dtype).eps
    g, ref, g64 = got.detach().double(), reference.detach().double(), exact.detach().double()
    # Where the reference itself leaves the dtype's range, or float64 has no number, none is asked.
    asked = torch.isfinite(ref) & torch.isfinite(g64)
    if not bool(asked.any()):
        return Numerics(what, "limited", f"the reference's {what} is not finite in {got.dtype}")
    rms = float(g64[asked].square().mean().sqrt())
    if cotangent is not None and rms <= _CANCELLED * cotangent:
        rms = cotangent  # what is left of it is rounding, in float64 too
    noise = float((ref - g64)[asked].abs().max())
    allowed = 2 * noise + 2 * eps * g64.abs().clamp_min(rms)
    error = torch.where(asked, (g - g64).abs().nan_to_num(nan=torch.inf), 0.0)
    worst = float(error.max())
    # What is off by more than this has other reasons than rounding.
    if noise > eps**0.5 * rms and worst <= noise / eps**0.5:
        return Numerics(what, "limited", _limited(what, noise, rms, got.dtype))
    if bool((error > allowed).any()):
        return _failed(what, g, g64, error, allowed, rms, noise)
    if cotangent is not None and bool((g64.abs() <= allowed)[asked].all()):
        return Numerics(what, "inconclusive", _inconclusive(what, g64[asked], allowed[asked]))
    return Numerics(what, "pass")


def _failed(
    what: str,
    got: Tensor,
    exact: Tensor,
    error: Tensor,
    allowed: Tensor,
    rms: float,
    noise: float,
) -> Numerics:
    worst = int((error - allowed).argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(worst), exact.shape))
    absolute, limit = float(error[index]), float(allowed[index])
    scale = max(abs(float(exact[index])), rms)
    mismatch = Mismatch(
        what,
        index,
        f"{float(exact[index]):.9g}",
        f"{float(got[index]):.9g}",
        absolute,
        absolute / scale if scale else float("inf"),
        limit / scale if scale else None,
        probable_cause(exact, got),
    )
    message = (
        f"further from float64 than the reference is, which is off by at most {noise:.3g}: "
        f"{mismatch}"
    )
    return Numerics(what, "fail", message, mismatch)


def _limited(what: str, noise: float, rms: float, dtype: torch.dtype) -> str:
    return (
        f"the reference's own {what} is off by {noise:.3g} in {dtype}, where float64's has a "
        f"size of {rms:.3g}: the sample proves nothing; give one with less cancellation or range"
    )


def _inconclusive(what: str, exact: Tensor, allowed: Tensor) -> str:
    largest, limit = float(exact.abs().max()), float(allowed.min())
    if not largest:
        return f"the {what} is zero everywhere, so a missing one would pass: {_GIVE}"
    return (
        f"the {what} is at most {largest:.3g}, and may be off by {limit:.3g}: zeros would pass "
        f"too; {_GIVE}"
    )


_GIVE = "give a sample where it is larger"


def _verdicts(case: Case, call: Call, narrow: OracleCall, wide: OracleCall) -> Iterator[Numerics]:
    if not len(call.outputs) == len(narrow.outputs) == len(wide.outputs):
        raise NotApplicable(
            "the reference has another number of outputs, as the law `reference` reports"
        )
    for number, outputs in enumerate(zip(call.tensors, narrow.values, wide.values, strict=True)):
        if all(isinstance(o, Tensor) for o in outputs):
            yield judge(f"output {number}", *outputs)
            if outputs[0].shape != outputs[1].shape:
                return  # there is no cotangent for both
    if case.op.declaration.as_surrogate:
        return  # its gradient is not the reference's, and ``oracle`` judges it
    if not call.root_numbers == narrow.root_numbers == wide.root_numbers:
        message = "the reference has gradients of other outputs, so only values were compared"
        yield Numerics("the gradient", "inconclusive", message)
    if not call.roots or call.root_numbers != narrow.root_numbers:
        return
    cotangents = call.cotangents()
    largest = max((float(c.abs().max()) for c in cotangents if c.numel()), default=0.0)
    # A rule that writes to a cotangent breaks the law purity, not this one.
    roots = [wide.outputs[i] for i in wide.root_numbers]
    exact = wide.vjp([c.to(root.dtype) for c, root in zip(cotangents, roots, strict=True)])
    expected = narrow.vjp([c.clone() for c in cotangents])
    got = call.vjp([c.clone() for c in cotangents])
    for given, g, ref, g64 in zip(case.inputs, got, expected, exact, strict=True):
        if g64 is not None:
            zeros = torch.zeros_like(given.tensor)
            g, ref = (zeros if t is None else mended(t, zeros) for t in (g, ref))
            yield judge(f"gradient of {given.name}", g, ref, g64, largest)


def _say(verdicts: Sequence[Numerics]) -> None:
    """Raise an error for the worst finding."""
    for verdict in ("fail", "limited", "inconclusive"):
        found = [v for v in verdicts if v.verdict == verdict]
        if not found:
            continue
        more = f" (and {len(found) - 1} more)" if found[1:] else ""
        if verdict == "fail":
            raise Violation(found[0].message + more, found[0].mismatch)
        raise Violation(f"{verdict}: {found[0].message}{more}", unsure=True)
