# Written by `plugrad stubs --builtins` from the ops; a test keeps it fresh.
"""AttachedMethods for type checkers: what the registry attaches to Variable."""

import builtins
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.core.variable import Variable

class AttachedMethods:
    __slots__ = ()

    @property
    def H(self) -> Variable:
        """y = conj(x)^T, a view; gx = conj(gy)^T."""

    @property
    def T(self) -> Variable:
        """y = x^T, a view; gx = gy^T."""

    def __abs__(self) -> Variable:
        """y = |x|, real also for a complex x; gx = gy x / |x|, 0 at 0."""

    def __add__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x + alpha y; gx = gz, gy = conj(alpha) gz."""

    def __and__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x & y for booleans and integers. No gradient."""

    def __eq__(self, y: Variable | Tensor | complex, /) -> Variable:  # type: ignore[override]
        """z = x == y; nan equals nothing, itself included. No gradient."""

    def __floordiv__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = floor(x / y); gx = 0, gy = 0, also at the jumps. torch has no gradient."""

    def __ge__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x >= y; False where either is nan. No gradient."""

    def __getitem__(self, index: Any, /) -> Variable:
        """y = x[index]; gx = zeros with gy added at [index]."""

    def __gt__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x > y; False where either is nan. No gradient."""

    def __iadd__(self, y: Variable | Tensor | complex, /) -> Variable:
        """In place: z = x + alpha y; gx = gz, gy = conj(alpha) gz."""

    def __iand__(self, y: Variable | Tensor | complex, /) -> Variable:
        """In place: z = x & y for booleans and integers. No gradient."""

    def __ifloordiv__(self, y: Variable | Tensor | complex, /) -> Variable:
        """In place: z = floor(x / y); gx = 0, gy = 0, also at the jumps. torch has no gradient."""

    def __imod__(self, y: Variable | Tensor | complex, /) -> Variable:
        """In place: z = x - y floor(x / y), with the sign of y; gx = gz, gy = -gz floor(x / y)."""

    def __imul__(self, y: Variable | Tensor | complex, /) -> Variable:
        """In place: z = x y; gx = gz conj(y), gy = gz conj(x)."""

    def __invert__(self) -> Variable:
        """y = ~x for booleans and integers. No gradient."""

    def __ior__(self, y: Variable | Tensor | complex, /) -> Variable:
        """In place: z = x | y for booleans and integers. No gradient."""

    def __ipow__(self, y: Variable | Tensor | complex, /) -> Variable:
        """In place: z = x^y; gx = gz conj(y x^(y - 1)), gy = gz conj(z log(x))."""

    def __isub__(self, y: Variable | Tensor | complex, /) -> Variable:
        """In place: z = x - alpha y; gx = gz, gy = -conj(alpha) gz."""

    def __itruediv__(self, y: Variable | Tensor | complex, /) -> Variable:
        """In place: z = x / y; gx = gz / conj(y), gy = -gz conj(x / y / y)."""

    def __ixor__(self, y: Variable | Tensor | complex, /) -> Variable:
        """In place: z = x ^ y for booleans and integers. No gradient."""

    def __le__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x <= y; False where either is nan. No gradient."""

    def __lt__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x < y; False where either is nan. No gradient."""

    def __matmul__(self, y: Variable | Tensor, /) -> Variable:
        """z = x y; gx = gz y^H, gy = x^H gz."""

    def __mod__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x - y floor(x / y), with the sign of y; gx = gz, gy = -gz floor(x / y)."""

    def __mul__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x y; gx = gz conj(y), gy = gz conj(x)."""

    def __ne__(self, y: Variable | Tensor | complex, /) -> Variable:  # type: ignore[override]
        """z = x != y; nan equals nothing, itself included. No gradient."""

    def __neg__(self) -> Variable:
        """y = -x; gx = -gy."""

    def __or__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x | y for booleans and integers. No gradient."""

    def __pos__(self) -> Any:
        """y = x, the same Variable; gx = gy. A boolean x is an error."""

    def __pow__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x^y; gx = gz conj(y x^(y - 1)), gy = gz conj(z log(x))."""

    def __radd__(self, x: Variable | Tensor | complex, /) -> Variable:
        """z = x + alpha y; gx = gz, gy = conj(alpha) gz."""

    def __rand__(self, x: Variable | Tensor | complex, /) -> Variable:
        """z = x & y for booleans and integers. No gradient."""

    def __rfloordiv__(self, x: Variable | Tensor | complex, /) -> Variable:
        """z = floor(x / y); gx = 0, gy = 0, also at the jumps. torch has no gradient."""

    def __rmatmul__(self, x: Variable | Tensor, /) -> Variable:
        """z = x y; gx = gz y^H, gy = x^H gz."""

    def __rmod__(self, x: Variable | Tensor | complex, /) -> Variable:
        """z = x - y floor(x / y), with the sign of y; gx = gz, gy = -gz floor(x / y)."""

    def __rmul__(self, x: Variable | Tensor | complex, /) -> Variable:
        """z = x y; gx = gz conj(y), gy = gz conj(x)."""

    def __ror__(self, x: Variable | Tensor | complex, /) -> Variable:
        """z = x | y for booleans and integers. No gradient."""

    def __rpow__(self, x: Variable | Tensor | complex, /) -> Variable:
        """z = x^y; gx = gz conj(y x^(y - 1)), gy = gz conj(z log(x))."""

    def __rsub__(self, x: Variable | Tensor | complex, /) -> Variable:
        """z = x - alpha y; gx = gz, gy = -conj(alpha) gz."""

    def __rtruediv__(self, x: Variable | Tensor | complex, /) -> Variable:
        """z = x / y; gx = gz / conj(y), gy = -gz conj(x / y / y)."""

    def __rxor__(self, x: Variable | Tensor | complex, /) -> Variable:
        """z = x ^ y for booleans and integers. No gradient."""

    def __setitem__(self, index: Any, y: Variable | Tensor | complex, /) -> None:
        """In place: z = x with y at [index]; gx = gz with zeros at [index], gy = gz[index]."""

    def __sub__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x - alpha y; gx = gz, gy = -conj(alpha) gz."""

    def __truediv__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x / y; gx = gz / conj(y), gy = -gz conj(x / y / y)."""

    def __xor__(self, y: Variable | Tensor | complex, /) -> Variable:
        """z = x ^ y for booleans and integers. No gradient."""

    def abs(self) -> Variable:
        """y = |x|, real also for a complex x; gx = gy x / |x|, 0 at 0."""

    def abs_(self) -> Variable:
        """In place: y = |x|, real also for a complex x; gx = gy x / |x|, 0 at 0."""

    def absolute(self) -> Variable:
        """y = |x|, real also for a complex x; gx = gy x / |x|, 0 at 0."""

    def absolute_(self) -> Variable:
        """In place: y = |x|, real also for a complex x; gx = gy x / |x|, 0 at 0."""

    def acos(self) -> Variable:
        """y = acos(x); gx = -gy conj(1 / sqrt(1 - x^2))."""

    def acos_(self) -> Variable:
        """In place: y = acos(x); gx = -gy conj(1 / sqrt(1 - x^2))."""

    def acosh(self) -> Variable:
        """y = acosh(x); gx = gy conj(1 / sqrt(x^2 - 1))."""

    def acosh_(self) -> Variable:
        """In place: y = acosh(x); gx = gy conj(1 / sqrt(x^2 - 1))."""

    def add(self, y: Variable | Tensor | complex, *, alpha: complex = 1) -> Variable:
        """z = x + alpha y; gx = gz, gy = conj(alpha) gz."""

    def add_(self, y: Variable | Tensor | complex, *, alpha: complex = 1) -> Variable:
        """In place: z = x + alpha y; gx = gz, gy = conj(alpha) gz."""

    def addbmm(
        self,
        batch1: Variable | Tensor,
        batch2: Variable | Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Variable:
        """z = beta x + alpha sum over b of batch1[b] batch2[b], x broadcast to the sum's shape."""

    def addbmm_(
        self,
        batch1: Variable | Tensor,
        batch2: Variable | Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Variable:
        """In place: z = beta x + alpha sum over b of batch1[b] batch2[b], x broadcast to the
        sum's shape.
        """

    def addcdiv(
        self, y: Variable | Tensor, other: Variable | Tensor, *, value: complex = 1
    ) -> Variable:
        """z = x + value y / other; gx = gz, gy = gz conj(value / other)."""

    def addcdiv_(
        self, y: Variable | Tensor, other: Variable | Tensor, *, value: complex = 1
    ) -> Variable:
        """In place: z = x + value y / other; gx = gz, gy = gz conj(value / other)."""

    def addcmul(
        self, y: Variable | Tensor, other: Variable | Tensor, *, value: complex = 1
    ) -> Variable:
        """z = x + value y other; gx = gz, gy = gz conj(value other), gother = gz conj(value y)."""

    def addcmul_(
        self, y: Variable | Tensor, other: Variable | Tensor, *, value: complex = 1
    ) -> Variable:
        """In place: z = x + value y other; gx = gz, gy = gz conj(value other), gother = gz
        conj(value y).
        """

    def addmm(
        self,
        mat1: Variable | Tensor,
        mat2: Variable | Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Variable:
        """z = beta x + alpha mat1 mat2, x broadcast to the product's shape."""

    def addmm_(
        self,
        mat1: Variable | Tensor,
        mat2: Variable | Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Variable:
        """In place: z = beta x + alpha mat1 mat2, x broadcast to the product's shape."""

    def addmv(
        self,
        mat: Variable | Tensor,
        vec: Variable | Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Variable:
        """z = beta x + alpha mat vec, x broadcast to the product's shape."""

    def addmv_(
        self,
        mat: Variable | Tensor,
        vec: Variable | Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Variable:
        """In place: z = beta x + alpha mat vec, x broadcast to the product's shape."""

    def addr(
        self,
        vec1: Variable | Tensor,
        vec2: Variable | Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Variable:
        """z = beta x + alpha vec1 vec2^T, x broadcast to the product's shape."""

    def addr_(
        self,
        vec1: Variable | Tensor,
        vec2: Variable | Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Variable:
        """In place: z = beta x + alpha vec1 vec2^T, x broadcast to the product's shape."""

    def adjoint(self) -> Variable:
        """y[.., i, j] = conj(x[.., j, i]), a view; gx = gy.mH."""

    def all(
        self,
        dim: builtins.int | tuple[builtins.int, ...] | list[builtins.int] | None = None,
        keepdim: builtins.bool = False,
    ) -> Variable:
        """y = whether every element of x along dim is nonzero; no gradient."""

    def amax(
        self,
        dim: builtins.int | tuple[builtins.int, ...] | list[builtins.int] | None = (),
        keepdim: builtins.bool = False,
    ) -> Variable:
        """y = the largest of x over dim; gx = gy / k at each of the k elements equal to y, else
        0.
        """

    def amin(
        self,
        dim: builtins.int | tuple[builtins.int, ...] | list[builtins.int] | None = (),
        keepdim: builtins.bool = False,
    ) -> Variable:
        """y = the smallest of x over dim; gx = gy / k at each of the k elements equal to y, else
        0.
        """

    def aminmax(self, *, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Any:
        """y = the smallest of x over dim, z = the largest; gx = gy shared by the y, gz by the z."""

    def angle(self) -> Variable:
        """y = the angle of x, in radians; gx = gy i / conj(x), 0 at 0."""

    def any(
        self,
        dim: builtins.int | tuple[builtins.int, ...] | list[builtins.int] | None = None,
        keepdim: builtins.bool = False,
    ) -> Variable:
        """y = whether some element of x along dim is nonzero; no gradient."""

    def arccos(self) -> Variable:
        """y = acos(x); gx = -gy conj(1 / sqrt(1 - x^2))."""

    def arccos_(self) -> Variable:
        """In place: y = acos(x); gx = -gy conj(1 / sqrt(1 - x^2))."""

    def arccosh(self) -> Variable:
        """y = acosh(x); gx = gy conj(1 / sqrt(x^2 - 1))."""

    def arccosh_(self) -> Variable:
        """In place: y = acosh(x); gx = gy conj(1 / sqrt(x^2 - 1))."""

    def arcsin(self) -> Variable:
        """y = asin(x); gx = gy conj(1 / sqrt(1 - x^2))."""

    def arcsin_(self) -> Variable:
        """In place: y = asin(x); gx = gy conj(1 / sqrt(1 - x^2))."""

    def arcsinh(self) -> Variable:
        """y = asinh(x); gx = gy conj(1 / sqrt(1 + x^2))."""

    def arcsinh_(self) -> Variable:
        """In place: y = asinh(x); gx = gy conj(1 / sqrt(1 + x^2))."""

    def arctan(self) -> Variable:
        """y = atan(x); gx = gy conj(1 / (1 + x^2))."""

    def arctan2(self, y: Variable | Tensor) -> Variable:
        """z = the angle of the vector with the coordinates y and x, from the axis of y."""

    def arctan2_(self, y: Variable | Tensor) -> Variable:
        """In place: z = the angle of the vector with the coordinates y and x, from the axis of
        y.
        """

    def arctan_(self) -> Variable:
        """In place: y = atan(x); gx = gy conj(1 / (1 + x^2))."""

    def arctanh(self) -> Variable:
        """y = atanh(x); gx = gy conj(1 / (1 - x^2))."""

    def arctanh_(self) -> Variable:
        """In place: y = atanh(x); gx = gy conj(1 / (1 - x^2))."""

    def argmax(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Variable:
        """y = the index of the largest element along dim, or in x flattened; no gradient."""

    def argmin(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Variable:
        """y = the index of the smallest element along dim, or in x flattened; no gradient."""

    def as_strided(
        self,
        size: Sequence[builtins.int],
        stride: Sequence[builtins.int],
        storage_offset: builtins.int | None = None,
    ) -> Variable:
        """y[i, j, ..] = the memory of x at storage_offset + i stride[0] + j stride[1] + .., a
        view.
        """

    def as_strided_(
        self,
        size: Sequence[builtins.int],
        stride: Sequence[builtins.int],
        storage_offset: builtins.int | None = None,
    ) -> Variable:
        """In place: y[i, j, ..] = the memory of x at storage_offset + i stride[0] + j stride[1]
        + .., a view.
        """

    def as_strided_scatter(
        self,
        src: Variable | Tensor,
        size: Sequence[builtins.int],
        stride: Sequence[builtins.int],
        storage_offset: builtins.int | None = None,
    ) -> Variable:
        """z = x with src at storage_offset + i stride[0] + ..; gx = gz with 0 there, gsrc = gz
        there.
        """

    def asin(self) -> Variable:
        """y = asin(x); gx = gy conj(1 / sqrt(1 - x^2))."""

    def asin_(self) -> Variable:
        """In place: y = asin(x); gx = gy conj(1 / sqrt(1 - x^2))."""

    def asinh(self) -> Variable:
        """y = asinh(x); gx = gy conj(1 / sqrt(1 + x^2))."""

    def asinh_(self) -> Variable:
        """In place: y = asinh(x); gx = gy conj(1 / sqrt(1 + x^2))."""

    def atan(self) -> Variable:
        """y = atan(x); gx = gy conj(1 / (1 + x^2))."""

    def atan2(self, y: Variable | Tensor) -> Variable:
        """z = the angle of the vector with the coordinates y and x, from the axis of y."""

    def atan2_(self, y: Variable | Tensor) -> Variable:
        """In place: z = the angle of the vector with the coordinates y and x, from the axis of
        y.
        """

    def atan_(self) -> Variable:
        """In place: y = atan(x); gx = gy conj(1 / (1 + x^2))."""

    def atanh(self) -> Variable:
        """y = atanh(x); gx = gy conj(1 / (1 - x^2))."""

    def atanh_(self) -> Variable:
        """In place: y = atanh(x); gx = gy conj(1 / (1 - x^2))."""

    def baddbmm(
        self,
        batch1: Variable | Tensor,
        batch2: Variable | Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Variable:
        """z[b] = beta x[b] + alpha batch1[b] batch2[b], x broadcast to the products' shape."""

    def baddbmm_(
        self,
        batch1: Variable | Tensor,
        batch2: Variable | Tensor,
        *,
        beta: complex = 1,
        alpha: complex = 1,
    ) -> Variable:
        """In place: z[b] = beta x[b] + alpha batch1[b] batch2[b], x broadcast to the products'
        shape.
        """

    def bernoulli(
        self,
        p: builtins.float | Variable | Tensor | complex | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Variable:
        """y = 1 with the probability that x says, else 0; gx = 0."""

    def bernoulli_(
        self,
        p: builtins.float | Variable | Tensor | complex | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> Variable:
        """In place: y = 1 with the probability that x says, else 0; gx = 0."""

    def bfloat16(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to bfloat16; gx = gy cast back to the dtype of x."""

    def bitwise_and(self, y: Variable | Tensor | complex) -> Variable:
        """z = x & y for booleans and integers. No gradient."""

    def bitwise_and_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x & y for booleans and integers. No gradient."""

    def bitwise_not(self) -> Variable:
        """y = ~x for booleans and integers. No gradient."""

    def bitwise_not_(self) -> Variable:
        """In place: y = ~x for booleans and integers. No gradient."""

    def bitwise_or(self, y: Variable | Tensor | complex) -> Variable:
        """z = x | y for booleans and integers. No gradient."""

    def bitwise_or_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x | y for booleans and integers. No gradient."""

    def bitwise_xor(self, y: Variable | Tensor | complex) -> Variable:
        """z = x ^ y for booleans and integers. No gradient."""

    def bitwise_xor_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x ^ y for booleans and integers. No gradient."""

    def bmm(self, y: Variable | Tensor) -> Variable:
        """z[b] = x[b] y[b]; gx[b] = gz[b] y[b]^H, gy[b] = x[b]^H gz[b]."""

    def bool(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to bool; there is no gradient."""

    def broadcast_to(
        self,
        *sizes: builtins.int | Sequence[builtins.int],
        size: Sequence[builtins.int] | None = None,
    ) -> Variable:
        """y = x broadcast to the sizes given, a view; gx = gy summed to the shape of x."""

    def byte(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to uint8; there is no gradient."""

    def cauchy_(
        self,
        median: builtins.float = 0,
        sigma: builtins.float = 1,
        *,
        generator: torch.Generator | None = None,
    ) -> Variable:
        """In place: y = numbers whose density is sigma / (pi (sigma^2 + (y - median)^2)); gx =
        0.
        """

    def cdouble(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to complex128; gx = gy cast back to the dtype of x."""

    def ceil(self) -> Variable:
        """y = ceil(x); gx = 0, also at the jumps."""

    def ceil_(self) -> Variable:
        """In place: y = ceil(x); gx = 0, also at the jumps."""

    def celu_(self, alpha: builtins.float = 1.0) -> Variable:
        """In place: y = x where x > 0, else alpha (exp(x / alpha) - 1); gx = gy, gy exp(x /
        alpha).
        """

    def cfloat(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to complex64; gx = gy cast back to the dtype of x."""

    def char(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to int8; there is no gradient."""

    def cholesky(self, upper: builtins.bool = False) -> Variable:
        """x = y y^H, y lower, or x = y^H y, y upper; gx as of linalg.cholesky_ex."""

    def cholesky_inverse(self, upper: builtins.bool = False) -> Variable:
        """y = (x x^H)^-1, or (x^H x)^-1 with upper; ga = -y gy y, gx = tril((ga + ga^H) x)."""

    def cholesky_solve(self, y: Variable | Tensor, upper: builtins.bool = False) -> Variable:
        """z = (y y^H)^-1 x, or (y^H y)^-1 x with upper; gx = the same of gz, ga = -gx z^H."""

    def chunk(self, chunks: builtins.int, dim: builtins.int = 0) -> tuple[Variable, ...]:
        """y1, y2, .. = x cut along dim, views; gx = gy1, gy2, .. put together again."""

    def clamp(
        self,
        min: Variable | Tensor | complex | None = None,
        max: Variable | Tensor | complex | None = None,
    ) -> Variable:
        """y = min(max(x, min), max); gy goes to whichever of x, min and max y is."""

    def clamp_(
        self,
        min: Variable | Tensor | complex | None = None,
        max: Variable | Tensor | complex | None = None,
    ) -> Variable:
        """In place: y = min(max(x, min), max); gy goes to whichever of x, min and max y is."""

    def clamp_max(self, max: Variable | Tensor | complex) -> Variable:
        """y = min(x, max), as clamp(x, max=max)."""

    def clamp_max_(self, max: Variable | Tensor | complex) -> Variable:
        """In place: y = min(x, max), as clamp(x, max=max)."""

    def clamp_min(self, min: Variable | Tensor | complex) -> Variable:
        """y = max(x, min), as clamp(x, min=min)."""

    def clamp_min_(self, min: Variable | Tensor | complex) -> Variable:
        """In place: y = max(x, min), as clamp(x, min=min)."""

    def clip(
        self,
        min: Variable | Tensor | complex | None = None,
        max: Variable | Tensor | complex | None = None,
    ) -> Variable:
        """y = min(max(x, min), max); gy goes to whichever of x, min and max y is."""

    def clip_(
        self,
        min: Variable | Tensor | complex | None = None,
        max: Variable | Tensor | complex | None = None,
    ) -> Variable:
        """In place: y = min(max(x, min), max); gy goes to whichever of x, min and max y is."""

    def clone(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x in memory of its own; gx = gy."""

    def conj(self) -> Variable:
        """y = conj(x), x itself if it is real; gx = conj(gy)."""

    def conj_physical(self) -> Variable:
        """y = conj(x), which is x if it is real; gx = conj(gy). conj puts it off, this does not."""

    def conj_physical_(self) -> Variable:
        """In place: y = conj(x), which is x if it is real; gx = conj(gy). conj puts it off, this
        does not.
        """

    def contiguous(
        self, *, memory_format: torch.memory_format = torch.contiguous_format
    ) -> Variable:
        """y = x, copied if its elements are in another order; gx = gy."""

    def copy_(self, y: Variable | Tensor, non_blocking: builtins.bool = False) -> Variable:
        """In place: z = y, expanded to x's shape and cast to its dtype; gx = 0, gy = gz."""

    def copysign(self, y: Variable | Tensor | complex) -> Variable:
        """z = |x|, or -|x| where y is negative, which -0.0 is; gx = gz or -gz, 0 at x = 0, gy =
        0.
        """

    def copysign_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = |x|, or -|x| where y is negative, which -0.0 is; gx = gz or -gz, 0 at x
        = 0, gy = 0.
        """

    def cos(self) -> Variable:
        """y = cos(x), x in radians; gx = -gy conj(sin(x))."""

    def cos_(self) -> Variable:
        """In place: y = cos(x), x in radians; gx = -gy conj(sin(x))."""

    def cosh(self) -> Variable:
        """y = cosh(x); gx = gy conj(sinh(x))."""

    def cosh_(self) -> Variable:
        """In place: y = cosh(x); gx = gy conj(sinh(x))."""

    def cpu(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x on the CPU; gx = gy on the device of x."""

    def cuda(
        self,
        device: torch.device | str | builtins.int | None = None,
        non_blocking: builtins.bool = False,
        *,
        memory_format: torch.memory_format = torch.preserve_format,
    ) -> Variable:
        """y = x on a GPU, the current one unless device says which; gx = gy on x's device."""

    def cummax(self, dim: builtins.int) -> Any:
        """y[i] = the largest of x[0], ..., x[i], and its index; gx = the sum of the gy that it
        gave.
        """

    def cummin(self, dim: builtins.int) -> Any:
        """y[i] = the smallest of x[0], ..., x[i], and its index; gx = the sum of the gy that it
        gave.
        """

    def cumprod(self, dim: builtins.int, *, dtype: torch.dtype | None = None) -> Variable:
        """y[i] = x[0] ... x[i]; gx[k] = conj(y[k-1]) t[k], t[k] = gy[k] + conj(x[k+1]) t[k+1]."""

    def cumprod_(self, dim: builtins.int, *, dtype: torch.dtype | None = None) -> Variable:
        """In place: y[i] = x[0] ... x[i]; gx[k] = conj(y[k-1]) t[k], t[k] = gy[k] + conj(x[k+1])
        t[k+1].
        """

    def cumsum(self, dim: builtins.int, *, dtype: torch.dtype | None = None) -> Variable:
        """y[i] = x[0] + ... + x[i]; gx[i] = gy[i] + ... + gy[n-1], the running sum backwards."""

    def cumsum_(self, dim: builtins.int, *, dtype: torch.dtype | None = None) -> Variable:
        """In place: y[i] = x[0] + ... + x[i]; gx[i] = gy[i] + ... + gy[n-1], the running sum
        backwards.
        """

    def deg2rad(self) -> Variable:
        """y = x pi / 180; gx = gy pi / 180."""

    def deg2rad_(self) -> Variable:
        """In place: y = x pi / 180; gx = gy pi / 180."""

    def diag_embed(
        self, offset: builtins.int = 0, dim1: builtins.int = -2, dim2: builtins.int = -1
    ) -> Variable:
        """y = zeros with x's last dimension on the diagonal of dim1 and dim2; gx = gy there."""

    def diagonal(
        self, offset: builtins.int = 0, dim1: builtins.int = 0, dim2: builtins.int = 1
    ) -> Variable:
        """y[.., i] = x[i, i + offset] of dim1 and dim2, a view; gx = zeros with gy there."""

    def diagonal_scatter(
        self,
        src: Variable | Tensor,
        offset: builtins.int = 0,
        dim1: builtins.int = 0,
        dim2: builtins.int = 1,
    ) -> Variable:
        """z = x with src on the diagonal of dim1 and dim2; gx = gz with 0 there, gsrc = gz
        there.
        """

    def digamma(self) -> Variable:
        """y = gamma'(x) / gamma(x); gx = gy polygamma(1, x)."""

    def digamma_(self) -> Variable:
        """In place: y = gamma'(x) / gamma(x); gx = gy polygamma(1, x)."""

    def dist(self, y: Variable | Tensor, p: builtins.float = 2) -> Variable:
        """z = linalg.vector_norm(x - y, p), which has the gradient."""

    def div(self, y: Variable | Tensor | complex, *, rounding_mode: str | None = None) -> Variable:
        """z = x / y; gx = gz / conj(y), gy = -gz conj(x / y / y)."""

    def div_(self, y: Variable | Tensor | complex, *, rounding_mode: str | None = None) -> Variable:
        """In place: z = x / y; gx = gz / conj(y), gy = -gz conj(x / y / y)."""

    def divide(
        self, y: Variable | Tensor | complex, *, rounding_mode: str | None = None
    ) -> Variable:
        """z = x / y; gx = gz / conj(y), gy = -gz conj(x / y / y)."""

    def divide_(
        self, y: Variable | Tensor | complex, *, rounding_mode: str | None = None
    ) -> Variable:
        """In place: z = x / y; gx = gz / conj(y), gy = -gz conj(x / y / y)."""

    def dot(self, y: Variable | Tensor) -> Variable:
        """z = sum(x y), nothing conjugated; gx = gz conj(y), gy = gz conj(x)."""

    def double(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to float64; gx = gy cast back to the dtype of x."""

    def dropout_(self, p: builtins.float = 0.5, training: builtins.bool = True) -> Variable:
        """In place: y = x mask / (1 - p), mask being 0 with probability p, else 1; gx = gy mask
        / (1 - p).
        """

    def elu_(
        self, alpha: builtins.float = 1, scale: builtins.float = 1, input_scale: builtins.float = 1
    ) -> Variable:
        """In place: y = scale x where x > 0, else scale alpha (exp(input_scale x) - 1)."""

    def eq(self, y: Variable | Tensor | complex) -> Variable:
        """z = x == y; nan equals nothing, itself included. No gradient."""

    def eq_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x == y; nan equals nothing, itself included. No gradient."""

    def erf(self) -> Variable:
        """y = 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x; gx = gy 2/sqrt(pi)
        exp(-x^2).
        """

    def erf_(self) -> Variable:
        """In place: y = 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x; gx = gy
        2/sqrt(pi) exp(-x^2).
        """

    def erfc(self) -> Variable:
        """y = 1 - erf(x); gx = -gy 2/sqrt(pi) exp(-x^2)."""

    def erfc_(self) -> Variable:
        """In place: y = 1 - erf(x); gx = -gy 2/sqrt(pi) exp(-x^2)."""

    def erfinv(self) -> Variable:
        """y = erfinv(x); gx = gy sqrt(pi) / 2 exp(y^2), infinite at 1 and -1."""

    def erfinv_(self) -> Variable:
        """In place: y = erfinv(x); gx = gy sqrt(pi) / 2 exp(y^2), infinite at 1 and -1."""

    def exp(self) -> Variable:
        """y = e^x; gx = gy conj(y)."""

    def exp2(self) -> Variable:
        """y = 2^x; gx = gy log(2) conj(y)."""

    def exp2_(self) -> Variable:
        """In place: y = 2^x; gx = gy log(2) conj(y)."""

    def exp_(self) -> Variable:
        """In place: y = e^x; gx = gy conj(y)."""

    def expand(
        self,
        *sizes: builtins.int | Sequence[builtins.int],
        size: Sequence[builtins.int] | None = None,
        implicit: builtins.bool = False,
    ) -> Variable:
        """y = x broadcast to the sizes given, a view; gx = gy summed to the shape of x."""

    def expand_as(self, y: Variable | Tensor) -> Variable:
        """z = x broadcast to the shape of y; gx = gz summed to the shape of x, gy = 0."""

    def expm1(self) -> Variable:
        """y = e^x - 1; gx = gy conj(y + 1)."""

    def expm1_(self) -> Variable:
        """In place: y = e^x - 1; gx = gy conj(y + 1)."""

    def exponential_(
        self, lambd: builtins.float = 1, *, generator: torch.Generator | None = None
    ) -> Variable:
        """In place: y = numbers whose density is lambd exp(-lambd y), in x's shape and dtype; gx
        = 0.
        """

    def fill_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = y in each element of x's shape and dtype; gx = 0, gy = sum of gz."""

    def fill_diagonal_(self, fill_value: complex, wrap: builtins.bool = False) -> Variable:
        """In place: y = fill_value on the main diagonal, else x; gx = 0 there, else gy."""

    def fix(self) -> Variable:
        """y = trunc(x); gx = 0, also at the jumps."""

    def fix_(self) -> Variable:
        """In place: y = trunc(x); gx = 0, also at the jumps."""

    def flatten(self, start_dim: builtins.int = 0, end_dim: builtins.int = -1) -> Variable:
        """y = x with dimensions start_dim to end_dim as one; gx = gy in the shape of x."""

    def flip(
        self,
        *apart: builtins.int | Sequence[builtins.int],
        dims: Sequence[builtins.int] | None = None,
    ) -> Variable:
        """y = x with the order along each of dims reversed, a copy; gx = gy reversed back."""

    def float(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to float32; gx = gy cast back to the dtype of x."""

    def floor(self) -> Variable:
        """y = floor(x); gx = 0, also at the jumps."""

    def floor_(self) -> Variable:
        """In place: y = floor(x); gx = 0, also at the jumps."""

    def floor_divide(self, y: Variable | Tensor | complex) -> Variable:
        """z = floor(x / y); gx = 0, gy = 0, also at the jumps. torch has no gradient."""

    def floor_divide_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = floor(x / y); gx = 0, gy = 0, also at the jumps. torch has no gradient."""

    def fmax(self, y: Variable | Tensor) -> Variable:
        """z = the larger of x and y, or the one that is not nan."""

    def fmin(self, y: Variable | Tensor) -> Variable:
        """z = the smaller of x and y, or the one that is not nan."""

    def fmod(self, y: Variable | Tensor | complex) -> Variable:
        """z = x - y trunc(x / y), with the sign of x; gx = gz, gy = -gz trunc(x / y)."""

    def fmod_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x - y trunc(x / y), with the sign of x; gx = gz, gy = -gz trunc(x / y)."""

    def frac(self) -> Variable:
        """y = x - trunc(x); gx = gy, also at the jumps."""

    def frac_(self) -> Variable:
        """In place: y = x - trunc(x); gx = gy, also at the jumps."""

    def frexp(self) -> Any:
        """x = y 2^e with 0.5 <= |y| < 1 and an integer e; gx = gy 2^-e, also at the jumps."""

    def gather(
        self, dim: builtins.int, index: Variable | Tensor, *, sparse_grad: builtins.bool = False
    ) -> Variable:
        """y[i, j] = x[index[i, j], j] (here dim = 0); gx = zeros with gy added there."""

    def ge(self, y: Variable | Tensor | complex) -> Variable:
        """z = x >= y; False where either is nan. No gradient."""

    def ge_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x >= y; False where either is nan. No gradient."""

    def geometric_(
        self, p: builtins.float, *, generator: torch.Generator | None = None
    ) -> Variable:
        """In place: y = k with probability (1 - p)^(k - 1) p, k = 1, 2, ..., in x's shape and
        dtype; gx = 0.
        """

    def geqrf(self) -> Any:
        """x = H[0] H[1] ... r, H[i] = 1 - tau[i] v v^H; y has r, and below its diagonal each v."""

    def ger(self, y: Variable | Tensor) -> Variable:
        """z[i, j] = x[i] y[j], nothing conjugated; gx = gz conj(y), gy = gz^T conj(x)."""

    def greater(self, y: Variable | Tensor | complex) -> Variable:
        """z = x > y; False where either is nan. No gradient."""

    def greater_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x > y; False where either is nan. No gradient."""

    def greater_equal(self, y: Variable | Tensor | complex) -> Variable:
        """z = x >= y; False where either is nan. No gradient."""

    def greater_equal_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x >= y; False where either is nan. No gradient."""

    def gt(self, y: Variable | Tensor | complex) -> Variable:
        """z = x > y; False where either is nan. No gradient."""

    def gt_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x > y; False where either is nan. No gradient."""

    def half(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to float16; gx = gy cast back to the dtype of x."""

    def hardshrink(self, lambd: builtins.float = 0.5) -> Variable:
        """y = x where |x| > lambd, else 0; gx = gy there, else 0."""

    def hardsigmoid_(self) -> Variable:
        """In place: y = min(max(x / 6 + 1/2, 0), 1); gx = gy / 6 where -3 < x < 3, else 0."""

    def hardswish_(self) -> Variable:
        """In place: y = x min(max(x + 3, 0), 6) / 6; gx = gy (x / 3 + 1/2) where -3 < x < 3, 0
        below, gy above.
        """

    def hardtanh_(self, min_val: builtins.float = -1, max_val: builtins.float = 1) -> Variable:
        """In place: y = min(max(x, min_val), max_val); gx = gy where min_val < x < max_val, else
        0.
        """

    def heaviside(self, y: Variable | Tensor) -> Variable:
        """z = 0 where x < 0, 1 where x > 0, y where x = 0; gx = 0, gy = gz where x = 0, else 0."""

    def heaviside_(self, y: Variable | Tensor) -> Variable:
        """In place: z = 0 where x < 0, 1 where x > 0, y where x = 0; gx = 0, gy = gz where x =
        0, else 0.
        """

    def histc(
        self, bins: builtins.int = 100, min: builtins.float = 0, max: builtins.float = 0
    ) -> Variable:
        """y[b] = how many of x are in bin b of min to max (of x, if both are 0); gx = 0."""

    def hypot(self, y: Variable | Tensor) -> Variable:
        """z = sqrt(x^2 + y^2), without overflow; gx = gz x / z, gy = gz y / z."""

    def hypot_(self, y: Variable | Tensor) -> Variable:
        """In place: z = sqrt(x^2 + y^2), without overflow; gx = gz x / z, gy = gz y / z."""

    def i0(self) -> Variable:
        """y = I0(x); gx = gy I1(x)."""

    def i0_(self) -> Variable:
        """In place: y = I0(x); gx = gy I1(x)."""

    @property
    def imag(self) -> Variable:
        """y = Im(x); gx = i gy. A real x is an error."""

    def index_add(
        self,
        dim: builtins.int,
        index: Variable | Tensor,
        source: Variable | Tensor,
        *,
        alpha: complex = 1,
    ) -> Variable:
        """z = x with alpha times each slice of source added to the slice that index names."""

    def index_add_(
        self,
        dim: builtins.int,
        index: Variable | Tensor,
        source: Variable | Tensor,
        *,
        alpha: complex = 1,
    ) -> Variable:
        """In place: z = x with alpha times each slice of source added to the slice that index
        names.
        """

    def index_copy(
        self, dim: builtins.int, index: Variable | Tensor, source: Variable | Tensor
    ) -> Variable:
        """z = x with each slice of source put at its index of dim."""

    def index_copy_(
        self, dim: builtins.int, index: Variable | Tensor, source: Variable | Tensor
    ) -> Variable:
        """In place: z = x with each slice of source put at its index of dim."""

    def index_fill(
        self, dim: builtins.int, index: Variable | Tensor, value: Variable | Tensor | complex
    ) -> Variable:
        """z = x with value at each index of dim; gx = gz with 0 there, gvalue = the sum of gz
        there.
        """

    def index_fill_(
        self, dim: builtins.int, index: Variable | Tensor, value: Variable | Tensor | complex
    ) -> Variable:
        """In place: z = x with value at each index of dim; gx = gz with 0 there, gvalue = the
        sum of gz there.
        """

    def index_put(
        self,
        indices: Sequence[Variable | Tensor],
        values: Variable | Tensor,
        accumulate: builtins.bool = False,
    ) -> Variable:
        """z = x with values y at [indices], or added there; gx = gz, gy = gz[indices]."""

    def index_put_(
        self,
        indices: Sequence[Variable | Tensor],
        values: Variable | Tensor,
        accumulate: builtins.bool = False,
    ) -> Variable:
        """In place: z = x with values y at [indices], or added there; gx = gz, gy = gz[indices]."""

    def index_reduce(
        self,
        dim: builtins.int,
        index: Variable | Tensor,
        source: Variable | Tensor,
        reduce: str,
        *,
        include_self: builtins.bool = True,
    ) -> Variable:
        """z = x with the slices of source that index sends to one place reduced into x's slice
        there.
        """

    def index_reduce_(
        self,
        dim: builtins.int,
        index: Variable | Tensor,
        source: Variable | Tensor,
        reduce: str,
        *,
        include_self: builtins.bool = True,
    ) -> Variable:
        """In place: z = x with the slices of source that index sends to one place reduced into
        x's slice there.
        """

    def index_select(self, dim: builtins.int, index: Variable | Tensor) -> Variable:
        """y = the slices of x along dim that index names; gx = zeros with gy's added there."""

    def int(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to int32; there is no gradient."""

    def isfinite(self) -> Variable:
        """y = whether x is neither infinite nor nan; of a complex x, both parts. No gradient."""

    def isinf(self) -> Variable:
        """y = whether x is infinite, of either sign; of a complex x, either part is. No
        gradient.
        """

    def isnan(self) -> Variable:
        """y = whether x is nan; of a complex x, either part is. No gradient."""

    def kthvalue(
        self, k: builtins.int, dim: builtins.int = -1, keepdim: builtins.bool = False
    ) -> Any:
        """y = the k-th smallest of x along dim, and its index; gx = gy at this, else 0."""

    def ldexp(self, y: Variable | Tensor) -> Variable:
        """z = x 2^y; gx = gz 2^conj(y), gy = gz conj(z) log(2)."""

    def ldexp_(self, y: Variable | Tensor) -> Variable:
        """In place: z = x 2^y; gx = gz 2^conj(y), gy = gz conj(z) log(2)."""

    def le(self, y: Variable | Tensor | complex) -> Variable:
        """z = x <= y; False where either is nan. No gradient."""

    def le_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x <= y; False where either is nan. No gradient."""

    def leaky_relu_(self, negative_slope: builtins.float = 0.01) -> Variable:
        """In place: y = x where x > 0, else negative_slope x; gx = gy there, else negative_slope
        gy.
        """

    def lerp(
        self, y: Variable | Tensor, weight: Variable | Tensor | complex | builtins.float
    ) -> Variable:
        """z = x + weight (y - x); gx = gz conj(1 - weight), gy = gz conj(weight)."""

    def lerp_(
        self, y: Variable | Tensor, weight: Variable | Tensor | complex | builtins.float
    ) -> Variable:
        """In place: z = x + weight (y - x); gx = gz conj(1 - weight), gy = gz conj(weight)."""

    def less(self, y: Variable | Tensor | complex) -> Variable:
        """z = x < y; False where either is nan. No gradient."""

    def less_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x < y; False where either is nan. No gradient."""

    def less_equal(self, y: Variable | Tensor | complex) -> Variable:
        """z = x <= y; False where either is nan. No gradient."""

    def less_equal_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x <= y; False where either is nan. No gradient."""

    def lgamma(self) -> Variable:
        """y = log(|gamma(x)|); gx = gy digamma(x)."""

    def lgamma_(self) -> Variable:
        """In place: y = log(|gamma(x)|); gx = gy digamma(x)."""

    def log(self) -> Variable:
        """y = log(x); gx = gy / conj(x)."""

    def log10(self) -> Variable:
        """y = log(x) / log(10); gx = gy / (conj(x) log(10))."""

    def log10_(self) -> Variable:
        """In place: y = log(x) / log(10); gx = gy / (conj(x) log(10))."""

    def log1p(self) -> Variable:
        """y = log(1 + x); gx = gy / conj(1 + x)."""

    def log1p_(self) -> Variable:
        """In place: y = log(1 + x); gx = gy / conj(1 + x)."""

    def log2(self) -> Variable:
        """y = log(x) / log(2); gx = gy / (conj(x) log(2))."""

    def log2_(self) -> Variable:
        """In place: y = log(x) / log(2); gx = gy / (conj(x) log(2))."""

    def log_(self) -> Variable:
        """In place: y = log(x); gx = gy / conj(x)."""

    def log_normal_(
        self,
        mean: builtins.float = 1,
        std: builtins.float = 2,
        *,
        generator: torch.Generator | None = None,
    ) -> Variable:
        """In place: y = exp(normal numbers of this mean and standard deviation); gx = 0."""

    def log_softmax(
        self,
        dim: builtins.int | None = None,
        _stacklevel: builtins.int | torch.dtype | None = None,
        dtype: torch.dtype | None = None,
    ) -> Variable:
        """y = x - log(sum(exp(x))) along dim; gx = gy - exp(y) sum(gy)."""

    def logaddexp(self, y: Variable | Tensor) -> Variable:
        """z = log(exp(x) + exp(y)); gx = gz conj(exp(x - z)), gy = gz conj(exp(y - z))."""

    def logaddexp2(self, y: Variable | Tensor) -> Variable:
        """z = log2(2^x + 2^y); gx = gz sigmoid(log(2) (x - y)), gy = gz sigmoid(log(2) (y - x))."""

    def logcumsumexp(self, dim: builtins.int) -> Variable:
        """y[i] = log(exp(x[0]) + ... + exp(x[i])); gx[k] = conj(exp(x[k] - y[k])) t[k]."""

    def logical_and(self, y: Variable | Tensor) -> Variable:
        """z = x and y, where every number but 0 counts as True. No gradient."""

    def logical_and_(self, y: Variable | Tensor) -> Variable:
        """In place: z = x and y, where every number but 0 counts as True. No gradient."""

    def logical_not(self) -> Variable:
        """y = not x, where every number but 0 counts as True. No gradient."""

    def logical_not_(self) -> Variable:
        """In place: y = not x, where every number but 0 counts as True. No gradient."""

    def logical_or(self, y: Variable | Tensor) -> Variable:
        """z = x or y, where every number but 0 counts as True. No gradient."""

    def logical_or_(self, y: Variable | Tensor) -> Variable:
        """In place: z = x or y, where every number but 0 counts as True. No gradient."""

    def logical_xor(self, y: Variable | Tensor) -> Variable:
        """z = either x or y, where every number but 0 counts as True. No gradient."""

    def logical_xor_(self, y: Variable | Tensor) -> Variable:
        """In place: z = either x or y, where every number but 0 counts as True. No gradient."""

    def logit(self, eps: builtins.float | None = None) -> Variable:
        """y = log(x / (1 - x)); gx = gy / (x (1 - x)), infinite at 0 and 1 and nan beyond."""

    def logit_(self, eps: builtins.float | None = None) -> Variable:
        """In place: y = log(x / (1 - x)); gx = gy / (x (1 - x)), infinite at 0 and 1 and nan
        beyond.
        """

    def logsumexp(
        self,
        dim: builtins.int | tuple[builtins.int, ...] | list[builtins.int] | None,
        keepdim: builtins.bool = False,
    ) -> Variable:
        """y = log(sum of exp(x) over dim); gx = gy conj(exp(x - y)), the softmax."""

    def long(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to int64; there is no gradient."""

    def lt(self, y: Variable | Tensor | complex) -> Variable:
        """z = x < y; False where either is nan. No gradient."""

    def lt_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x < y; False where either is nan. No gradient."""

    @property
    def mH(self) -> Variable:
        """y[.., i, j] = conj(x[.., j, i]), a view; gx = gy.mH."""

    @property
    def mT(self) -> Variable:
        """y[.., i, j] = x[.., j, i], a view; gx = gy.mT."""

    def masked_fill(self, mask: Variable | Tensor, value: Variable | Tensor | complex) -> Variable:
        """y = value where mask, else x; gx = 0 where mask, else gy; gvalue = gy where mask."""

    def masked_fill_(self, mask: Variable | Tensor, value: Variable | Tensor | complex) -> Variable:
        """In place: y = value where mask, else x; gx = 0 where mask, else gy; gvalue = gy where
        mask.
        """

    def masked_scatter(self, mask: Variable | Tensor, source: Variable | Tensor) -> Variable:
        """z = x with the next element of source wherever mask is true; x and mask broadcast."""

    def masked_scatter_(self, mask: Variable | Tensor, source: Variable | Tensor) -> Variable:
        """In place: z = x with the next element of source wherever mask is true; x and mask
        broadcast.
        """

    def masked_select(self, mask: Variable | Tensor) -> Variable:
        """y = the elements of x where mask, as a vector; gx = gy there, else 0."""

    def matmul(self, y: Variable | Tensor) -> Variable:
        """z = x y; gx = gz y^H, gy = x^H gz."""

    def matrix_exp(self) -> Variable:
        """y = 1 + x + x^2 / 2 + ...; gx = the right upper block of exp([[x^H, gy], [0, x^H]])."""

    def max(
        self,
        y: Variable | Tensor | complex | builtins.int | None = None,
        keepdim: builtins.bool | None = None,
        *,
        dim: builtins.int | None = None,
    ) -> Any:
        """z = max x, or along a dim, or of x and y; gx = gz where x is the max, else 0."""

    def maximum(self, y: Variable | Tensor) -> Variable:
        """z = max(x, y); the larger one gets gz, at a tie each gets half of it."""

    def mean(
        self,
        dim: builtins.int | tuple[builtins.int, ...] | list[builtins.int] | None = None,
        keepdim: builtins.bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Variable:
        """y = mean of the n elements of x along dim; gx = gy / n."""

    def median(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Any:
        """y = the middle element of x, the lower of two; gx = gy there, else 0."""

    def min(
        self,
        y: Variable | Tensor | complex | builtins.int | None = None,
        keepdim: builtins.bool | None = None,
        *,
        dim: builtins.int | None = None,
    ) -> Any:
        """z = min x, or along a dim, or of x and y; gx = gz where x is the min, else 0."""

    def minimum(self, y: Variable | Tensor) -> Variable:
        """z = min(x, y); the smaller one gets gz, at a tie each gets half of it."""

    def mish_(self) -> Variable:
        """In place: y = x t, with t = tanh(log(1 + exp(x))); gx = gy (t + x s (1 - t^2)), s
        being the sigmoid.
        """

    def mm(self, y: Variable | Tensor) -> Variable:
        """z = x y, of matrices; gx = gz y^H, gy = x^H gz."""

    def mode(self, dim: builtins.int = -1, keepdim: builtins.bool = False) -> Any:
        """y = the most common value of x along dim, and an index of it; gx = gy at this, else 0."""

    def moveaxis(
        self,
        source: builtins.int | Sequence[builtins.int],
        destination: builtins.int | Sequence[builtins.int],
    ) -> Variable:
        """y = x with dimensions source as destination, a view; gx = gy moved back."""

    def movedim(
        self,
        source: builtins.int | Sequence[builtins.int],
        destination: builtins.int | Sequence[builtins.int],
    ) -> Variable:
        """y = x with dimensions source as destination, a view; gx = gy moved back."""

    def mul(self, y: Variable | Tensor | complex) -> Variable:
        """z = x y; gx = gz conj(y), gy = gz conj(x)."""

    def mul_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x y; gx = gz conj(y), gy = gz conj(x)."""

    def multiply(self, y: Variable | Tensor | complex) -> Variable:
        """z = x y; gx = gz conj(y), gy = gz conj(x)."""

    def multiply_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x y; gx = gz conj(y), gy = gz conj(x)."""

    def mv(self, y: Variable | Tensor) -> Variable:
        """z = x y, of a matrix and a vector; gx = gz y^H, gy = x^H gz."""

    def mvlgamma(self, p: builtins.int) -> Variable:
        """y = p (p - 1) / 4 log(pi) + sum of lgamma(x - j / 2), j from 0 to p - 1."""

    def mvlgamma_(self, p: builtins.int) -> Variable:
        """In place: y = p (p - 1) / 4 log(pi) + sum of lgamma(x - j / 2), j from 0 to p - 1."""

    def nan_to_num(
        self,
        nan: builtins.float | None = None,
        posinf: builtins.float | None = None,
        neginf: builtins.float | None = None,
    ) -> Variable:
        """y = x, but ``nan``, ``posinf`` and ``neginf`` for numbers that are not finite; gx = gy
        or 0.
        """

    def nan_to_num_(
        self,
        nan: builtins.float | None = None,
        posinf: builtins.float | None = None,
        neginf: builtins.float | None = None,
    ) -> Variable:
        """In place: y = x, but ``nan``, ``posinf`` and ``neginf`` for numbers that are not
        finite; gx = gy or 0.
        """

    def nanmedian(self, dim: builtins.int | None = None, keepdim: builtins.bool = False) -> Any:
        """y = the middle one of the x that are not nan, the lower of two; gx = gy there, else 0."""

    def nansum(
        self,
        dim: builtins.int | tuple[builtins.int, ...] | list[builtins.int] | None = None,
        keepdim: builtins.bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Variable:
        """y = sum of x over dim, nan counted as 0; gx = gy, but 0 where x is nan."""

    def narrow(self, dim: builtins.int, start: builtins.int, length: builtins.int) -> Variable:
        """y = x from start on, length long, along dim, a view; gx = zeros with gy there."""

    def ne(self, y: Variable | Tensor | complex) -> Variable:
        """z = x != y; nan equals nothing, itself included. No gradient."""

    def ne_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x != y; nan equals nothing, itself included. No gradient."""

    def neg(self) -> Variable:
        """y = -x; gx = -gy."""

    def neg_(self) -> Variable:
        """In place: y = -x; gx = -gy."""

    def negative(self) -> Variable:
        """y = -x; gx = -gy."""

    def negative_(self) -> Variable:
        """In place: y = -x; gx = -gy."""

    def new_empty(
        self,
        *shape: builtins.int,
        size: Sequence[builtins.int] | None = None,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | str | None = None,
        requires_grad: builtins.bool = False,
        pin_memory: builtins.bool = False,
    ) -> Variable:
        """y = anything, in x's dtype and device unless told otherwise. No gradient."""

    def new_full(
        self,
        size: Sequence[builtins.int],
        fill_value: complex,
        *,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | str | None = None,
        requires_grad: builtins.bool = False,
        pin_memory: builtins.bool = False,
    ) -> Variable:
        """y = fill_value, in x's dtype and device unless told otherwise. No gradient."""

    def new_ones(
        self,
        *shape: builtins.int,
        size: Sequence[builtins.int] | None = None,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | str | None = None,
        requires_grad: builtins.bool = False,
        pin_memory: builtins.bool = False,
    ) -> Variable:
        """y = 1, in x's dtype and device unless told otherwise. No gradient."""

    def new_zeros(
        self,
        *shape: builtins.int,
        size: Sequence[builtins.int] | None = None,
        dtype: torch.dtype | None = None,
        layout: torch.layout | None = None,
        device: torch.device | str | None = None,
        requires_grad: builtins.bool = False,
        pin_memory: builtins.bool = False,
    ) -> Variable:
        """y = 0, in x's dtype and device unless told otherwise. No gradient."""

    def nextafter(self, y: Variable | Tensor) -> Variable:
        """z = the number after x on the way to y; gx = gz, gy = 0."""

    def nextafter_(self, y: Variable | Tensor) -> Variable:
        """In place: z = the number after x on the way to y; gx = gz, gy = 0."""

    def norm(
        self,
        p: builtins.float | str | None = "fro",
        dim: builtins.int | tuple[builtins.int, ...] | list[builtins.int] | None = None,
        keepdim: builtins.bool = False,
        out: None = None,
        dtype: torch.dtype | None = None,
    ) -> Variable:
        """y = linalg.vector_norm(x, p), where p = "fro" is 2; p = "nuc" is linalg.matrix_norm's."""

    def normal_(
        self,
        mean: builtins.float = 0,
        std: builtins.float = 1,
        *,
        generator: torch.Generator | None = None,
    ) -> Variable:
        """In place: y = normal numbers of this mean and standard deviation, in x's shape and
        dtype; gx = 0.
        """

    def not_equal(self, y: Variable | Tensor | complex) -> Variable:
        """z = x != y; nan equals nothing, itself included. No gradient."""

    def not_equal_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x != y; nan equals nothing, itself included. No gradient."""

    def orgqr(self, y: Variable | Tensor) -> Variable:
        """z = the first columns of H[0] H[1] ..., H[i] = 1 - y[i] v v^H, v = column i of x, from
        i on.
        """

    def ormqr(
        self,
        tau: Variable | Tensor,
        y: Variable | Tensor,
        left: builtins.bool = True,
        transpose: builtins.bool = False,
    ) -> Variable:
        """z = q y, q^H y with transpose, or with left=False y q, y q^H; q = H[0] H[1] ... of x
        and tau.
        """

    def outer(self, y: Variable | Tensor) -> Variable:
        """z[i, j] = x[i] y[j], nothing conjugated; gx = gz conj(y), gy = gz^T conj(x)."""

    def permute(
        self,
        *order: builtins.int | Sequence[builtins.int],
        dims: Sequence[builtins.int] | None = None,
    ) -> Variable:
        """y = x with dimension dims[i] as the i-th, a view; gx = gy with the inverse order."""

    def pin_memory(self, device: torch.device | str | None = None) -> Variable:
        """y = x in pinned memory; gx = gy."""

    def polygamma(self, n: builtins.int) -> Variable:
        """y = the n-th derivative of digamma at x: torch's method names x before n."""

    def polygamma_(self, n: builtins.int) -> Variable:
        """In place: y = the n-th derivative of digamma at x: torch's method names x before n."""

    def positive(self) -> Any:
        """y = x, the same Variable; gx = gy. A boolean x is an error."""

    def pow(self, y: Variable | Tensor | complex) -> Variable:
        """z = x^y; gx = gz conj(y x^(y - 1)), gy = gz conj(z log(x))."""

    def pow_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x^y; gx = gz conj(y x^(y - 1)), gy = gz conj(z log(x))."""

    def prelu(self, y: Variable | Tensor) -> Variable:
        """z = x where x > 0, else x y; gx = gz there, else gz y; gy = the sum of gz x elsewhere."""

    def prod(
        self,
        dim: builtins.int | None = None,
        keepdim: builtins.bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Variable:
        """y = product of x over dim; gx = gy conj(product of the other elements)."""

    def put(
        self, index: Variable | Tensor, source: Variable | Tensor, accumulate: builtins.bool = False
    ) -> Variable:
        """z = x with source at the numbers in index, or added there if accumulate."""

    def put_(
        self, index: Variable | Tensor, source: Variable | Tensor, accumulate: builtins.bool = False
    ) -> Variable:
        """In place: z = x with source at the numbers in index, or added there if accumulate."""

    def rad2deg(self) -> Variable:
        """y = x 180 / pi; gx = gy 180 / pi."""

    def rad2deg_(self) -> Variable:
        """In place: y = x 180 / pi; gx = gy 180 / pi."""

    def random_(
        self,
        *bounds: builtins.int,
        start: builtins.int | None = None,
        stop: builtins.int | None = None,
        generator: torch.Generator | None = None,
    ) -> Variable:
        """In place: y = integers drawn evenly from [0, stop) or [start, stop), in x's shape and
        dtype; gx = 0.
        """

    @property
    def real(self) -> Variable:
        """y = Re(x), x itself if it is real; gx = gy + 0i."""

    def reciprocal(self) -> Variable:
        """y = 1 / x; gx = -gy conj(y^2). At 0, both are infinite."""

    def reciprocal_(self) -> Variable:
        """In place: y = 1 / x; gx = -gy conj(y^2). At 0, both are infinite."""

    def relu(self) -> Variable:
        """y = max(x, 0); gx = gy where y > 0, else 0: also at x = 0."""

    def relu_(self) -> Variable:
        """In place: y = max(x, 0); gx = gy where y > 0, else 0: also at x = 0."""

    def remainder(self, y: Variable | Tensor | complex) -> Variable:
        """z = x - y floor(x / y), with the sign of y; gx = gz, gy = -gz floor(x / y)."""

    def remainder_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x - y floor(x / y), with the sign of y; gx = gz, gy = -gz floor(x / y)."""

    def renorm(self, p: builtins.float, dim: builtins.int, maxnorm: builtins.float) -> Variable:
        """y = x, but maxnorm x / (norm + 1e-7) in each slice along dim whose p-norm is above
        maxnorm.
        """

    def renorm_(self, p: builtins.float, dim: builtins.int, maxnorm: builtins.float) -> Variable:
        """In place: y = x, but maxnorm x / (norm + 1e-7) in each slice along dim whose p-norm is
        above maxnorm.
        """

    def repeat(
        self,
        *apart: builtins.int | Sequence[builtins.int],
        repeats: Sequence[builtins.int] | None = None,
    ) -> Variable:
        """y = x put repeats[i] times along dimension i; gx = the sum of gy over the copies."""

    def reshape(
        self,
        *sizes: builtins.int | Sequence[builtins.int],
        shape: Sequence[builtins.int] | None = None,
    ) -> Variable:
        """y = x in the shape given; gx = gy in the shape of x."""

    def reshape_as(self, y: Variable | Tensor) -> Variable:
        """z = x in the shape of y; gx = gz in the shape of x, gy = 0."""

    def resolve_conj(self) -> Any:
        """y = x, with a conjugation that torch put off carried out; gx = gy."""

    def roll(
        self,
        shifts: builtins.int | Sequence[builtins.int],
        dims: builtins.int | Sequence[builtins.int] | None = (),
    ) -> Variable:
        """y = x moved by shifts along dims; gx = gy moved back."""

    def rot90(self, k: builtins.int = 1, dims: Sequence[builtins.int] = (0, 1)) -> Variable:
        """y = x turned k times from dims[0] towards dims[1], a copy; gx = gy turned back."""

    def round(self, *, decimals: builtins.int = 0) -> Variable:
        """y = x rounded to ``decimals`` places, halves to even; gx = 0, also at the jumps."""

    def round_(self, *, decimals: builtins.int = 0) -> Variable:
        """In place: y = x rounded to ``decimals`` places, halves to even; gx = 0, also at the
        jumps.
        """

    def rrelu_(
        self,
        lower: builtins.float = 0.125,
        upper: builtins.float = 0.3333333333333333,
        training: builtins.bool = False,
        generator: torch.Generator | None = None,
    ) -> Variable:
        """In place: y = x where x > 0, else x r; gx = gy there, else gy r."""

    def rsqrt(self) -> Variable:
        """y = 1 / sqrt(x); gx = -gy conj(y^3) / 2."""

    def rsqrt_(self) -> Variable:
        """In place: y = 1 / sqrt(x); gx = -gy conj(y^3) / 2."""

    def scatter(
        self,
        dim: builtins.int,
        index: Variable | Tensor,
        src: Variable | Tensor | complex,
        *,
        reduce: str | None = None,
    ) -> Variable:
        """z = x with src[i, j], or the number src, put at [index[i, j], j] (here dim = 0)."""

    def scatter_(
        self,
        dim: builtins.int,
        index: Variable | Tensor,
        src: Variable | Tensor | complex,
        *,
        reduce: str | None = None,
    ) -> Variable:
        """In place: z = x with src[i, j], or the number src, put at [index[i, j], j] (here dim =
        0).
        """

    def scatter_add(
        self, dim: builtins.int, index: Variable | Tensor, src: Variable | Tensor
    ) -> Variable:
        """z = x with src[i, j] added at [index[i, j], j] (here dim = 0)."""

    def scatter_add_(
        self, dim: builtins.int, index: Variable | Tensor, src: Variable | Tensor
    ) -> Variable:
        """In place: z = x with src[i, j] added at [index[i, j], j] (here dim = 0)."""

    def scatter_reduce(
        self,
        dim: builtins.int,
        index: Variable | Tensor,
        src: Variable | Tensor,
        reduce: str,
        *,
        include_self: builtins.bool = True,
    ) -> Variable:
        """z = x with the src[i, j] of each place [index[i, j], j] reduced into it (here dim =
        0).
        """

    def scatter_reduce_(
        self,
        dim: builtins.int,
        index: Variable | Tensor,
        src: Variable | Tensor,
        reduce: str,
        *,
        include_self: builtins.bool = True,
    ) -> Variable:
        """In place: z = x with the src[i, j] of each place [index[i, j], j] reduced into it
        (here dim = 0).
        """

    def select(self, dim: builtins.int, index: builtins.int) -> Variable:
        """y = x at index of dim, a view; gx = zeros with gy there."""

    def select_scatter(
        self, src: Variable | Tensor, dim: builtins.int, index: builtins.int
    ) -> Variable:
        """z = x with src at index of dim; gx = gz with 0 there, gsrc = gz there."""

    def selu_(self) -> Variable:
        """In place: y = scale x where x > 0, else scale alpha (exp(x) - 1)."""

    def sgn(self) -> Variable:
        """y = x / |x|, 0 at 0; gx = (gy - y Re(conj(y) gy)) / |x|, 0 at 0 and for a real x."""

    def sgn_(self) -> Variable:
        """In place: y = x / |x|, 0 at 0; gx = (gy - y Re(conj(y) gy)) / |x|, 0 at 0 and for a
        real x.
        """

    def short(self, *, memory_format: torch.memory_format = torch.preserve_format) -> Variable:
        """y = x cast to int16; there is no gradient."""

    def sigmoid(self) -> Variable:
        """y = 1 / (1 + exp(-x)); gx = gy conj(y (1 - y))."""

    def sigmoid_(self) -> Variable:
        """In place: y = 1 / (1 + exp(-x)); gx = gy conj(y (1 - y))."""

    def sign(self) -> Variable:
        """y = sign(x); gx = 0, also at the jumps."""

    def sign_(self) -> Variable:
        """In place: y = sign(x); gx = 0, also at the jumps."""

    def silu_(self) -> Variable:
        """In place: y = x s, with s = 1 / (1 + exp(-x)); gx = gy conj(s (1 + x (1 - s)))."""

    def sin(self) -> Variable:
        """y = sin(x), x in radians; gx = gy conj(cos(x))."""

    def sin_(self) -> Variable:
        """In place: y = sin(x), x in radians; gx = gy conj(cos(x))."""

    def sinc(self) -> Variable:
        """y = sin(pi x) / (pi x), 1 at 0; gx = gy conj((cos(pi x) - y) / x)."""

    def sinc_(self) -> Variable:
        """In place: y = sin(pi x) / (pi x), 1 at 0; gx = gy conj((cos(pi x) - y) / x)."""

    def sinh(self) -> Variable:
        """y = sinh(x); gx = gy conj(cosh(x))."""

    def sinh_(self) -> Variable:
        """In place: y = sinh(x); gx = gy conj(cosh(x))."""

    def slice_scatter(
        self,
        src: Variable | Tensor,
        dim: builtins.int = 0,
        start: builtins.int | None = None,
        end: builtins.int | None = None,
        step: builtins.int = 1,
    ) -> Variable:
        """z = x with src at start:end:step of dim; gx = gz with 0 there, gsrc = gz there."""

    def softmax(
        self,
        dim: builtins.int | None = None,
        _stacklevel: builtins.int | torch.dtype | None = None,
        dtype: torch.dtype | None = None,
    ) -> Variable:
        """y = exp(x) / sum(exp(x)) along dim; gx = y (gy - sum(gy y))."""

    def sort(
        self,
        dim: builtins.int = -1,
        descending: builtins.bool = False,
        *,
        stable: builtins.bool | None = None,
    ) -> Any:
        """y = x in ascending or descending order along dim, and the indices; gx = gy at these."""

    def split(
        self, split_size: builtins.int | Sequence[builtins.int], dim: builtins.int = 0
    ) -> tuple[Variable, ...]:
        """y1, y2, .. = x cut along dim, views; gx = gy1, gy2, .. put together again."""

    def split_with_sizes(
        self, split_size: builtins.int | Sequence[builtins.int], dim: builtins.int = 0
    ) -> tuple[Variable, ...]:
        """y1, y2, .. = x cut along dim, views; gx = gy1, gy2, .. put together again."""

    def sqrt(self) -> Variable:
        """y = sqrt(x); gx = gy / (2 conj(y))."""

    def sqrt_(self) -> Variable:
        """In place: y = sqrt(x); gx = gy / (2 conj(y))."""

    def square(self) -> Variable:
        """y = x^2; gx = 2 gy conj(x)."""

    def square_(self) -> Variable:
        """In place: y = x^2; gx = 2 gy conj(x)."""

    def squeeze(
        self,
        *dims: builtins.int | Sequence[builtins.int],
        dim: builtins.int | Sequence[builtins.int] | None = None,
    ) -> Variable:
        """y = x without its dimensions of size 1, a view; gx = gy in the shape of x."""

    def squeeze_(
        self,
        *dims: builtins.int | Sequence[builtins.int],
        dim: builtins.int | Sequence[builtins.int] | None = None,
    ) -> Variable:
        """In place: y = x without its dimensions of size 1, a view; gx = gy in the shape of x."""

    def std(
        self,
        dim: builtins.int
        | tuple[builtins.int, ...]
        | list[builtins.int]
        | builtins.bool
        | None = None,
        unbiased: builtins.bool | None = None,
        keepdim: builtins.bool = False,
        *,
        correction: builtins.float | None = None,
    ) -> Variable:
        """y = sqrt(v), v the variance; gx = gv dv/dx with gv = gy / (2 y)."""

    def sub(self, y: Variable | Tensor | complex, *, alpha: complex = 1) -> Variable:
        """z = x - alpha y; gx = gz, gy = -conj(alpha) gz."""

    def sub_(self, y: Variable | Tensor | complex, *, alpha: complex = 1) -> Variable:
        """In place: z = x - alpha y; gx = gz, gy = -conj(alpha) gz."""

    def subtract(self, y: Variable | Tensor | complex, *, alpha: complex = 1) -> Variable:
        """z = x - alpha y; gx = gz, gy = -conj(alpha) gz."""

    def subtract_(self, y: Variable | Tensor | complex, *, alpha: complex = 1) -> Variable:
        """In place: z = x - alpha y; gx = gz, gy = -conj(alpha) gz."""

    def sum(
        self,
        dim: builtins.int | tuple[builtins.int, ...] | list[builtins.int] | None = None,
        keepdim: builtins.bool = False,
        *,
        dtype: torch.dtype | None = None,
    ) -> Variable:
        """y = sum of x over dim; gx = gy, the same for every element of the sum."""

    def sum_to_size(
        self,
        *sizes: builtins.int | Sequence[builtins.int],
        size: Sequence[builtins.int] | None = None,
    ) -> Variable:
        """y = x summed to the sizes given; gx = gy broadcast to the shape of x."""

    def swapaxes(self, dim0: builtins.int, dim1: builtins.int) -> Variable:
        """y = x with dim0 and dim1 swapped, a view; gx = gy with them swapped back."""

    def swapaxes_(self, dim0: builtins.int, dim1: builtins.int) -> Variable:
        """In place: y = x with dim0 and dim1 swapped, a view; gx = gy with them swapped back."""

    def swapdims(self, dim0: builtins.int, dim1: builtins.int) -> Variable:
        """y = x with dim0 and dim1 swapped, a view; gx = gy with them swapped back."""

    def swapdims_(self, dim0: builtins.int, dim1: builtins.int) -> Variable:
        """In place: y = x with dim0 and dim1 swapped, a view; gx = gy with them swapped back."""

    def t(self) -> Variable:
        """y = x^T, a view; gx = gy^T."""

    def t_(self) -> Variable:
        """In place: y = x^T, a view; gx = gy^T."""

    def take(self, index: Variable | Tensor) -> Variable:
        """y = x's elements of the numbers in index; gx = zeros with gy added there."""

    def tan(self) -> Variable:
        """y = tan(x), x in radians; gx = gy conj(1 + y^2)."""

    def tan_(self) -> Variable:
        """In place: y = tan(x), x in radians; gx = gy conj(1 + y^2)."""

    def tanh(self) -> Variable:
        """y = tanh(x); gx = gy conj(1 - y^2)."""

    def tanh_(self) -> Variable:
        """In place: y = tanh(x); gx = gy conj(1 - y^2)."""

    def threshold_(self, threshold: builtins.float, value: builtins.float) -> Variable:
        """In place: y = x where x > threshold, else value; gx = gy there, else 0."""

    def to(
        self,
        *target: Any,
        dtype: torch.dtype | None = None,
        device: torch.device | str | builtins.int | None = None,
        other: Variable | Tensor | None = None,
        non_blocking: builtins.bool = False,
        copy: builtins.bool = False,
        memory_format: torch.memory_format = torch.preserve_format,
    ) -> Variable:
        """y = x cast to a dtype on a device; gx = gy cast and moved back."""

    def topk(
        self,
        k: builtins.int,
        dim: builtins.int = -1,
        largest: builtins.bool = True,
        sorted: builtins.bool = True,
    ) -> Any:
        """y = the k largest of x along dim, and their indices; gx = gy at these, else 0."""

    def trace(self) -> Variable:
        """y = the sum of x[i, i]; gx = gy on the diagonal, else 0."""

    def transpose(self, dim0: builtins.int, dim1: builtins.int) -> Variable:
        """y = x with dim0 and dim1 swapped, a view; gx = gy with them swapped back."""

    def transpose_(self, dim0: builtins.int, dim1: builtins.int) -> Variable:
        """In place: y = x with dim0 and dim1 swapped, a view; gx = gy with them swapped back."""

    def triangular_solve(
        self,
        y: Variable | Tensor,
        upper: builtins.bool = True,
        transpose: builtins.bool = False,
        unitriangular: builtins.bool = False,
    ) -> Any:
        """z = a^-1 x, a = y or y^T; gx = a^-H gz, ga = -gx z^H, of which a triangle."""

    def tril(self, diagonal: builtins.int = 0) -> Variable:
        """y[i, j] = x[i, j] where j - i <= diagonal, else 0; gx = gy there, else 0."""

    def tril_(self, diagonal: builtins.int = 0) -> Variable:
        """In place: y[i, j] = x[i, j] where j - i <= diagonal, else 0; gx = gy there, else 0."""

    def triu(self, diagonal: builtins.int = 0) -> Variable:
        """y[i, j] = x[i, j] where j - i >= diagonal, else 0; gx = gy there, else 0."""

    def triu_(self, diagonal: builtins.int = 0) -> Variable:
        """In place: y[i, j] = x[i, j] where j - i >= diagonal, else 0; gx = gy there, else 0."""

    def true_divide(
        self, y: Variable | Tensor | complex, *, rounding_mode: str | None = None
    ) -> Variable:
        """z = x / y; gx = gz / conj(y), gy = -gz conj(x / y / y)."""

    def true_divide_(
        self, y: Variable | Tensor | complex, *, rounding_mode: str | None = None
    ) -> Variable:
        """In place: z = x / y; gx = gz / conj(y), gy = -gz conj(x / y / y)."""

    def trunc(self) -> Variable:
        """y = trunc(x); gx = 0, also at the jumps."""

    def trunc_(self) -> Variable:
        """In place: y = trunc(x); gx = 0, also at the jumps."""

    def type_as(self, y: Variable | Tensor) -> Variable:
        """z = x cast to the dtype of y; gx = gz cast back, gy = 0."""

    def unbind(self, dim: builtins.int = 0) -> tuple[Variable, ...]:
        """y1, y2, .. = x at each index of dim, views; gx = gy1, gy2, .. stacked."""

    def unfold(self, dimension: builtins.int, size: builtins.int, step: builtins.int) -> Variable:
        """y[.., i, .., j] = x[.., i step + j, ..] along dimension, a view; gx = the sums of gy
        there.
        """

    def uniform_(
        self,
        low: builtins.float = 0,
        high: builtins.float = 1,
        *,
        generator: torch.Generator | None = None,
    ) -> Variable:
        """In place: y = numbers drawn evenly from [low, high), in x's shape and dtype; gx = 0."""

    def unsafe_split(self, split_size: builtins.int, dim: builtins.int = 0) -> tuple[Variable, ...]:
        """y1, y2, .. = x cut along dim, copies; gx = gy1, gy2, .. put together again."""

    def unsafe_split_with_sizes(
        self, split_sizes: Sequence[builtins.int], dim: builtins.int = 0
    ) -> tuple[Variable, ...]:
        """y1, y2, .. = x cut along dim, copies; gx = gy1, gy2, .. put together again."""

    def unsqueeze(self, dim: builtins.int) -> Variable:
        """y = x with a dimension of size 1 put in as dim, a view; gx = gy without it."""

    def unsqueeze_(self, dim: builtins.int) -> Variable:
        """In place: y = x with a dimension of size 1 put in as dim, a view; gx = gy without it."""

    def var(
        self,
        dim: builtins.int
        | tuple[builtins.int, ...]
        | list[builtins.int]
        | builtins.bool
        | None = None,
        unbiased: builtins.bool | None = None,
        keepdim: builtins.bool = False,
        *,
        correction: builtins.float | None = None,
    ) -> Variable:
        """y = sum of |x - mean|^2 / (n - correction); gx = 2 gy (x - mean) / (n - correction)."""

    def vdot(self, y: Variable | Tensor) -> Variable:
        """z = sum(conj(x) y); gx = conj(gz) y, gy = gz x."""

    def view(
        self,
        *sizes: builtins.int | Sequence[builtins.int] | torch.dtype,
        size: Sequence[builtins.int] | None = None,
        dtype: torch.dtype | None = None,
    ) -> Variable:
        """y = x in the shape given, a view; gx = gy in the shape of x."""

    def view_as(self, y: Variable | Tensor) -> Variable:
        """z = x in the shape of y; gx = gz in the shape of x, gy = 0."""

    def where(self, condition: Variable | Tensor, y: Variable | Tensor | complex) -> Variable:
        """z = x where condition holds, else y: torch's method names x before the condition."""

    def xlogy(self, y: Variable | Tensor | complex) -> Variable:
        """z = x log(y), 0 where x = 0; gx = gz log(y), gy = gz x / y."""

    def xlogy_(self, y: Variable | Tensor | complex) -> Variable:
        """In place: z = x log(y), 0 where x = 0; gx = gz log(y), gy = gz x / y."""

    def zero_(self) -> Variable:
        """In place: y = 0 in each element of x's shape and dtype; gx = 0."""

    # A pack's, or of an op that the program registers itself. `plugrad stubs` writes a file
    # without this line, that has the packs' methods and in which other names are errors.
    def __getattr__(self, name: str) -> Any: ...
